"""HTTP to addresses that people typed in: only the public internet answers, whatever a name resolves to at the moment of connecting.

The check sits where the connection is made and the connection goes to the very address that was checked, so neither a redirect, an odd
spelling of an address, nor a name that resolves differently the second time leads anywhere else.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

import httpcore
import httpx

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

PORTS = frozenset({80, 443})
_TRANSLATED = IPv6Network("64:ff9b::/96")
"""Addresses that a gateway turns into IPv4 ones (RFC 6052)."""

_NEVER = tuple(ip_network(net) for net in ("192.88.99.0/24", "64:ff9b:1::/48", "100::/64", "2001::/23"))
"""Relays, translation of one site's own, discard and protocol addresses, some of which count as global."""


class NotPublic(ValueError):
    """The address is not one of the public internet; the text is for a person."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a name, as the system knows them.

    Raises:
        OSError: it has none.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(address: Address) -> bool:
    """Tell whether an address belongs to the public internet, also where it carries an IPv4 address inside."""
    if isinstance(address, IPv6Address):
        if address.is_site_local:
            return False
        inner = address.ipv4_mapped or address.sixtofour or _translated(address)
        if inner is not None:
            return is_public(inner)
    apart = address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback
    return address.is_global and not apart and not any(address in net for net in _NEVER)


def _translated(address: IPv6Address) -> IPv4Address | None:
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in _TRANSLATED else None


class _GuardedBackend(httpcore.AsyncNetworkBackend):
    """Connects to what was checked, and to nothing else."""

    def __init__(self, permitted: Iterable[str], resolver: Resolve) -> None:
        self._own = httpcore.AnyIOBackend()
        self._permitted = [ip_network(net) for net in permitted]
        self._resolve = resolver

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await self._checked(host, port)
        refused: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for address in addresses:
            try:
                return await self._own.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                refused = error
        raise refused or httpcore.ConnectError(f"{host} has no address")

    async def _checked(self, host: str, port: int) -> list[Address]:
        try:
            names = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host} has no address") from error
        addresses = [ip_address(name.split("%", 1)[0]) for name in names]
        for address in addresses:
            if any(address in net for net in self._permitted):
                continue
            if port not in PORTS:
                raise NotPublic(f"Port {port} is not one of web pages (80, 443).")
            if not is_public(address):
                raise NotPublic(
                    "The address leads into a private network or to this computer, not to the public internet."
                )
        return addresses

    async def sleep(self, seconds: float) -> None:
        await self._own.sleep(seconds)


class _GuardedTransport(httpx.AsyncHTTPTransport):
    """httpx's own transport over a pool that connects through the guard; httpx offers no public way to give it one."""

    def __init__(self, backend: httpcore.AsyncNetworkBackend) -> None:
        super().__init__(trust_env=False)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=httpx.create_ssl_context(trust_env=False), network_backend=backend, max_keepalive_connections=4
        )


def outside_client(
    *, permitted: Iterable[str] = (), resolver: Resolve = resolve, seconds: float = 10.0, redirects: int = 5
) -> httpx.AsyncClient:
    """Return a client that reaches the public internet only, without cookies, proxies or credentials of this machine.

    `permitted` are networks (CIDR) that may be reached although they are private, at any port: an intranet that the operator named.
    `seconds` bounds each connect, write and pause between two reads; the caller bounds the whole.

    Raises, when it is used:
        NotPublic: the address, or one that it was redirected to, is not of the public internet.
    """
    return httpx.AsyncClient(
        transport=_GuardedTransport(_GuardedBackend(permitted, resolver)),
        trust_env=False,
        follow_redirects=True,
        max_redirects=redirects,
        timeout=seconds,
        headers={"User-Agent": "WAXOS-knowledge/1", "Accept-Encoding": "gzip"},
    )

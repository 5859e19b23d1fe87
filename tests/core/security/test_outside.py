"""What people typed in leads to the public internet or nowhere: a canary on loopback hears nothing, however it is spelled."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_address

import httpx
import pytest

from core.security.outside import NotPublic, is_public, outside_client, resolve

SPELLINGS = [
    "127.0.0.1", "127.1", "127.0.1", "0x7f.0.0.1", "0x7f000001", "2130706433", "017700000001", "0177.0.0.1", "0.0.0.0", "0",  # noqa: S104 - asked for, not listened on
    "localhost", "LOCALHOST", "localhost.", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]",
    "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fe80::1]", "[fc00::1]", "[fd12:3456::1]", "[ff02::1]", "[2001:db8::1]", "[100::1]",
    "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.255", "169.254.169.254", "169.254.0.1",
    "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[64:ff9b::a9fe:a9fe]", "100.64.0.1", "100.127.255.255", "0.1.2.3",
    "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
    "255.255.255.255", "192.88.99.1", "0xa9fea9fe", "2852039166", "0251.0376.0251.0376", "127.0.0.1.", "127。0。0。1",
    "①②⑦.⓪.⓪.①", "[::127.0.0.1]", "[2001::1]", "[fec0::1]", "[64:ff9b:1::1]",
]  # fmt: skip


class Canary:
    """A server on loopback that notes each connection, and answers with what it was given."""

    def __init__(self) -> None:
        self.heard = 0
        self.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heard += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(self.answer)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def listening(host: str = "127.0.0.1") -> AsyncIterator[Canary]:
    canary = Canary()
    server = await asyncio.start_server(canary.serve, host, 0)
    canary.port = server.sockets[0].getsockname()[1]
    async with server:
        yield canary


@pytest.fixture
def all_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.security.outside.PORTS", range(65536))


@pytest.mark.usefixtures("all_ports")
@pytest.mark.parametrize("spelled", SPELLINGS)
async def test_no_spelling_of_a_private_address_is_connected_to(spelled: str) -> None:
    async with listening() as canary, outside_client(seconds=2) as client:
        with pytest.raises((NotPublic, httpx.ConnectError, httpx.InvalidURL)):
            await client.get(f"http://{spelled}:{canary.port}/")
        assert canary.heard == 0


@pytest.mark.usefixtures("all_ports")
async def test_a_redirect_and_a_name_that_resolves_anew_lead_nowhere_else() -> None:
    async with listening() as public, listening("127.0.0.2") as canary:
        public.answer = (
            f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2:{canary.port}/\r\nContent-Length: 0\r\n\r\n".encode()
        )
        async with outside_client(permitted=["127.0.0.1/32"]) as client:
            with pytest.raises(NotPublic):
                await client.get(f"http://127.0.0.1:{public.port}/")
        assert (public.heard, canary.heard) == (1, 0)

        answers = iter([["127.0.0.1"], ["127.0.0.2"], ["127.0.0.1", "127.0.0.2"]])

        async def flips(*_: object) -> Sequence[str]:
            return next(answers)

        public.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"
        async with outside_client(permitted=["127.0.0.1/32"], resolver=flips) as client:
            assert (await client.get(f"http://shop.example:{public.port}/")).text == "hi"
            for _ in range(2):
                with pytest.raises(NotPublic):
                    await client.get(f"http://shop.example:{canary.port}/")
        assert (public.heard, canary.heard) == (2, 0)


async def test_only_ports_of_web_pages_and_no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    async def anywhere(*_: object) -> Sequence[str]:
        return ["93.184.215.14"]

    async with listening() as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        async with outside_client(resolver=anywhere, seconds=0.3) as client:
            with pytest.raises(NotPublic, match="Port 22"):
                await client.get("http://shop.example:22/")
            with suppress(httpx.TransportError):  # whatever is at that address, if anything
                await client.get("http://shop.example/")
        assert proxy.heard == 0


async def test_public_addresses_are_public_and_names_are_resolved() -> None:
    for public in ("93.184.215.14", "2606:4700::1111", "8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::808:808"):
        assert is_public(ip_address(public)), public
    assert "127.0.0.1" in await resolve("localhost", 80)
    with pytest.raises(socket.gaierror):
        await resolve("no-such-name.invalid", 80)

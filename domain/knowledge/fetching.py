"""Fetching a page of the web for the knowledge: bounded in size, in time and in where it may lead."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit
from urllib.robotparser import RobotFileParser

import httpx

from core.errors import Unavailable
from core.security.outside import NotPublic, Resolve, outside_client, resolve
from domain.knowledge.documents import PageGone, Unreadable

AGENT = "WAXOS-knowledge"


@dataclass(frozen=True, slots=True)
class Fetched:
    """A page as it came. `url` is where it was found in the end; `content` is none where it is the one that we had (`etag`, `modified`)."""

    url: str
    mime: str | None
    content: bytes | None
    etag: str | None = None
    modified: str | None = None


@dataclass(frozen=True, slots=True)
class WebFetcher:
    """Fetches one address at a time. `seconds` bounds a whole fetch, redirects included; `most_bytes` what it unpacks to."""

    permitted: tuple[str, ...] = ()
    resolver: Resolve = resolve
    most_bytes: int = 20 * 1024 * 1024
    seconds: float = 30.0

    async def fetch(self, url: str, *, etag: str | None = None, modified: str | None = None) -> Fetched:
        """Return the page at `url`; with what was told of the copy that we have, only if it is another one by now.

        Raises:
            Unreadable: it cannot become knowledge, now or later; says why.
            Unavailable: the server did not answer as it should; it may later.
        """
        asked = {"If-None-Match": etag, "If-Modified-Since": modified}
        try:
            async with (
                asyncio.timeout(self.seconds),
                outside_client(permitted=self.permitted, resolver=self.resolver) as client,
            ):
                return await self._get(client, url, {name: value for name, value in asked.items() if value})
        except NotPublic as refused:
            raise Unreadable(str(refused), hint="Give the address of a public web page.") from None
        except (TimeoutError, httpx.TimeoutException):
            raise Unavailable(f"{_host(url)} took too long to answer.", retry_after=60) from None
        except httpx.TooManyRedirects:
            raise Unreadable("The address leads from one to another without an end.", hint=_OPEN) from None
        except (httpx.UnsupportedProtocol, httpx.InvalidURL):
            raise Unreadable("The address leads to something that is not a web page.", hint=_OPEN) from None
        except httpx.ConnectError:
            raise Unavailable(
                f"{_host(url)} cannot be reached.", hint="Check the spelling of the address.", retry_after=60
            ) from None
        except httpx.HTTPError as error:
            raise Unavailable(f"{_host(url)} broke off ({type(error).__name__}).", retry_after=60) from None

    async def _get(self, client: httpx.AsyncClient, url: str, asked: Mapping[str, str]) -> Fetched:
        async with client.stream("GET", url, headers=asked) as answer:
            found, told = str(answer.url), answer.headers
            if answer.status_code == httpx.codes.NOT_MODIFIED:
                return Fetched(found, None, None, told.get("etag"), told.get("last-modified"))
            _refuse_bad(answer, url)
            if (
                int(told.get("content-length", "0") if told.get("content-length", "0").isdigit() else 0)
                > self.most_bytes
            ):
                raise self._too_large()
            content = bytearray()
            async for part in answer.aiter_bytes(64 * 1024):
                content += part
                if len(content) > self.most_bytes:
                    raise self._too_large()
            mime = told.get("content-type", "").split(";")[0].strip().lower() or None
            return Fetched(found, mime, bytes(content), told.get("etag"), told.get("last-modified"))

    async def welcome(self, urls: Sequence[str]) -> list[str]:
        """Return those of the pages of one host that its robots.txt lets programs read; none while it does not say."""
        if not urls:
            return []
        rules = RobotFileParser()
        try:
            found = await self.fetch(urljoin(urls[0], "/robots.txt"))
        except Unreadable:
            return list(urls)
        except Unavailable:
            return []
        rules.parse((found.content or b"").decode("utf-8", "replace").splitlines())
        return [url for url in urls if rules.can_fetch(AGENT, url)]

    def _too_large(self) -> Unreadable:
        return Unreadable(
            f"The page is larger than {self.most_bytes // 2**20} MB, or does not end.",
            hint="Upload the part that you need as a file.",
        )


def _refuse_bad(answer: httpx.Response, url: str) -> None:
    status = answer.status_code
    if answer.is_success:
        return
    if status in {401, 403, 407, 451}:
        raise Unreadable(
            f"{_host(url)} does not show this page to everybody ({status}).", hint="Export it and upload the file."
        )
    if status in {404, 410}:
        raise PageGone(f"There is no such page at {_host(url)} ({status}).", hint=_OPEN)
    if status == httpx.codes.TOO_MANY_REQUESTS or answer.is_server_error:
        wait = answer.headers.get("retry-after", "")
        raise Unavailable(f"{_host(url)} answers {status}.", retry_after=min(int(wait), 3600) if wait.isdigit() else 60)
    raise Unreadable(f"{_host(url)} answers {status}.", hint=_OPEN)


def _host(url: str) -> str:
    return urlsplit(url).hostname or "the address"


_OPEN = "Open the address in a browser and copy it from there."

"""Addresses of pages: how one is kept, and which belong to a crawl. Apart from fetching, so that the API is not made to load a client."""

from collections.abc import Iterable
from urllib.parse import urldefrag, urlsplit, urlunsplit

from core.errors import InvalidInput

MOST_URL_CHARS = 2000


def page_url(text: str) -> str:
    """Return the address of a page as it is kept: scheme and host in small letters, without fragment.

    Raises:
        InvalidInput: it is not the address of a web page.
    """
    url = urldefrag(text.strip())[0]
    try:
        parts = urlsplit(url if "://" in url else f"https://{url}")
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    host = (parts.hostname or "").rstrip(".")
    odd = any(ord(char) <= 32 or char in '\\<>"' for char in url)
    if parts.scheme.lower() not in {"http", "https"} or not host or odd or len(url) > MOST_URL_CHARS:
        raise InvalidInput(
            "This is not the address of a web page.",
            hint="It begins with https:// and names a host.",
            code="not_an_address",
        )
    if parts.username is not None or parts.password is not None:
        raise InvalidInput(
            "The address carries a name or password.",
            hint="Pages behind a login cannot be read; export and upload them.",
        )
    scheme = parts.scheme.lower()
    shown = f"[{host}]" if ":" in host else host
    away = port is not None and port != {"http": 80, "https": 443}[scheme]
    return urlunsplit((scheme, f"{shown}:{port}" if away else shown, parts.path or "/", parts.query, ""))


def inside(url: str, start: str) -> bool:
    """Tell whether a page belongs to the small crawl that begins at `start`: same host, and below the folder of the first page."""
    one, first = urlsplit(url), urlsplit(start)
    folder = first.path[: first.path.rfind("/") + 1]
    return (one.scheme, one.netloc) == (first.scheme, first.netloc) and one.path.startswith(folder)


def new_pages(links: Iterable[str], start: str, known: Iterable[str]) -> list[str]:
    """Return the addresses among `links` that belong to the crawl and are not `known`, each once, in order."""
    seen, found = set(known), list[str]()
    for link in links:
        try:
            url = page_url(link)
        except InvalidInput:
            continue
        if url not in seen and inside(url, start):
            seen.add(url)
            found.append(url)
    return found

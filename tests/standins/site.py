"""A web site on loopback whose pages a test writes, and that can misbehave."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Site:
    """What each path answers, and what was asked for. An `endless` site never stops sending."""

    url: str = ""
    bodies: dict[str, bytes] = field(default_factory=dict)
    status: dict[str, int] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    endless: bool = False

    def page(self, path: str, title: str, words: str, *links: str) -> None:
        anchors = "".join(f'<a href="{link}">more</a>' for link in links)
        self.bodies[path] = (
            f"<html><head><title>{title}</title></head><body><p>{words}</p>{anchors}</body></html>".encode()
        )

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split()[1]
        self.asked.append(path)
        self.requests.append(head)
        path = path if path in self.bodies else path.split("?")[0]
        body = self.bodies.get(path)
        status = self.status.get(path, 404 if body is None else 200)
        more = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        length = "" if self.endless else f"Content-Length: {len(body or b'')}\r\n"
        writer.write(
            f"HTTP/1.1 {status} X\r\nContent-Type: text/html\r\n{length}{more}Connection: close\r\n\r\n".encode()
        )
        try:
            writer.write(body or b"")
            while self.endless:
                writer.write(b"<p>and so on</p>" * 4096)
                await writer.drain()
        except ConnectionError:
            return
        finally:
            writer.close()


@asynccontextmanager
async def run_site() -> AsyncIterator[Site]:
    """Serve a site on a free port until left."""
    made = Site()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield made

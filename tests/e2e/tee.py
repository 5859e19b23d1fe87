"""A wire that is listened to: everything that goes to the server from the bridge on the other side of it is kept, byte for byte."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

_REQUEST = re.compile(rb"(GET|POST|PUT|PATCH|DELETE) (/\S*) HTTP/1\.1\r\n")
_LENGTH = re.compile(rb"(?i)content-length: (\d+)")


@dataclass
class Tee:
    """Where to connect instead of the server, and what came through, one entry a connection."""

    url: str = ""
    streams: list[bytearray] = field(default_factory=list)

    @property
    def heard(self) -> bytes:
        """All of it."""
        return b"\n".join(bytes(stream) for stream in self.streams)

    def requests(self) -> list[tuple[str, str, bytes]]:
        """Return method, path and body of every request."""
        found = []
        for stream in self.streams:
            for start in _REQUEST.finditer(stream):
                head_end = stream.find(b"\r\n\r\n", start.end() - 2)
                length = _LENGTH.search(stream[start.end() : head_end])
                body = bytes(stream[head_end + 4 : head_end + 4 + int(length[1])]) if length else b""
                found.append((start[1].decode(), start[2].decode(), body))
        return found

    def bodies(self, method: str, path: str) -> list[Any]:
        """Return the JSON bodies of the requests to one address."""
        return [json.loads(body) for one, to, body in self.requests() if (one, to) == (method, path)]


@asynccontextmanager
async def run_tee(server_url: str) -> AsyncIterator[Tee]:
    """Listen between a new address and the server for as long as the block lasts."""
    tee, there = Tee(), urlsplit(server_url)

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kept: bytearray | None) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(65536):
                if kept is not None:
                    kept += piece
                writer.write(piece)
                await writer.drain()
        writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kept = bytearray()
        tee.streams.append(kept)
        up, down = await asyncio.open_connection(there.hostname, there.port)
        await asyncio.gather(pour(reader, down, kept), pour(up, writer, None))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    tee.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield tee
    finally:
        server.close()

"""Blobs: files by tenant and content. A key names the tenant and the SHA-256 of the bytes, so it never changes its meaning."""

import asyncio
import hashlib
import os
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol
from uuid import UUID

from core.errors import NotFound, TooLarge, Unavailable

_KEY = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/([0-9a-f]{64})")
_CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Blob:
    """A stored file: its key, its hash, its size in bytes."""

    key: str
    sha256: str
    size: int


class BlobStore(Protocol):
    """Where files lie. Every call names the tenant, and a key of another tenant is not found."""

    async def put(self, tenant_id: UUID, chunks: AsyncIterator[bytes], *, limit: int) -> Blob:
        """Store a stream of at most `limit` bytes and return what it became; the same bytes again are the same blob.

        Raises:
            TooLarge: the stream is longer; nothing is kept of it.
            Unavailable: the disk is full or gone.
        """
        ...

    def get(self, tenant_id: UUID, key: str) -> AsyncIterator[bytes]:
        """Yield the bytes.

        Raises:
            NotFound: no such blob of this tenant.
        """
        ...

    async def size(self, tenant_id: UUID, key: str) -> int:
        """Return the size in bytes.

        Raises:
            NotFound: no such blob of this tenant.
        """
        ...

    async def delete(self, tenant_id: UUID, key: str) -> None:
        """Remove a blob; one that is not there is gone already."""
        ...


@dataclass(frozen=True, slots=True)
class LocalBlobs:
    """Files under one folder, a folder for each tenant; readable by the server's own user only."""

    folder: Path

    async def put(self, tenant_id: UUID, chunks: AsyncIterator[bytes], *, limit: int) -> Blob:
        """See BlobStore.put."""
        home = self.folder / str(tenant_id)
        partial = home / f".{secrets.token_hex(8)}.part"
        digest, size = hashlib.sha256(), 0
        try:
            out = await asyncio.to_thread(_create, partial)
            try:
                async for chunk in chunks:
                    size += len(chunk)
                    if size > limit:
                        raise TooLarge(f"the file is larger than {limit // 1_000_000} MB", hint="send a smaller one")
                    digest.update(chunk)
                    await asyncio.to_thread(out.write, chunk)
                await asyncio.to_thread(_settle, out)
            finally:
                out.close()
            sha256 = digest.hexdigest()
            await asyncio.to_thread(_place, partial, home / sha256[:2] / sha256)
        except OSError as error:
            raise Unavailable(
                f"the file cannot be stored ({error.strerror})", hint="check the disk of the server", retry_after=30
            ) from None
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
        return Blob(f"{tenant_id}/{sha256}", sha256, size)

    async def get(self, tenant_id: UUID, key: str) -> AsyncIterator[bytes]:
        """See BlobStore.get."""
        path = self._path(tenant_id, key)
        try:
            source = await asyncio.to_thread(path.open, "rb")
        except FileNotFoundError:
            raise NotFound("no such file") from None
        with source:
            while chunk := await asyncio.to_thread(source.read, _CHUNK):
                yield chunk

    async def size(self, tenant_id: UUID, key: str) -> int:
        """See BlobStore.size."""
        try:
            return (await asyncio.to_thread(self._path(tenant_id, key).stat)).st_size
        except FileNotFoundError:
            raise NotFound("no such file") from None

    async def delete(self, tenant_id: UUID, key: str) -> None:
        """See BlobStore.delete."""
        await asyncio.to_thread(self._path(tenant_id, key).unlink, missing_ok=True)

    def _path(self, tenant_id: UUID, key: str) -> Path:
        """Return where a key lies, for its own tenant only; nothing of the key but its hex digits reaches the file system."""
        match = _KEY.fullmatch(key)
        if match is None or match[1] != str(tenant_id):
            raise NotFound("no such file")
        return self.folder / match[1] / match[2][:2] / match[2]


def _create(path: Path) -> BinaryIO:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _settle(out: BinaryIO) -> None:
    out.flush()
    os.fsync(out.fileno())


def _place(partial: Path, path: Path) -> None:
    path.parent.mkdir(exist_ok=True, mode=0o700)
    partial.replace(path)

"""What every blob store must do."""

import hashlib
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from core.errors import NotFound, TooLarge, Unavailable
from core.storage.blobs import BlobStore, LocalBlobs


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return LocalBlobs(tmp_path / "blobs")


async def stream(data: bytes, step: int = 1000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), step):
        yield data[start : start + step]


def files_under(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def read(source: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in source])


async def test_what_was_put_comes_back_under_its_hash(blobs: BlobStore) -> None:
    tenant, data = uuid4(), os.urandom(700_000)
    blob = await blobs.put(tenant, stream(data), limit=1_000_000)
    assert blob.sha256 == hashlib.sha256(data).hexdigest()
    assert blob.size == await blobs.size(tenant, blob.key) == len(data)
    assert await read(blobs.get(tenant, blob.key)) == data
    assert await blobs.put(tenant, stream(data), limit=1_000_000) == blob


async def test_another_tenant_and_a_crooked_key_find_nothing(blobs: BlobStore) -> None:
    tenant, other = uuid4(), uuid4()
    blob = await blobs.put(tenant, stream(b"private"), limit=100)
    for who, key in (
        (other, blob.key),
        (tenant, blob.key.replace(str(tenant), str(other))),
        (tenant, f"{tenant}/../{tenant}/{blob.sha256}"),
        (tenant, f"{tenant}/{'0' * 64}"),
        (tenant, "/etc/passwd"),
        (tenant, blob.key + "\n"),
    ):
        with pytest.raises(NotFound):
            await read(blobs.get(who, key))
        with pytest.raises(NotFound):
            await blobs.size(who, key)


async def test_too_large_leaves_nothing(blobs: BlobStore, tmp_path: Path) -> None:
    with pytest.raises(TooLarge):
        await blobs.put(uuid4(), stream(b"x" * 5000), limit=4999)
    assert files_under(tmp_path) == []


async def test_deleting_twice_is_deleting_once(blobs: BlobStore) -> None:
    tenant = uuid4()
    blob = await blobs.put(tenant, stream(b"gone"), limit=100)
    await blobs.delete(tenant, blob.key)
    await blobs.delete(tenant, blob.key)
    with pytest.raises(NotFound):
        await blobs.size(tenant, blob.key)


async def test_files_on_disk_are_private(tmp_path: Path) -> None:
    await LocalBlobs(tmp_path / "blobs").put(uuid4(), stream(b"private"), limit=100)
    (path,) = files_under(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.parent.stat().st_mode) == 0o700


async def test_a_folder_that_cannot_be_written_is_a_503(tmp_path: Path) -> None:
    (tmp_path / "blobs").write_text("a file where the folder should be")
    with pytest.raises(Unavailable):
        await LocalBlobs(tmp_path / "blobs").put(uuid4(), stream(b"x"), limit=100)

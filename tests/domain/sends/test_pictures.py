"""Pictures of stopped sends: from the device that had the send in hand, PNG only, kept some days."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from core.contracts.bridge import SendOrder, SendOutcome
from core.contracts.ids import new_id
from core.contracts.states import SendStatus
from core.errors import Conflict, InvalidInput, NotFound
from core.jobs.registry import Resources
from core.settings import Settings
from core.storage.blobs import LocalBlobs
from domain.due.models import Due
from domain.sends import pictures
from domain.tasks import delete_picture
from tests.domain.desk import Desk

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (40).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0abcd" + b"\0\0\0\0IEND\xaeB`\x82"


async def stopped(desk: Desk) -> SendOrder:
    chat_id = await desk.customer_writes("How much is tea?")
    await desk.approve(await desk.draft_for(chat_id, "Tea costs 4 EUR."))
    order = await desk.next()
    assert order is not None
    await desk.report(order, SendOutcome.RETURNED, code="page_changed")
    return order


async def kept(desk: Desk, order: SendOrder, blobs: LocalBlobs, content: bytes = PNG) -> str:
    async def once() -> AsyncIterator[bytes]:
        yield content

    blob = await blobs.put(desk.tenant, once(), limit=pictures.MAX_BYTES)
    async with desk.db.unit_of_work(desk.tenant) as session:
        await pictures.keep_picture(session, desk.bridge, order.send_id, blob.key, days=7)
    return blob.key


async def test_is_kept_once_and_deleted_when_its_days_are_over(desk: Desk, tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    order, other = await stopped(desk), await stopped(desk)
    key = await kept(desk, order, blobs)
    await kept(desk, order, blobs, PNG[:-12] + b"x" + PNG[-12:])
    assert await kept(desk, other, blobs) == key, "the same bytes are one file"
    assert (await desk.send(order.send_id)).picture_key == key, "what is there is never replaced"
    async with desk.db.without_tenant() as session:
        row = await session.get(Due, (desk.tenant, pictures.PICTURE_TASK, order.send_id))
    assert row is not None
    resources = Resources(Settings(storage={"folder": tmp_path}), desk.db)
    await delete_picture(resources, desk.tenant, order.send_id)
    assert await blobs.size(desk.tenant, key), "the other send still shows it"
    await delete_picture(resources, desk.tenant, other.send_id)
    await delete_picture(resources, desk.tenant, other.send_id)
    with pytest.raises(NotFound):
        await blobs.size(desk.tenant, key)
    async with desk.db.unit_of_work(desk.tenant) as session:
        with pytest.raises(NotFound):
            await pictures.picture_key(session, order.send_id)
        assert await session.get(Due, (desk.tenant, pictures.PICTURE_TASK, order.send_id)) is None


async def test_is_taken_from_the_device_that_had_it_in_hand_only(desk: Desk) -> None:
    order = await stopped(desk)
    stranger = Desk(desk.db, desk.tenant, channel_id=desk.channel_id).bridge
    async with desk.db.unit_of_work(desk.tenant) as session:
        await pictures.require_picture_wanted(session, desk.bridge, order.send_id)
        with pytest.raises(Conflict):
            await pictures.require_picture_wanted(session, stranger, order.send_id)
        with pytest.raises(NotFound):
            await pictures.require_picture_wanted(session, desk.bridge, new_id())
        await session.execute(text("update sends set status = 'sent'"))
        with pytest.raises(Conflict):
            await pictures.require_picture_wanted(session, desk.bridge, order.send_id)
    assert (await desk.send(order.send_id)).status == SendStatus.SENT


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a" + PNG[6:],
        PNG[:-1],
        PNG.replace((40).to_bytes(4, "big"), (0).to_bytes(4, "big"), 1),
        PNG.replace((40).to_bytes(4, "big"), (90_000).to_bytes(4, "big"), 1),
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    ],
)
def test_only_png_pictures_of_a_sensible_size_are_taken(content: bytes) -> None:
    pictures.refuse_other_than_png(PNG)
    with pytest.raises(InvalidInput):
        pictures.refuse_other_than_png(content)

"""Random lives of a desk: whatever order acts, crashes and messages come in, no row leaves twice and none is lost unseen."""

import random
from collections import Counter
from contextlib import suppress
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import NoResultFound

from core.contracts.bridge import ABSENCE_PROOF, Armed, SendOrder, SendOutcome
from core.contracts.ids import new_id
from core.contracts.states import Direction, SendStatus
from core.errors import Conflict
from domain.chats.models import Message
from domain.drafts.models import Draft
from domain.sends.models import Send
from tests.domain.desk import Desk

CHATS, ACTS = 3, 60
AT_REST = {"sent", "delivered", "read", "returned", "cancelled", "expired", "failed", "unknown", "abandoned"}


class Page:
    """What really arrived at the customers: one entry a click that worked, by send."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.left: Counter[UUID] = Counter()
        self.bubble: dict[UUID, str] = {}

    def click(self, order: SendOrder) -> None:
        self.left[order.send_id] += 1
        self.bubble[order.send_id] = self._desk.bubble()


async def act(desk: Desk, page: Page, chats: list[UUID], rng: random.Random) -> None:
    chat_id = rng.choice(chats)
    what = rng.choices(["writes", "draft", "bridge", "phone", "lease"], [1, 4, 9, 1, 1])[0]
    if what == "writes":
        await desk.customer_writes(f"q{rng.random()}", chat_id)
    elif what == "phone":
        await desk.observe(chat_id, desk.seen(chat_id, f"from the phone {rng.random()}", Direction.OUT))
        async with desk.db.unit_of_work(desk.tenant) as session:
            await session.execute(text("update chats set paused_until = null"))
    elif what == "draft":
        await desk.customer_writes(f"q{rng.random()}", chat_id)  # without news no run is due
        parts = [f"answer {rng.random()}" for _ in range(rng.randint(1, 3))]
        await desk.store(await desk.claim(chat_id), *parts)
        await desk.approve(await desk.pending(chat_id))
    elif what == "lease":
        async with desk.db.unit_of_work(desk.tenant) as session:
            await session.execute(text("update channels set epoch = epoch + 1"))
        desk.epoch += 1
    else:
        await bridge(desk, page, rng)


async def bridge(desk: Desk, page: Page, rng: random.Random) -> None:
    """One turn of the bridge, which may crash before the arm, between arm and click, and before the report."""
    order = await desk.next()
    if order is None or rng.random() < 0.15:
        return
    if order.settle_only:
        await settle(desk, page, order, rng)
        return
    if rng.random() < 0.1:
        await desk.report(order, SendOutcome.RETURNED, code="box_not_empty")
        return
    if not isinstance(await desk.arm(order), Armed):
        return
    if rng.random() < 0.1:
        await desk.report(order, SendOutcome.DISARMED)
        return
    if rng.random() < 0.75:
        page.click(order)
    if rng.random() < 0.5 and order.send_id in page.bubble:
        await desk.report(order, SendOutcome.SENT, external_id=page.bubble[order.send_id])


async def settle(desk: Desk, page: Page, order: SendOrder, rng: random.Random) -> None:
    if order.send_id in page.bubble and page.left[order.send_id]:
        if rng.random() < 0.1:
            await desk.report(order, SendOutcome.UNKNOWN)
        else:
            await desk.report(order, SendOutcome.SENT, external_id=page.bubble[order.send_id])
        return
    async with desk.db.unit_of_work(desk.tenant) as session:
        await session.execute(text("update sends set click_deadline_at = click_deadline_at - interval '15 seconds'"))
    proof = dict.fromkeys(ABSENCE_PROOF, True)
    if rng.random() < 0.3:
        proof["page_synced"] = False
    await desk.report(order, SendOutcome.ABSENT, evidence=proof)


@pytest.mark.parametrize("seed", range(6))
async def test_nothing_leaves_twice_and_nothing_is_lost_unseen(desk: Desk, seed: int) -> None:
    rng, page = random.Random(seed), Page(desk)
    chats = [await desk.customer_writes("first", new_id()) for _ in range(CHATS)]
    for _ in range(ACTS):
        with suppress(Conflict, NoResultFound):
            await act(desk, page, chats, rng)
    for _ in range(40):
        await bridge(desk, page, rng)
    rows: list[Send] = await desk.all(Send)
    assert max(page.left.values(), default=0) <= 1, "a row left twice"
    for send in rows:
        if send.status in (SendStatus.SENT, SendStatus.DELIVERED, SendStatus.READ):
            assert page.left[send.id] == 1, "a row is called sent and never left"
        else:
            assert page.left[send.id] == 0 or send.status in (SendStatus.UNKNOWN, SendStatus.ARMED)
        blocked = send.status == SendStatus.QUEUED and any(
            other.status == SendStatus.UNKNOWN and other.chat_id == send.chat_id for other in rows
        )
        assert send.status in AT_REST or blocked, f"a send rests as {send.status}"
    drafts = {draft.id: draft for draft in await desk.all(Draft)}
    assert all(drafts[send.draft_id].parts[send.part] == send.text for send in rows), (
        "a text left that was not approved"
    )
    ours = [m for m in await desk.all(Message) if m.send_id is not None]
    assert len(ours) == len({m.external_id for m in ours}) == sum(1 for s in rows if s.message_id is not None)
    assert len(rows) > 3, "the sequence did not get anywhere"

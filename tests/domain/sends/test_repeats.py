"""A browser that slept with the click in it sends when it wakes, after staff gave the message up: nothing repeats it then."""

from uuid import UUID

import pytest

from core.contracts.bridge import Armed, SendOrder, SendOutcome
from core.contracts.drafts import SettleSend
from core.contracts.states import Direction
from core.contracts.states import SendStatus as S
from core.errors import Conflict
from domain.sends import people
from tests.domain.desk import Desk
from tests.domain.sends.test_service import armed


async def given_up(desk: Desk, *parts: str, put_back: bool) -> tuple[UUID, SendOrder]:
    chat_id, order = await armed(desk, *parts)
    await desk.report(order, SendOutcome.UNKNOWN)
    async with desk.db.unit_of_work(desk.tenant) as session:
        body = SettleSend(outcome=S.ABANDONED, put_back=put_back)
        await people.settle(session, desk.staff, order.send_id, body)
    return chat_id, order


async def turns_up(desk: Desk, chat_id: UUID, order: SendOrder) -> None:
    await desk.observe(chat_id, desk.seen(chat_id, order.text, Direction.OUT, external_id=desk.bubble()))


@pytest.mark.parametrize("leased", [False, True])
async def test_a_repeat_that_waits_is_withdrawn(leased: bool, desk: Desk) -> None:
    chat_id, order = await given_up(desk, put_back=False)
    again = await desk.retry(order.send_id)
    if leased:
        assert await desk.next() is not None
    await turns_up(desk, chat_id, order)
    first, second = await desk.send(order.send_id), await desk.send(again.id)
    assert (first.status, second.status, second.error_code) == (S.SENT, S.CANCELLED, "arrived_late")
    assert await desk.next() is None
    assert not (await desk.chat(chat_id)).paused_until, "nobody answered on the phone"


async def test_text_that_was_put_back_leaves_the_desk_and_what_followed_it_stays(desk: Desk) -> None:
    chat_id, order = await given_up(desk, "Tea costs 4 EUR.", "Shall I keep some?", put_back=True)
    await turns_up(desk, chat_id, order)
    assert (await desk.send(order.send_id)).status == S.SENT
    assert (await desk.pending(chat_id)).parts == ["Shall I keep some?"]


async def test_put_back_and_approved_again_is_withdrawn_with_the_rest_before_staff(desk: Desk) -> None:
    chat_id, order = await given_up(desk, "Tea costs 4 EUR.", "Shall I keep some?", put_back=True)
    first, rest = await desk.approve(await desk.pending(chat_id))
    await turns_up(desk, chat_id, order)
    assert ((await desk.send(first)).status, (await desk.send(rest)).status) == (S.CANCELLED, S.RETURNED)
    assert (await desk.pending(chat_id)).parts == ["Shall I keep some?"]


async def test_the_bubble_of_an_armed_repeat_is_its_own(desk: Desk) -> None:
    chat_id, order = await given_up(desk, put_back=False)
    await desk.retry(order.send_id)
    repeat = await desk.next()
    assert repeat is not None
    assert isinstance(await desk.arm(repeat), Armed)
    bubble = desk.bubble()
    await desk.observe(chat_id, desk.seen(chat_id, order.text, Direction.OUT, external_id=bubble))
    await desk.report(repeat, SendOutcome.SENT, external_id=bubble)
    assert (await desk.send(order.send_id)).status == S.ABANDONED
    assert (await desk.send(repeat.send_id)).status == S.SENT


async def test_its_own_bridge_may_prove_it_too(desk: Desk) -> None:
    _, order = await given_up(desk, put_back=False)
    again = await desk.retry(order.send_id)
    answer = await desk.report(order, SendOutcome.SENT, external_id=desk.bubble())
    assert (answer.status, (await desk.send(again.id)).status) == (S.SENT, S.CANCELLED)


async def test_other_words_from_the_phone_prove_nothing(desk: Desk) -> None:
    chat_id, order = await given_up(desk, put_back=False)
    await desk.observe(chat_id, desk.seen(chat_id, "Tea is 4.", Direction.OUT, external_id=desk.bubble()))
    assert (await desk.send(order.send_id)).status == S.ABANDONED


async def test_a_person_cannot_settle_it_a_second_time(desk: Desk) -> None:
    _, order = await given_up(desk, put_back=False)
    async with desk.db.unit_of_work(desk.tenant) as session:
        with pytest.raises(Conflict, match="closed already"):
            await people.settle(session, desk.staff, order.send_id, SettleSend(outcome=S.SENT))

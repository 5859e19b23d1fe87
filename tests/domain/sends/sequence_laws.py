"""What must hold of the rows of `sends`, seen beside what the customers of a `World` really got."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select

from core.contracts.states import DraftOrigin, DraftStatus, SendStatus
from domain.chats.models import Chat, Message
from domain.drafts.models import Draft
from domain.sends import people
from domain.sends.models import Send
from domain.sends.transitions import LEFT, ON_ITS_WAY, WAITING
from tests.domain.sends.model_desk import World

S = SendStatus

BEFORE_STAFF = (DraftStatus.PENDING, DraftStatus.HELD)
NOT_LEFT = (*WAITING, S.RETURNED, S.CANCELLED, S.EXPIRED, S.FAILED, S.ABANDONED)
"""What is in one of these has not arrived, and can not arrive any more."""


@dataclass
class Rows:
    """The sends and drafts of a world, in an order that does not depend on ids or times of one run."""

    versions: dict[UUID, int] = field(default_factory=dict)
    """At which version each chat is."""
    sends: list[Send] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)

    @classmethod
    async def of(cls, world: World) -> "Rows":
        """Read them."""
        async with world.desk.db.unit_of_work(world.desk.tenant) as session:
            chats = list(await session.scalars(select(Chat)))
            sends = list(await session.scalars(select(Send)))
            drafts = list(await session.scalars(select(Draft)))
        return cls(
            {chat.id: chat.version for chat in chats},
            sorted(sends, key=lambda one: (_number(one.text), one.queued_at)),
            sorted(drafts, key=lambda one: (_number(one.parts[0]), one.created_at)),
        )

    def before_staff(self) -> list[Draft]:
        """Return the drafts that staff may decide on."""
        return [draft for draft in self.drafts if draft.status in BEFORE_STAFF]

    def in_status(self, *statuses: SendStatus) -> list[Send]:
        """Return the sends that stand so."""
        return [send for send in self.sends if send.status in statuses]


def judge(world: World, rows: Rows) -> None:
    """Hold each row against the truth: what it says of its text is so, and whoever is to know of it can see it."""
    for send in rows.sends:
        name, arrived = f"{send.text!r}, {send.status},", world.arrived(send.text)
        assert arrived <= 1, f"{name} arrived {arrived} times"
        assert arrived == 1 or send.status not in LEFT, f"{name} never left"
        if send.status in NOT_LEFT:
            assert not any(one.open or one.bubble for one in world.of(send.id)), f"{name} arrived or may yet"
        if send.status in WAITING:
            assert send.chat_version == rows.versions[send.chat_id], f"{name} was approved for an older chat"
        if send.status in (S.UNKNOWN, S.RETURNED, S.EXPIRED, S.FAILED):
            assert send.error_code, f"{name} does not say why"
        if send.status in (S.RETURNED, S.EXPIRED):
            assert _came_back(send, rows.drafts), f"{name} is in no draft that waits or was decided on"


def judge_at_rest(world: World, rows: Rows) -> None:
    """Once a bridge has worked without mishaps, only what stands behind a doubt may wait."""
    doubtful = {send.chat_id for send in rows.in_status(S.UNKNOWN)}
    for send in rows.in_status(*ON_ITS_WAY):
        assert send.status == S.QUEUED, f"{send.text!r} rests as {send.status}"
        assert send.chat_id in doubtful, f"{send.text!r} waits for nothing"
    for send in rows.sends:
        left = [one for one in rows.in_status(*LEFT, S.UNKNOWN) if one.text == send.text]
        assert len(left) >= world.arrived(send.text), f"{send.text!r} arrived and no row says so"
        gone = any(one.status in LEFT for one in left)
        assert not gone or not _waits(send.text, rows), f"{send.text!r} arrived and is offered to be sent again"


async def judge_what_staff_see(world: World) -> None:
    """Staff see every send, and where the bridge was given nothing they see for what each of them waits."""
    desk = world.desk
    async with desk.db.unit_of_work(desk.tenant) as session:
        listed = await people.list_sends(session, None, None, 1000, desk.settings)
    for one in listed:
        before = [send for send in listed if send.draft_id == one.draft_id and send.part < one.part]
        behind = any(send.status in (*ON_ITS_WAY, S.UNKNOWN) for send in before)
        if one.status in WAITING:
            assert behind or one.wait_code is not None, f"{one.text!r} waits and nobody sees for what"
            world.happened[f"waits: {one.wait_code or 'part'}"] += 1


async def judge_proofs(world: World, rows: Rows) -> None:
    """A bubble proves one send, and each text that was on its way is byte for byte one that was approved (law 2)."""
    proofs = [one.send_id for one in await world.desk.all(Message) if one.send_id is not None]
    assert len(proofs) == len(set(proofs)), "two bubbles prove one send"
    of = {draft.id: draft for draft in rows.drafts}
    assert all(of[send.draft_id].parts[send.part] == send.text for send in rows.sends)
    assert all(of[send.draft_id].status == DraftStatus.APPROVED for send in rows.sends)


def _came_back(send: Send, drafts: Iterable[Draft]) -> bool:
    decided = (*BEFORE_STAFF, DraftStatus.APPROVED, DraftStatus.REJECTED)
    back = [one for one in drafts if one.id != send.draft_id and send.text in one.parts]
    return any(one.origin == DraftOrigin.HUMAN and one.status in decided for one in back)


def _waits(words: str, rows: Rows) -> bool:
    drafts: Sequence[Draft] = rows.before_staff()
    return any(words in draft.parts for draft in drafts)


def _number(words: str) -> int:
    return int(words.rsplit(" ", 1)[-1])

"""A model of what stands around `sends`: the customers' phones, two computers that serve one channel, and the clock.

A computer is honest as a real bridge is: it clicks once an arming, only while the page still ends as it did, and calls absent only what
can not be clicked any more. All else may go wrong: crashes, lost answers, late clicks, late, repeated and mistaken reports.
"""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from core.contracts.bridge import ABSENCE_PROOF, NEVER_CLICKED, Armed, LeaseRequest, SendOrder, SendOutcome
from core.contracts.ids import new_id
from core.contracts.states import ChannelState, Direction, Tick
from core.errors import Conflict
from domain.channels import service as channels
from domain.due.models import Due
from domain.sends import watch
from domain.sends.outbox import WATCH_TASK
from tests.domain.desk import Desk

CLICK_ENDS = 4
"""Seconds after which no click of an arming can happen any more: its guard swallows it."""
LEASE_ENDS, GUARD_ENDS, LIMIT_ENDS, TEXT_EXPIRES = 45, 180, 3700, 5 * 3600

TIMES = {
    "channels": ("lease_until", "guard_until"),
    "sends": ("queued_at", "expires_at", "wait_until", "armed_at", "click_deadline_at", "lease_until"),
    "due": ("due_at",),
}
"""What lies further back when time has passed."""


@dataclass
class Bubble:
    """One bubble of a chat; `told` when the server has heard of it."""

    id: str
    text: str
    direction: Direction
    told: bool = False


@dataclass
class Arming:
    """One permission to click, as the computer knows it that asked for it."""

    order: SendOrder
    name: UUID
    by: "Computer"
    tail: str
    known: bool
    open: bool = True
    bubble: str | None = None
    """What its click left on the page."""


@dataclass
class Said:
    """A report as it was sent, to be sent again."""

    by: "Computer"
    order: SendOrder
    outcome: SendOutcome
    body: dict[str, Any]


@dataclass
class Computer:
    """One paired computer with its journal: a device, an installation, and the epoch that it believes to hold."""

    desk: Desk

    async def lease(self, *, anew: bool = False) -> None:
        """Keep the channel, or take it."""
        body = LeaseRequest(
            installation_id=self.desk.installation,
            epoch=None if anew else self.desk.epoch,
            state=ChannelState.LINKED,
            app_version="1",
        )
        async with self.desk.db.unit_of_work(self.desk.tenant) as session:
            self.desk.epoch = (await channels.lease(session, self.desk.bridge, body, self.desk.settings)).epoch


@dataclass
class World:
    """What is true outside the database, and everything that can happen there."""

    desk: Desk
    happened: Counter[str]
    """How often each kind of act took place, over all worlds of a run."""
    chats: dict[UUID, list[Bubble]] = field(default_factory=dict)
    armings: list[Arming] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    computers: list[Computer] = field(default_factory=list)
    holder: Computer = field(init=False)
    words: int = 0

    def __post_init__(self) -> None:
        other = replace(self.desk, device_id=new_id(), installation=new_id(), epoch=0, armings={})
        self.computers = [Computer(self.desk), Computer(other)]
        self.holder = self.computers[0]

    # -- the customers' phones ----------------------------------------------------------------------------------------

    def fresh(self, what: str) -> str:
        """Return words that stand nowhere else, so that a bubble tells whose it is."""
        self.words += 1
        return f"{what} {self.words}"

    def arrived(self, words: str) -> int:
        """Tell how often a customer got this text."""
        return sum(bubble.text == words for bubbles in self.chats.values() for bubble in bubbles)

    def shows(self, chat_id: UUID, words: str, direction: Direction) -> Bubble:
        """Let a bubble appear on the page."""
        bubble = Bubble(self.desk.bubble(), words, direction)
        self.chats.setdefault(chat_id, []).append(bubble)
        return bubble

    def of(self, send_id: UUID) -> list[Arming]:
        """Return the armings of a send, oldest first."""
        return [one for one in self.armings if one.order.send_id == send_id]

    def clickable(self) -> list[Arming]:
        """Return the armings whose click may still come."""
        return [one for one in self.armings if one.open and one.known]

    def lost_answers(self) -> list[Arming]:
        """Return the armings of the holder that it does not know of yet."""
        return [one for one in self.armings if one.open and not one.known and one.by is self.holder]

    # -- what a bridge does -------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def tried(self, act: str) -> AsyncIterator[None]:
        """Count an act, or its refusal, which is a right answer too."""
        try:
            yield
        except Conflict:
            self.happened[f"{act}: refused"] += 1
        else:
            self.happened[act] += 1

    async def looks(self, chat_id: UUID, tick: Tick | None = None) -> None:
        """Let the holder tell what the page shows and the server does not know, and a tick of its newest own bubble."""
        own = [one for one in self.chats[chat_id] if one.direction == Direction.OUT]
        seen = [one for one in self.chats[chat_id] if not one.told or (tick is not None and own and one is own[-1])]
        messages = [
            self.desk.seen(chat_id, one.text, one.direction, external_id=one.id, tick=tick if one.told else None)
            for one in seen
        ]
        async with self.tried("observation"):
            await self.holder.lease()
            await self.holder.desk.observe(chat_id, *messages)
            for one in seen:
                one.told = True

    async def takes(self) -> SendOrder | None:
        """Let the holder ask for the one send to work on."""
        with suppress(Conflict):
            await self.holder.lease()
        try:
            return await self.holder.desk.next()
        except Conflict:
            self.happened["stale holder asks: refused"] += 1
            return None

    async def arms(self, order: SendOrder, *, answered: bool) -> Arming | None:
        """Let the holder ask to click; where the answer is lost it does not know that it may."""
        name, tail = new_id(), self.chats[order.chat_id][-1].id
        try:
            answer = await self.holder.desk.arm(order, tail=tail, arming=name)
        except Conflict as refused:
            self.happened[f"arm: {refused.reason_code}"] += 1
            return None
        if not isinstance(answer, Armed):
            self.happened[f"arm: {answer.reason_code}"] += 1
            return None
        self.happened["armed"] += 1
        self.armings.append(Arming(order, name, self.holder, tail, known=answered))
        return self.armings[-1]

    async def asks_again(self, arming: Arming) -> None:
        """Let the computer whose answer was lost ask once more, at once."""
        await self._just_armed(arming.order.send_id)
        async with self.tried("asked again"):
            arming.known = isinstance(await self._arm_again(arming.by, arming, arming.name), Armed)

    async def second_permission(self, arming: Arming) -> bool:
        """Tell whether a click could be allowed twice: a new name, or the name from the other computer."""
        await self._just_armed(arming.order.send_id)
        other = next(one for one in self.computers if one is not arming.by)
        for computer, name in ((arming.by, new_id()), (other, arming.name), (other, new_id())):
            with suppress(Conflict):
                if isinstance(await self._arm_again(computer, arming, name), Armed):
                    return True
        self.happened["second permission: refused"] += 1
        return False

    async def _arm_again(self, computer: Computer, arming: Arming, name: UUID) -> Armed | Conflict:
        return await computer.desk.arm(arming.order, tail=arming.tail, arming=name)

    async def clicks(self, arming: Arming) -> None:
        """Click, if the page still ends as it did; else the guard swallows the click, and the computer says so."""
        arming.open = False
        chat_id = arming.order.chat_id
        if self.chats[chat_id][-1].id == arming.tail:
            arming.bubble = self.shows(chat_id, arming.order.text, Direction.OUT).id
            self.happened["clicked"] += 1
        else:
            self.happened["swallowed"] += 1
            await self.reports(arming.by, arming.order, SendOutcome.DISARMED, arming=arming.name, code="guard_tail")

    async def reports(self, by: Computer, order: SendOrder, outcome: SendOutcome, **body: Any) -> str:
        """Let a computer say what became of a send; returns what the server makes of it."""
        body = {"epoch": by.desk.epoch, "installation_id": by.desk.installation, "arming": order.arming} | body
        said = Said(by, order, outcome, body)
        self.said.append(said)
        return await self.repeats(said)

    async def repeats(self, said: Said, epoch: int | None = None) -> str:
        """Let a report arrive, once more or for the first time."""
        body = said.body | ({} if epoch is None else {"epoch": epoch})
        self._note(said, body)
        return (await said.by.desk.report(said.order, said.outcome, **body)).status

    def is_outdated(self, said: Said) -> bool:
        """Tell whether a report is about an arming that another one followed."""
        names = [one.name for one in self.of(said.order.send_id)]
        return said.body["arming"] in names[:-1]

    def _note(self, said: Said, body: dict[str, Any]) -> None:
        named = next((one for one in self.armings if one.name == body["arming"]), None)
        self.happened[f"told {said.outcome}"] += 1
        self.happened["told by another installation"] += named is not None and named.by is not said.by
        self.happened["told of an earlier arming"] += self.is_outdated(said)
        self.happened["told under a stale epoch"] += body["epoch"] < self.holder.desk.epoch

    async def settles(self, order: SendOrder, *, proven: str) -> None:
        """Let the holder find out about an armed send: it looks at the page, its own old browser dead."""
        arming = next(one for one in self.armings if one.name == order.arming)
        if arming.by is self.holder and proven != "early":
            arming.open = False
        if arming.bubble is not None:
            outcome = SendOutcome.UNKNOWN if proven == "missed" else SendOutcome.SENT
            external_id = arming.bubble if outcome == SendOutcome.SENT else None
            await self.reports(self.holder, order, outcome, external_id=external_id)
            return
        if not arming.known and proven == "journal" and arming.by is self.holder:
            evidence = {NEVER_CLICKED: True}
        else:
            evidence = dict.fromkeys(ABSENCE_PROOF, True) | ({"page_synced": False} if proven == "missed" else {})
        await self._just_armed(order.send_id, ago=0 if proven == "early" else 20)
        became = await self.reports(self.holder, order, SendOutcome.ABSENT, evidence=evidence)
        self.happened[f"absence by {'its own' if arming.by is self.holder else 'another'}: {became}"] += 1

    async def _just_armed(self, send_id: UUID, ago: int = 0) -> None:
        """Put the deadline of a click by the database's clock, whatever time the tests took."""
        statement = "update sends set click_deadline_at = clock_timestamp() + make_interval(secs => :s) where id = :id"
        await self._run(statement, s=3 - ago, id=send_id)

    # -- the clock ----------------------------------------------------------------------------------------------------

    async def passes(self, seconds: int) -> None:
        """Let time pass: everything that the database remembers lies further back."""
        if seconds >= CLICK_ENDS:
            for arming in self.armings:
                arming.open = False
        async with self.desk.db.unit_of_work(self.desk.tenant) as session:
            for table, columns in TIMES.items():
                moved = ", ".join(f"{column} = {column} - make_interval(secs => :s)" for column in columns)
                statement = f"update {table} set {moved} where tenant_id = :tenant"  # noqa: S608 - of this module
                await session.execute(text(statement), {"s": seconds, "tenant": self.desk.tenant})

    async def sweeps(self) -> None:
        """Let a worker look at every send whose time has come."""
        async with self.desk.db.unit_of_work(self.desk.tenant) as session:
            is_due = (Due.tenant_id == self.desk.tenant, Due.kind == WATCH_TASK)
            due = list(await session.scalars(select(Due.id).where(*is_due, Due.due_at <= text("clock_timestamp()"))))
        for send_id in sorted(due):
            async with self.desk.db.unit_of_work(self.desk.tenant) as session:
                await watch.watch(session, send_id)

    async def _run(self, statement: str, **values: object) -> None:
        async with self.desk.db.unit_of_work(self.desk.tenant) as session:
            await session.execute(text(statement), values)

    async def machine_rests_no_more(self) -> None:
        """Let a person end the machine's rest after a reply from the phone, so that drafts go on being made."""
        await self._run("update chats set paused_until = null")

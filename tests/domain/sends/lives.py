"""Lives of a desk as a state machine of acts, each judged at once by what the customers of the model really got.

Hypothesis chooses the acts in a thread of its own; each of them runs on the loop of the fixtures.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy.exc import NoResultFound

from core.contracts.bridge import SendOrder, SendOutcome
from core.contracts.drafts import Approve, Reject, SettleSend
from core.contracts.ids import new_id
from core.contracts.states import Direction, SendStatus, Tick
from core.db.session import Database
from core.errors import Conflict
from core.settings import DeskSettings
from domain.drafts import service as drafts
from domain.drafts.models import Draft
from domain.sends import people
from domain.sends.models import Send
from domain.sends.transitions import ON_ITS_WAY, RETRYABLE
from tests.conftest import make_tenant
from tests.domain.desk import Desk
from tests.domain.sends import sequence_laws as laws
from tests.domain.sends.model_desk import (
    CLICK_ENDS,
    GUARD_ENDS,
    LEASE_ENDS,
    LIMIT_ENDS,
    TEXT_EXPIRES,
    Arming,
    Computer,
    World,
)
from tests.domain.sends.sequence_laws import Rows

S = SendStatus
Answer = TypeVar("Answer")

CHATS = 2
ENDS = ("tells", "tells", "tells", "tells", "clicks", "arms", "arms", "arms", "lost", "lost", "disarmed")
GIVES_UP = ("returned", "failed", "postponed", "postponed", "doubt")
PROOFS = ("whole", "whole", "journal", "missed", "early", "later", "later", "later")


class Turn(NamedTuple):
    """One turn of the bridge: how far it gets with what it is given, whether it looks first, and how it settles what was armed."""

    ends: str
    looks: bool = True
    proven: str = "whole"


one_turn = st.builds(
    Turn, st.sampled_from((*ENDS, *GIVES_UP)), st.sampled_from((True, True, True, False)), st.sampled_from(PROOFS)
)
turns = st.lists(one_turn, max_size=2)
CLOCK = [0, CLICK_ENDS, LEASE_ENDS, LEASE_ENDS, GUARD_ENDS, LIMIT_ENDS, TEXT_EXPIRES]
any_number = st.integers(0, 30)


@dataclass(frozen=True)
class Mark:
    """When an act is possible, how often it is chosen beside the others, and what is drawn for it."""

    when: Callable[["Lives"], object]
    weight: int
    drawn: dict[str, st.SearchStrategy[Any]]


MARKS: dict[str, Mark] = {}
"""The acts of `Lives` by their names."""


def act(
    when: Callable[["Lives"], object] = lambda _: True, weight: int = 1, **drawn: st.SearchStrategy[Any]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Mark a method of `Lives` as an act."""

    def marked(method: Callable[..., None]) -> Callable[..., None]:
        MARKS[method.__name__] = Mark(when, weight, drawn)
        return method

    return marked


@dataclass
class Stage:
    """What all lives of a run share: the loop of the fixtures, the database, and what happened in them."""

    loop: asyncio.AbstractEventLoop
    db: Database
    happened: Counter[str] = field(default_factory=Counter)

    def run(self, act: Coroutine[Any, Any, Answer]) -> Answer:
        """Run an act on the loop of the fixtures, from the thread of the machine."""
        return asyncio.run_coroutine_threadsafe(act, self.loop).result()


class Lives(RuleBasedStateMachine):
    """One desk with two customers, two computers and staff."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage
        self.rows = Rows()

    @rule(data=st.data())
    def acts(self, data: st.DataObject) -> None:
        """Do one of the acts that are possible now. Rules of hypothesis' own kind would each be left out of half of all lives."""
        able = [name for name, mark in MARKS.items() if mark.when(self) for _ in range(mark.weight)]
        chosen = data.draw(st.sampled_from(able), label="act")
        drawn = {name: data.draw(kind, label=name) for name, kind in MARKS[chosen].drawn.items()}
        getattr(self, chosen)(**drawn)

    # -- staff --------------------------------------------------------------------------------------------------------

    @initialize(an_hour=st.sampled_from((1000, 2)), then=st.lists(one_turn, min_size=1, max_size=4))
    def opens(self, an_hour: int, then: list[Turn]) -> None:
        self.stage.run(self._opens(an_hour))
        for chat_id in self.chats:
            self.then(self._approves(chat_id, parts=2), then[: len(then) // 2])
        self.then(self._turns(then[len(then) // 2 :]))

    async def _opens(self, an_hour: int) -> None:
        tenant = await make_tenant(self.stage.db, "A life")
        rules = DeskSettings(quiet_seconds=0, sends_per_chat_hour=an_hour)
        self.world = World(await Desk(self.stage.db, tenant, settings=rules).open(), self.stage.happened)
        self.chats = [new_id() for _ in range(CHATS)]
        for chat_id in self.chats:
            self.world.shows(chat_id, self.world.fresh("question"), Direction.IN)
            await self.world.looks(chat_id)

    @act(chat=st.integers(0, CHATS - 1), parts=st.sampled_from((1, 2, 2, 3)), then=turns)
    def approves(self, chat: int, parts: int, then: list[Turn]) -> None:
        self.then(self._approves(self.chats[chat], parts), then)

    async def _approves(self, chat_id: UUID, parts: int) -> None:
        """Let the worker answer what a customer just wrote, and staff approve it."""
        world = self.world
        world.shows(chat_id, world.fresh("question"), Direction.IN)
        await world.machine_rests_no_more()
        await world.looks(chat_id)
        with suppress(NoResultFound, Conflict):
            await world.desk.store(await world.desk.claim(chat_id), *(world.fresh("answer") for _ in range(parts)))
            await self._decides(await world.desk.pending(chat_id), yes=True)

    @act(
        when=lambda self: self.rows.before_staff(),
        which=any_number,
        yes=st.sampled_from([True, True, True, False]),
        then=turns,
    )
    def decides(self, which: int, yes: bool, then: list[Turn]) -> None:
        waiting = self.rows.before_staff()
        self.then(self._decides(waiting[which % len(waiting)], yes=yes), then)

    async def _decides(self, draft: Draft, *, yes: bool) -> None:
        desk, seen = self.world.desk, {"version": draft.version, "text_sha256": draft.text_sha256}
        async with self.world.tried("approved" if yes else "rejected"), desk.db.unit_of_work(desk.tenant) as session:
            if yes:
                await drafts.approve(session, desk.staff, draft.id, Approve(**seen, confirm=True), desk.settings)
            else:
                await drafts.reject(session, desk.staff, draft.id, Reject(**seen))

    @act(when=lambda self: self.rows.in_status(S.QUEUED, S.LEASED, S.ARMED), which=any_number)
    def cancels(self, which: int) -> None:
        self.stage.run(self._cancels(self.chosen(which, S.QUEUED, S.LEASED, S.ARMED)))

    async def _cancels(self, send: Send) -> None:
        desk = self.world.desk
        async with self.world.tried("cancelled"), desk.db.unit_of_work(desk.tenant) as session:
            await people.cancel(session, desk.staff, send.id)

    @act(
        when=lambda self: self.rows.in_status(*RETRYABLE),
        which=any_number,
        rightly=st.sampled_from([True, True, True, False]),
        then=turns,
    )
    def retries(self, which: int, rightly: bool, then: list[Turn]) -> None:
        """Staff send again what did not leave, or try what they may not: tried again already, put back, or seen too long ago."""
        tried = {send.retry_of for send in self.rows.sends}
        free = [one for one in self.rows.in_status(*RETRYABLE) if one.id not in tried and one.error_code != "put_back"]
        again = free if rightly and free else self.rows.sends
        self.then(self._retries(again[which % len(again)], stale=not rightly and which % 2), then)

    async def _retries(self, send: Send, *, stale: int) -> None:
        version = (await self.world.desk.chat(send.chat_id)).version - stale
        async with self.world.tried(f"sent again part {min(send.part, 1)}"):
            await self.world.desk.retry(send.id, seen=version)

    @act(when=lambda self: self.rows.in_status(S.UNKNOWN), which=any_number, put_back=st.booleans(), then=turns)
    def settles(self, which: int, put_back: bool, then: list[Turn]) -> None:
        self.then(self._settles(self.chosen(which, S.UNKNOWN), put_back=put_back), then)

    async def _settles(self, send: Send, *, put_back: bool) -> None:
        """Let a person look at the phone, which takes longer than any click, and say what is there."""
        await self.world.passes(CLICK_ENDS)
        there = self.world.arrived(send.text) > 0
        body = SettleSend(outcome=S.SENT if there else S.ABANDONED, put_back=put_back and not there)
        desk = self.world.desk
        async with self.world.tried(f"a person says {body.outcome}"), desk.db.unit_of_work(desk.tenant) as session:
            await people.settle(session, desk.staff, send.id, body)
        self.world.happened["put back"] += body.put_back

    # -- customers and their page -------------------------------------------------------------------------------------

    @act(chat=st.integers(0, CHATS - 1), phone=st.sampled_from([False, False, True]), told=st.booleans(), then=turns)
    def news(self, chat: int, phone: bool, told: bool, then: list[Turn]) -> None:
        self.world.shows(self.chats[chat], self.world.fresh("news"), Direction.OUT if phone else Direction.IN)
        if told:
            self.stage.run(self.world.looks(self.chats[chat]))
        self.then(self._turns(then))

    @act(chat=st.integers(0, CHATS - 1), tick=st.sampled_from([None, Tick.DELIVERED, Tick.READ]))
    def looks(self, chat: int, tick: Tick | None) -> None:
        self.stage.run(self.world.looks(self.chats[chat], tick))

    # -- bridges ------------------------------------------------------------------------------------------------------

    @act(weight=3, then=st.lists(one_turn, min_size=1, max_size=4))
    def works(self, then: list[Turn]) -> None:
        self.then(self._turns(then))

    def then(self, act: Coroutine[Any, Any, object], then: Sequence[Turn] = ()) -> None:
        """Run an act, and what the bridge does after it; the customers' side is looked at in between."""
        self.stage.run(act)
        self.stage.run(self._turns(then))

    async def _turns(self, turns: Sequence[Turn]) -> None:
        for turn in turns:
            await self._turn(turn)

    async def _turn(self, turn: Turn) -> bool:
        """Take one turn of the holder; returns whether there was anything to do."""
        order = await self.world.takes()
        if order is None:
            await laws.judge_what_staff_see(self.world)
            return False
        if order.settle_only and turn.proven == "later":
            return False
        if order.settle_only:
            await self.world.settles(order, proven=turn.proven)
        elif turn.ends in GIVES_UP:
            await self._gives_up(order, turn.ends)
        else:
            if turn.looks:
                await self.world.looks(order.chat_id)
            await self._arms(order, turn.ends)
        return True

    async def _gives_up(self, order: SendOrder, ends: str) -> None:
        outcome = SendOutcome.UNKNOWN if ends == "doubt" else SendOutcome(ends)
        wait = 60.0 if outcome == SendOutcome.POSTPONED else None
        await self.world.reports(self.world.holder, order, outcome, wait_seconds=wait)

    async def _arms(self, order: SendOrder, ends: str) -> None:
        arming = await self.world.arms(order, answered=ends != "lost")
        if arming is None:
            return
        if ends == "disarmed":
            arming.open = False
            await self.world.reports(arming.by, order, SendOutcome.DISARMED, arming=arming.name)
        elif ends in {"clicks", "tells"}:
            await self.world.clicks(arming)
        if ends == "tells" and arming.bubble is not None:
            await self.world.reports(arming.by, order, SendOutcome.SENT, arming=arming.name, external_id=arming.bubble)

    @act(when=lambda self: self.world.clickable(), weight=2, which=any_number)
    def wakes(self, which: int) -> None:
        """A click that was handed to a stopped browser comes late."""
        waiting = self.world.clickable()
        self.stage.run(self.world.clicks(waiting[which % len(waiting)]))

    @act(when=lambda self: self.world.lost_answers(), which=any_number)
    def asks_again(self, which: int) -> None:
        lost = self.world.lost_answers()
        self.stage.run(self.world.asks_again(lost[which % len(lost)]))

    @act(when=lambda self: self.rows.in_status(S.ARMED), which=any_number)
    def asks_for_a_second_permission(self, which: int) -> None:
        arming = self.world.of(self.chosen(which, S.ARMED).id)[-1]
        assert not self.stage.run(self.world.second_permission(arming)), "two clicks are allowed at once"

    @act(when=lambda self: self.world.said, which=any_number, older=st.booleans(), now=st.booleans())
    def a_report_comes_again(self, which: int, older: bool, now: bool) -> None:
        said = [one for one in self.world.said if older and self.world.is_outdated(one)] or self.world.said
        again = said[-1 - which % len(said)]
        self.stage.run(self.world.repeats(again, again.by.desk.epoch if now else None))
        self.stage.happened["told again"] += 1

    @act(when=lambda self: self.world.armings, which=any_number, holds=st.booleans(), found=st.booleans())
    def somebody_else_tells(self, which: int, holds: bool, found: bool) -> None:
        """The other computer, or the holder about what the other one armed, says what it sees: a bubble, or none."""
        armings = [one for one in self.world.armings if not found or one.bubble is not None]
        if armings:
            self.stage.run(self._elsewhere(armings[-1 - which % len(armings)], holds, found))

    async def _elsewhere(self, arming: Arming, holds: bool, found: bool) -> None:
        world, send_id = self.world, arming.order.send_id
        by = world.holder if holds else next(one for one in world.computers if one is not world.holder)
        before = {one.outcome for one in world.said if one.order.send_id == send_id}
        outcome = SendOutcome.SENT if found else SendOutcome.UNKNOWN
        body = {"external_id": arming.bubble} if found else {"detail": "Nothing is to be seen."}
        await world.reports(by, arming.order, outcome, arming=arming.name, **body)
        world.happened["found after absent"] += found and SendOutcome.ABSENT in before

    @act(
        when=lambda self: self.rows.in_status(S.ARMED, S.UNKNOWN),
        which=any_number,
        other=st.integers(0, CHATS - 1),
        proof=any_number,
    )
    def misreads(self, which: int, other: int, proof: int) -> None:
        """The holder takes another bubble, which the server knows, for that of a send."""
        arming = next(iter(reversed(self.world.of(self.chosen(which, S.ARMED, S.UNKNOWN).id))), None)
        told = [one for one in self.world.chats[self.chats[other]] if one.told and not one.text.startswith("news")]
        wrong = [one for one in told if arming is not None and one.text != arming.order.text]
        if arming is not None and wrong:
            arming.open = False
            found = {"arming": arming.name, "external_id": wrong[proof % len(wrong)].id}
            self.stage.run(self.world.reports(self.world.holder, arming.order, SendOutcome.SENT, **found))
            self.stage.happened["misread"] += 1

    @act(restarts=st.booleans(), after=st.sampled_from([0, LEASE_ENDS, GUARD_ENDS]), then=turns)
    def asks_for_the_channel(self, restarts: bool, after: int, then: list[Turn]) -> None:
        """The other computer wants the channel once the holder was silent, or the holder begins anew under a new epoch."""
        world = self.world
        other = next(one for one in world.computers if one is not world.holder)
        self.stage.run(world.passes(after))
        self.then(self._leases(world.holder if restarts else other), then)

    async def _leases(self, computer: Computer) -> None:
        before = self.world.holder
        async with self.world.tried("restarted" if computer is before else "passed on"):
            await computer.lease(anew=True)
            self.world.holder = computer
        if self.world.holder is not before:
            assert not any(one.open for one in self.world.armings), "the channel passed on while a click could come"

    @act(seconds=st.sampled_from(CLOCK), then=turns)
    def time_passes(self, seconds: int, then: list[Turn]) -> None:
        self.stage.run(self.world.passes(seconds))
        self.then(self.world.sweeps(), then)

    @invariant()
    def all_is_as_it_is_called(self) -> None:
        self.stage.run(self._judge())

    async def _judge(self) -> None:
        self.rows = await Rows.of(self.world)
        laws.judge(self.world, self.rows)

    def teardown(self) -> None:
        self.stage.run(self._grows_quiet())

    async def _grows_quiet(self) -> None:
        """Let the bridge work without mishaps, then let staff settle what is in doubt: all must be at rest."""
        await self._works_on()
        while doubtful := self.rows.in_status(S.UNKNOWN):
            await self._settles(doubtful[0], put_back=False)
            await self._works_on()
        await laws.judge_proofs(self.world, self.rows)

    async def _works_on(self) -> None:
        for _ in range(TEXT_EXPIRES // LIMIT_ENDS + 2):
            for chat_id in self.chats:
                await self.world.looks(chat_id)
            while await self._turn(Turn("tells")):
                pass
            await self._judge()
            if not self.rows.in_status(*ON_ITS_WAY):
                break
            await self.world.passes(LIMIT_ENDS)
            await self.world.sweeps()
        laws.judge_at_rest(self.world, self.rows)

    def chosen(self, which: int, *statuses: SendStatus) -> Send:
        found = self.rows.in_status(*statuses)
        return found[which % len(found)]

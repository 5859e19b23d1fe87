"""Whatever crashes, stalls or gets lost: a send leaves at most once, and its status tells the truth."""

import asyncio
import random
from collections import Counter
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.contracts.bridge import SendOrder
from core.errors import Conflict, WaxosError
from desktop_bridge.failpoints import planned
from desktop_bridge.journal.sends import SendLog
from desktop_bridge.journal.store import Store
from desktop_bridge.sends.machine import Parts, SendMachine
from desktop_bridge.sends.pacing import Timing
from desktop_bridge.sends.phases import FOLLOWS, Phase
from desktop_bridge.sends.ports import Click, Standing
from tests.desktop_bridge.sends.model import TEXT, Crash, ModelPage, ModelServer, Whims

AT_ONCE = Timing(read_back=0.01, tick=0.01, settle_margin=0, settle_look=0.01, pending=0.01)
POINTS = [f"send.{when}{phase}" for phase in Phase for when in ("", "before_")]
STEPS = 60

stories = st.tuples(
    st.lists(st.integers(0, 10_000), max_size=60),
    st.lists(st.tuples(st.sampled_from(POINTS), st.integers(0, 2)), max_size=6),
)


class ModelIntake:
    """Tells the model server what the model page shows."""

    def __init__(self, server: ModelServer) -> None:
        self._server = server

    def recognise(self, order: SendOrder) -> None:
        assert order.chat_id == self._server.chat_id

    def refuse_left_out(self, order: SendOrder) -> None:
        assert order.chat_id == self._server.chat_id

    async def catch_up(self, order: SendOrder) -> None:
        assert order.chat_id == self._server.chat_id
        self._server.observe()


class Anything:
    """A budget that allows everything."""

    def allow(self, chat_id: UUID) -> None:
        del chat_id

    def customer_wrote(self, chat_id: UUID) -> bool:
        del chat_id
        return False

    def refuse_cold(self, chat_id: UUID) -> None:
        del chat_id


class Story:
    """One send from the queue to its end, with mishaps by `numbers` and crashes at `points`."""

    def __init__(self, numbers: list[int], points: list[tuple[str, int]]) -> None:
        whims = Whims(iter(numbers))
        self.page = ModelPage(whims)
        self.server = ModelServer(whims, self.page)
        self.log = SendLog(Store(Path(":memory:"), b"k" * 32))
        self.server._installation = self.log.installation_id
        self._points = points
        self.crashes: list[str] = []

    def _hit(self, name: str) -> None:
        if self._points and self._points[0][0] == name:
            point, skip = self._points[0]
            self._points[0] = (point, skip - 1)
            if skip <= 0:
                self._points.pop(0)
                self.crashes.append(name)
                raise Crash(name)

    async def play(self) -> str:
        """Work until the server has nothing to do any more; a process that died begins again with a new browser."""
        machine = self._machine()
        for _ in range(STEPS):
            order = self.server.next_send()
            if order is None:
                return self.server.status
            try:
                await machine.run(order)
            except Crash:
                self.page.process_dies()
                self.page.restart()
                machine = self._machine()
            except Conflict:
                raise
            except WaxosError:
                continue
        raise AssertionError(f"not settled: {self.server.status}")

    def _machine(self) -> SendMachine:
        parts = Parts(
            authority=self.server,
            page=self.page,
            intake=ModelIntake(self.server),
            journal=self.log,
            budget=Anything(),  # type: ignore[arg-type]
            epoch=lambda: 1,
        )
        return SendMachine(parts, pacing=False, timing=AT_ONCE, failpoint=self._hit)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(stories)
def test_a_send_leaves_at_most_once_and_its_status_is_true(story: tuple[list[int], list[tuple[str, int]]]) -> None:
    told = Story(*story)
    status = asyncio.run(told.play())
    told.page.time_passes()
    told.page.restart()
    left = told.page.received.count(TEXT)
    assert left <= 1, (status, told.crashes)
    assert told.page.clicks <= 1 + told.log.last(told.server.send_id).number  # type: ignore[union-attr]
    if status == "sent":
        assert left == 1
    if status in {"returned", "failed"}:
        assert left == 0


@pytest.mark.parametrize("point", POINTS)
def test_a_crash_at_any_failpoint_still_ends_in_one_delivery(point: str) -> None:
    story = Story([], [(point, 0)])
    assert asyncio.run(story.play()) == "sent"
    assert story.page.received == [TEXT]
    assert story.crashes == [point]


class LatePage(ModelPage):
    """A page that carries out its first click only when it is next looked at."""

    async def click(self, standing: Standing, deadline: float) -> Click:
        if self.clicks:
            return await super().click(standing, deadline)
        self.clicks += 1
        self.late.append(self.box)
        return Click(passed=True)

    async def look(self) -> Standing:
        self.time_passes()
        return await super().look()


def test_a_late_click_dies_with_its_browser_before_absent_is_concluded() -> None:
    story = Story([], [])
    story.page = story.server.page = LatePage(story.page.whims)
    assert asyncio.run(story.play()) == "sent"
    assert story.page.received == [TEXT]


def test_unknown_stays_rare_when_clicks_are_lost_and_late() -> None:
    ends: Counter[str] = Counter()
    for seed in range(150):
        chance = random.Random(seed)
        ends[asyncio.run(Story([chance.randrange(10_000) for _ in range(50)], []).play())] += 1
    assert ends["unknown"] <= 0.01 * ends.total(), ends
    assert ends["sent"] >= 30, ends  # the rest went back to staff: the model's customers interrupt a lot


def test_every_phase_can_be_reached_and_ends() -> None:
    reached = {Phase.LEASED} | {after for follow in FOLLOWS.values() for after in follow}
    assert reached == set(Phase)
    assert [phase for phase, follow in FOLLOWS.items() if not follow] == [Phase.REPORTED]


def test_a_failpoint_plan_acts_only_at_its_names() -> None:
    done: list[str] = []
    hit = planned("send.armed=kill,send.typed=20", done.append)
    for name in ("send.leased", "send.armed", "send.typed"):
        hit(name)
    assert done == ["kill", "20"]

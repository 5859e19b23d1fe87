"""Two bridges on one account: the one that holds the channel is stopped past its lease and woken, and no text may arrive twice."""

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.crashtest import desk as whole
from evals.crashtest.bridges import TwoBridges
from evals.crashtest.cut import Cut
from evals.crashtest.desk import CrashDesk
from evals.crashtest.judge import Verdict, judge
from evals.crashtest.pace import Pace
from evals.crashtest.phones import Phones
from evals.crashtest.run import CUT_QUIET_S, QUIET_S, all_sends, quiet, watch
from evals.crashtest.staff import Staff
from evals.crashtest.stops import Stopper, before_click, histogram
from evals.crashtest.talk import Conversation, replies, titles
from evals.crashtest.weather import Calm

_MOST_CHATS = 8
LEASE_S = 2.0
GUARD_S = 4.0
SETTINGS = {
    **whole.SETTINGS,
    "WAXOS_DESK__CHANNEL_LEASE_SECONDS": f"{LEASE_S:g}",
    "WAXOS_DESK__ARMED_GUARD_SECONDS": f"{GUARD_S:g}",
}
"""The guard is longer than the click's deadline and short enough for the other bridge to take over while the first stands still."""
PARTS = tuple(part for part in whole.PARTS if part != "bridge")


@dataclass(frozen=True, slots=True)
class TwoAsk:
    """What is asked for: how many stops in at most how many minutes, the seed of all chance, and how long nothing must move."""

    stops: int
    seed: int
    quiet_s: float = QUIET_S
    minutes: float | None = None

    @property
    def sends(self) -> int:
        """Enough for every stop to find one in hand."""
        return self.stops + self.stops // 4 + 4


async def two_bridges(ask: TwoAsk, home: Path, tell: Callable[[str], None]) -> dict[str, Any]:
    """Play the whole run on a desk in `home` and return its figures; `tell` hears of the progress. Ends early as `crash` does.

    Raises:
        CancelledError: it was ended before there was anything to judge.
        SetupError: the desk or a bridge does not start, or the desk ended.
    """
    desk = CrashDesk(home, SETTINGS, PARTS)
    pace = Pace(ask.sends, ask.stops, tell, "stops")
    cut = Cut(pace, tell)
    try:
        at = await desk.start()
        login = next(one for one in at.logins if one["role"] == "owner")
        async with Staff(at.api) as staff, Phones(at.sandbox, at.sandbox_token) as phones:
            await staff.sign_in(login)
            bridges = TwoBridges(desk.home, at, staff, SETTINGS)
            try:
                await bridges.start()
                tell(f"the desk and both bridges are ready: {at.ready_s}")
                return await _play(ask, bridges, staff, phones, pace, cut)
            finally:
                await bridges.end()
    finally:
        await desk.stop()


async def _play(ask: TwoAsk, bridges: TwoBridges, staff: Staff, phones: Phones, pace: Pace, cut: Cut) -> dict[str, Any]:
    chance = random.Random(ask.seed)  # noqa: S311 - a test that can be played again
    pace.began = time.monotonic()
    stopper = Stopper(bridges, pace, chance, LEASE_S, GUARD_S)
    chats = await phones.new_chats(titles(min(max(ask.sends // 8, 4), _MOST_CHATS)))
    meant_for: dict[str, str] = {}
    calm = Calm(phones, chance)
    talks = [Conversation(staff, phones, pace, calm, chat, meant_for, again=True) for chat in chats]
    said = replies(ask.sends, chance)
    beside = [asyncio.create_task(part) for part in (watch(staff, pace), stopper.run())]
    if ask.minutes is not None:
        beside.append(asyncio.create_task(pace.close_after(ask.minutes)))
    try:
        held = [asyncio.create_task(talk.hold(said[number :: len(talks)], number)) for number, talk in enumerate(talks)]
        troubles = await cut.hear_out(held)
        pace.closed = pace.stopped = True
        await beside[1]
        await quiet(phones, min(ask.quiet_s, CUT_QUIET_S) if cut.short else ask.quiet_s)
        verdict = judge(await all_sends(staff), await phones.look(), meant_for, pace.unknown, cut_short=cut.short)
    finally:
        for task in beside:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    return {**_figures(ask, pace, stopper, verdict, troubles), "cut_short": cut.short}


def _figures(ask: TwoAsk, pace: Pace, stopper: Stopper, verdict: Verdict, troubles: list[str]) -> dict[str, Any]:
    stops = stopper.stops
    return {
        "stops": len(stops),
        "stops_between_arm_and_click": before_click(stops),
        "stops_with_browser": sum(stop.card.browser for stop in stops),
        "takeovers": sum(stop.taken_over for stop in stops),
        "sends": verdict.sends,
        "duplicates": verdict.duplicates,
        "lost": verdict.lost,
        "unknown": verdict.unknown,
        "came_back": pace.returned,
        "wrong_chat": verdict.wrong_chat,
        "per_minute": round(pace.over / pace.minutes, 2),
        "minutes": round(pace.minutes, 2),
        "received": verdict.received,
        "under_way": verdict.under_way,
        "seed": ask.seed,
        "woken_in_guard": sum(stop.card.in_guard for stop in stops),
        "stops_by_point": histogram(stops),
        "stopped_max_s": max((stop.seconds for stop in stops), default=None),
        "faults": [*verdict.faults, *stopper.faults, *troubles],
    }

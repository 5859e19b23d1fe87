"""One run of the crash test, from an empty folder to the verdict."""

import asyncio
import random
import statistics
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.crashtest.cut import Cut
from evals.crashtest.desk import CrashDesk
from evals.crashtest.judge import Verdict, judge
from evals.crashtest.kills import Killer, histogram, in_hand, points_missed, unsettled
from evals.crashtest.pace import Pace
from evals.crashtest.phones import Phones
from evals.crashtest.staff import Json, Staff
from evals.crashtest.talk import Conversation, replies, titles
from evals.crashtest.waiting import ticks
from evals.crashtest.weather import Weather

QUIET_S = 60.0
CUT_QUIET_S = 10.0
MOST_CHATS = 24
_LONGEST_QUIET_S = 300.0
SETTLE_LIMIT_S = 45.0


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked for: how many sends and kills in at most how many minutes, the seed of all chance, and how long nothing must move."""

    sends: int
    kills: int
    seed: int
    quiet_s: float = QUIET_S
    minutes: float | None = None


async def crash(ask: Ask, home: Path, tell: Callable[[str], None]) -> dict[str, Any]:
    """Play the whole run on a desk in `home` and return its figures; `tell` hears of the progress.

    A signal to end brings what is under way to its end and gives the verdict of what was done; a second one ends it at once.

    Raises:
        CancelledError: it was ended before there was anything to judge.
        SetupError: the desk does not start, or ended.
    """
    desk = CrashDesk(home)
    pace = Pace(ask.sends, ask.kills, tell)
    cut = Cut(pace, tell)
    try:
        at = await desk.start()
        login = next(one for one in at.logins if one["role"] == "admin")
        async with Staff(at.api) as staff, Phones(at.sandbox, at.sandbox_token) as phones:
            await staff.sign_in(login)
            tell(f"the desk is ready: {at.ready_s}")
            return await _play(ask, desk, staff, phones, pace, cut)
    finally:
        await desk.stop()


async def _play(ask: Ask, desk: CrashDesk, staff: Staff, phones: Phones, pace: Pace, cut: Cut) -> dict[str, Any]:
    chance = random.Random(ask.seed)  # noqa: S311 - a test that can be played again
    pace.began = time.monotonic()
    weather = Weather(phones, chance)
    killer = Killer(desk, staff, pace, chance)
    chats = await phones.new_chats(titles(min(max(ask.sends // 8, 4), MOST_CHATS)))
    meant_for: dict[str, str] = {}
    talks = [Conversation(staff, phones, pace, weather, chat, meant_for) for chat in chats]
    said = replies(ask.sends, chance)
    shares = [said[number :: len(talks)] for number in range(len(talks))]
    beside = [asyncio.create_task(part) for part in (watch(staff, pace), killer.run())]
    if ask.minutes is not None:
        beside.append(asyncio.create_task(pace.close_after(ask.minutes)))
    try:
        held = [
            asyncio.create_task(talk.hold(share, number))
            for number, (talk, share) in enumerate(zip(talks, shares, strict=True))
        ]
        troubles = await cut.hear_out(held)
        pace.closed = pace.stopped = True
        await beside[1]
        await weather.calm()
        await killer.last()
        await quiet(phones, min(ask.quiet_s, CUT_QUIET_S) if cut.short else ask.quiet_s)
        rows = await all_sends(staff)
        verdict = judge(rows, await phones.look(), meant_for, pace.unknown, cut_short=cut.short)
    finally:
        for task in beside:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    return {**_figures(ask, pace, killer, verdict, rows, troubles), "cut_short": cut.short}


async def watch(staff: Staff, pace: Pace) -> None:
    """Keep looking at the desk for everybody."""
    async for _ in ticks(24 * 3600, 0.25):
        await staff.look()
        pace.say()


async def quiet(phones: Phones, seconds: float) -> None:
    """Wait until nothing was received for so many seconds."""
    last, since = len(await phones.look()), 0.0
    async for passed in ticks(_LONGEST_QUIET_S, 0.5):
        if len(await phones.look()) != last:
            last, since = len(phones.received), passed
        if passed - since >= seconds:
            return


async def all_sends(staff: Staff) -> list[Json]:
    """Return every send of the desk, by chat."""
    page = await staff.call("GET", "/chats", params={"limit": 100})
    return [send for chat in page["items"] for send in await staff.sends_of(chat["id"])]


def _figures(
    ask: Ask, pace: Pace, killer: Killer, verdict: Verdict, rows: list[Json], troubles: list[str]
) -> dict[str, Any]:
    settled = sorted(kill.settle_s for kill in killer.kills if kill.settle_s is not None)
    reasons: dict[str, int] = {}
    for row in rows:
        if row["error_code"]:
            key = f"{row['status']}: {row['error_code']}"
            reasons[key] = reasons.get(key, 0) + 1
    return {
        "sends": verdict.sends,
        "kills": len(killer.kills),
        "duplicates": verdict.duplicates,
        "lost": verdict.lost,
        "unknown": verdict.unknown,
        "settle_p95_s": percentile(settled, 95),
        "per_minute": round(pace.over / pace.minutes, 2),
        "settle_max_s": settled[-1] if settled else None,
        "settled_late": sum(seconds > SETTLE_LIMIT_S for seconds in settled),
        "wrong_chat": verdict.wrong_chat,
        "under_way": verdict.under_way,
        "received": verdict.received,
        "came_back": pace.returned,
        "minutes": round(pace.minutes, 2),
        "seed": ask.seed,
        "kills_between_lease_and_report": in_hand(killer.kills),
        "kills_between_arm_and_read_back": unsettled(killer.kills),
        "points_not_killed_at": points_missed(killer.kills),
        "kills_by_target_and_phase": histogram(killer.kills),
        "reasons": dict(sorted(reasons.items())),
        "faults": [*verdict.faults, *troubles],
    }


def percentile(values: list[float], hundredth: int) -> float | None:
    """Return a percentile of sorted values, None of none."""
    if len(values) < 2:
        return values[0] if values else None
    return round(statistics.quantiles(values, n=100, method="inclusive")[hundredth - 1], 2)

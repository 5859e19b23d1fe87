"""Kills the desk's processes, one after another, at named points of a send and at random instants, and times how each is got over."""

import random
import signal
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

from evals.crashtest.desk import CrashDesk, Target, alive
from evals.crashtest.orders import ALL, ARMED, EDGES, IDLE, IN_HAND, SETTLING, TO_ARM, TO_REPORT, UNSETTLED
from evals.crashtest.pace import Pace
from evals.crashtest.staff import Staff
from evals.crashtest.waiting import ticks, until

_WEIGHTS = {
    Target.BRIDGE: 48,
    Target.BROWSER: 22,
    Target.API: 10,
    Target.POSTGRES: 8,
    Target.WORKER: 6,
    Target.VALKEY: 6,
}
_STAGES = ((ARMED, 52), (TO_ARM, 28), (TO_REPORT, 6), (EDGES, 14))
_AT_A_POINT = 0.85
_WEIGHTS_AGAIN = {Target.BRIDGE: 25, Target.API: 25, Target.POSTGRES: 20, Target.WORKER: 15, Target.VALKEY: 15}
_AGAIN = 0.5
_ORDER_S = 15.0
_SETTLE_S = 120.0
_INTERRUPTS = frozenset({Target.BRIDGE, Target.BROWSER, Target.API, Target.POSTGRES})
"""Without these a send cannot go on; the others only delay what is not yet in the bridge's hands."""


@dataclass(slots=True)
class Kill:
    """One SIGKILL: what, at which phase of a send, and how long after its restart all sends then in hand were settled."""

    target: Target
    phase: str
    at: float
    settle_s: float | None = None


@dataclass(slots=True)
class Killer:
    """Kills `pace.kills` times while sends are under way."""

    desk: CrashDesk
    staff: Staff
    pace: Pace
    chance: random.Random
    kills: list[Kill] = field(default_factory=list)
    _decks: dict[tuple[str, ...], list[str]] = field(default_factory=dict)

    async def run(self) -> None:
        """Kill, wait until everything in hand is settled, and so on, in step with the sends."""
        while len(self.kills) < self.pace.kills and not self.pace.stopped:
            if await until(self._may, 3600) is None:
                return
            kill = await self._kill()
            if kill is None:
                continue
            if kill.phase in UNSETTLED and kill.target in (Target.BRIDGE, Target.BROWSER):
                await self._again()
            await self._see_settled(kill)

    async def last(self) -> None:
        """Kill the browser once more, uncounted, so that the page is loaded anew and its outbox delivers."""
        victim = self.desk.victim(Target.BROWSER)
        if victim is not None:
            with suppress(psutil.NoSuchProcess):
                victim.kill()

    async def _may(self) -> bool | None:
        return True if self.pace.stopped or self.pace.may_kill() else None

    async def _kill(self) -> Kill | None:
        target = self.chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
        victim = await self._victim(target)
        if victim is None or self.pace.stopped:
            return None
        if self.chance.random() < _AT_A_POINT:
            return await self._at(self._point(), target, victim, _ORDER_S) or await self._now(target, victim)
        async for _ in ticks(self.chance.uniform(0.0, 2.0), 0.02):
            pass
        return await self._now(target, victim)

    async def _at(self, point: str, target: Target, victim: psutil.Process, seconds: float) -> Kill | None:
        """Order the death of the victim at a point; None where the bridge did not come there in time."""
        self.desk.orders.give(point, "kill" if target is Target.BRIDGE else f"kill:{victim.pid}")
        if not await self.desk.orders.taken(seconds):
            return None

        async def gone() -> bool | None:
            return True if not alive(victim) else None

        return self._count(target, point) if await until(gone, 2, 0.02) else None

    async def _now(self, target: Target, victim: psutil.Process) -> Kill | None:
        bridge = self.desk.victim(Target.BRIDGE)
        phase = self.desk.orders.phase(bridge.pid if bridge is not None else None)
        if not alive(victim):
            return None
        with suppress(psutil.NoSuchProcess):
            victim.send_signal(signal.SIGKILL)
        return self._count(target, phase)

    async def _again(self) -> None:
        """Often let one more die while the bridge settles what the first death left: the worst moment, and one that costs no time."""
        if len(self.kills) >= self.pace.kills or self.chance.random() >= _AGAIN:
            return
        target = self.chance.choices(list(_WEIGHTS_AGAIN), list(_WEIGHTS_AGAIN.values()))[0]
        victim = await self._victim(target)
        if victim is not None:
            await self._at(SETTLING, target, victim, _ORDER_S)

    def _count(self, target: Target, phase: str) -> Kill:
        kill = Kill(target, phase, time.time())
        self.kills.append(kill)
        self.pace.killed += 1
        return kill

    def _point(self) -> str:
        """Take the next point of a shuffled deck, so that every point has its turn."""
        stage = self.chance.choices([points for points, _ in _STAGES], [weight for _, weight in _STAGES])[0]
        deck = self._decks.setdefault(stage, [])
        if not deck:
            deck.extend(self.chance.sample(stage, len(stage)))
        return deck.pop()

    async def _victim(self, target: Target) -> psutil.Process | None:
        async def look() -> psutil.Process | None:
            return self.desk.victim(target)

        return await until(look, 60)

    async def _see_settled(self, kill: Kill) -> None:
        """Wait until the target is back and no send that was in hand is so any more; the time counts from the restart."""
        back = await self._victim(kill.target)
        restarted = max(kill.at, back.create_time()) if back is not None else kill.at
        in_hand: dict[str, object] | None = None
        async for _ in ticks(_SETTLE_S, 0.1):
            if self.staff.looked_at <= kill.at:
                continue
            held = {key: self.staff.sends[key]["armed_at"] for key in self.staff.in_hand()}
            if in_hand is None:
                in_hand = held
            left = [key for key, armed_at in in_hand.items() if key in held and held[key] == armed_at]
            if not left:
                break
        if in_hand and kill.target in _INTERRUPTS:
            kill.settle_s = round(time.time() - restarted, 2)


def histogram(kills: list[Kill]) -> dict[str, dict[str, int]]:
    """Return how often each target was killed at each point, `idle` where no send was in hand."""
    found: dict[str, dict[str, int]] = {}
    for (target, phase), count in sorted(Counter((kill.target.value, kill.phase) for kill in kills).items()):
        found.setdefault(target, {})[phase.removeprefix("send.")] = count
    return found


def in_hand(kills: list[Kill]) -> int:
    """Count the kills between lease and report."""
    return sum(kill.phase in IN_HAND for kill in kills)


def unsettled(kills: list[Kill]) -> int:
    """Count the kills between the arm and the read-back."""
    return sum(kill.phase in UNSETTLED for kill in kills)


def points_missed(kills: list[Kill]) -> list[str]:
    """Return the named points at which nothing was killed."""
    return sorted({*ALL, SETTLING} - {kill.phase for kill in kills} - {IDLE})

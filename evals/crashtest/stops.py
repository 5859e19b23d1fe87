"""Stops the bridge that holds the channel until another has it, and wakes it: a computer that slept while it was sending."""

import asyncio
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

import psutil

from evals.crashtest.bridges import OwnBridge, TwoBridges, tell
from evals.crashtest.orders import ALL, SETTLING, Passed
from evals.crashtest.pace import Pace
from evals.crashtest.waiting import ticks, until

ARMED_AT = "send.armed"
BEFORE_CLICK = (ARMED_AT, "send.before_armed")
"""After the server's answer to the request to arm, before the click."""
OTHERS = tuple(point for point in (*ALL, SETTLING) if point not in BEFORE_CLICK)
AT_CLICK = "send.click"

_ORDER_S = 20.0
_TAKEN_OVER_S = 45.0
_CLICK_S = 0.08
_LONGER_S = (0.5, 1.0, 2.0, 8.0)
"""How long a bridge may stay stopped after the other has its channel: sometimes until staff have sent the text again."""


class Card(NamedTuple):
    """One kind of stop. `at` is `armed` (between the arm's answer and the click), `point` (any other), `random` or `click`."""

    at: str
    browser: bool = False
    in_guard: bool = False
    """Woken as soon as the lease is over, while the guard still keeps the channel from the other."""


DECK = (
    *[Card("armed")] * 3,
    Card("armed", in_guard=True),
    *[Card("armed", browser=True)] * 2,
    *[Card("point")] * 2,
    Card("random"),
    Card("click", browser=True),
)
"""Of ten stops six are between the arm's answer and the click; two of these and one at the click stop the browser too."""


@dataclass(slots=True)
class Stop:
    """One stop that was done: how, at which point, for how long, and whether the other bridge took the channel meanwhile."""

    card: Card
    point: str
    seconds: float = 0.0
    taken_over: bool = False


@dataclass(slots=True)
class Stopper:
    """Stops `pace.kills` times while sends are under way. `lease_s` and `guard_s` are the desk's settings."""

    bridges: TwoBridges
    pace: Pace
    chance: random.Random
    lease_s: float
    guard_s: float
    stops: list[Stop] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    _deck: list[Card] = field(default_factory=list)
    _points: list[str] = field(default_factory=list)

    async def run(self) -> None:
        """Stop, wake, and so on, in step with the sends."""
        while len(self.stops) < self.pace.kills and not self.pace.stopped:
            if await until(self._may, 3600) is None:
                return
            for bridge in self.bridges.both:
                if await bridge.ensure():
                    self.faults.append(f"{bridge.name} ended by itself")
            held = await until(self.bridges.holder, _TAKEN_OVER_S)
            if held is None:
                self.faults.append(f"no bridge held the channel for {_TAKEN_OVER_S:.0f} s")
                continue
            await self._stop(*held)

    async def _may(self) -> bool | None:
        return True if self.pace.stopped or self.pace.may_kill() else None

    async def _stop(self, bridge: OwnBridge, epoch: int) -> None:
        """Stop the holder as the next card says, wait until the other has its channel, and wake it."""
        card = self._card()
        browser = bridge.browser() if card.browser else []
        try:
            point = await self._freeze(card, bridge, browser)
            if point is None or not await bridge.frozen():
                self._deck.append(card)  # it did not come there in time
                return
            began = time.monotonic()
            stop = Stop(card, point)
            stop.taken_over = await self._wait(card, bridge, epoch)
            stop.seconds = round(time.monotonic() - began, 2)
            self.stops.append(stop)
            self.pace.killed += 1
            await self._wake(bridge, browser)
        finally:
            tell(browser, signal.SIGCONT)
            bridge.wake()

    def _card(self) -> Card:
        if not self._deck:
            self._deck.extend(self.chance.sample(DECK, len(DECK)))
        return self._deck.pop(0)

    async def _freeze(self, card: Card, bridge: OwnBridge, browser: list[psutil.Process]) -> str | None:
        """Stop the bridge, the browser before it, and return the point at which it stands; None where it did not come to one."""
        match card.at:
            case "armed" | "point":
                return await self._at(self._point(card), bridge, browser)
            case "click":
                return await self._at_click(bridge, browser)
            case _:
                async for _ in ticks(self.chance.uniform(0.0, 2.0), 0.02):
                    pass
        tell(browser, signal.SIGSTOP)
        bridge.freeze()
        return bridge.orders.phase(bridge.pid)

    async def _at(self, point: str, bridge: OwnBridge, browser: list[psutil.Process]) -> str | None:
        others = ",".join(str(process.pid) for process in browser)
        bridge.orders.give(point, f"stop:{others}" if others else "stop")
        return point if await bridge.orders.taken(_ORDER_S) else None

    async def _at_click(self, bridge: OwnBridge, browser: list[psutil.Process]) -> str | None:
        """Stop the browser while the click is on its way to it, and the bridge a moment later."""
        before = bridge.orders.last()

        async def armed() -> Passed | None:
            last = bridge.orders.last()
            return last if last.point == ARMED_AT and last.at > before.at else None

        if await until(armed, _ORDER_S, 0.004) is None:
            return None
        await asyncio.sleep(self.chance.uniform(0.0, _CLICK_S))  # house: sleep - a random instant is what is wanted
        tell(browser, signal.SIGSTOP)
        await asyncio.sleep(self.chance.uniform(0.0, _CLICK_S))  # house: sleep - a random instant is what is wanted
        bridge.freeze()
        return AT_CLICK

    def _point(self, card: Card) -> str:
        if card.at == "armed":
            return self.chance.choice(BEFORE_CLICK)
        if not self._points:
            self._points.extend(self.chance.sample(OTHERS, len(OTHERS)))
        return self._points.pop()

    async def _wait(self, card: Card, bridge: OwnBridge, epoch: int) -> bool:
        """Wait until the other bridge holds the channel, or only until the lease is over; tells whether it passed on."""

        async def passed_on() -> bool | None:
            held = await self.bridges.holder()
            return True if held is not None and held[0] is not bridge and held[1] > epoch else None

        if card.in_guard:
            within = self.chance.uniform(self.lease_s, self.guard_s)
            await asyncio.sleep(within)  # house: sleep - a time is what is tested
            return bool(await passed_on())
        taken = bool(await until(passed_on, _TAKEN_OVER_S))
        if not taken:
            self.faults.append(f"no other bridge took the channel for {_TAKEN_OVER_S:.0f} s")
        longest = self.chance.choice(_LONGER_S)
        await asyncio.sleep(self.chance.uniform(0.0, longest))  # house: sleep - a time is what is tested
        return taken

    async def _wake(self, bridge: OwnBridge, browser: list[psutil.Process]) -> None:
        """Wake the bridge before its browser or after it, with some time in between."""
        if not browser:
            return
        if self.chance.random() < 0.5:
            bridge.wake()
        else:
            tell(browser, signal.SIGCONT)
        await asyncio.sleep(self.chance.uniform(0.0, 1.5))  # house: sleep - a time is what is tested


def before_click(stops: list[Stop]) -> int:
    """Count the stops between the arm's answer and the click."""
    return sum(stop.point in BEFORE_CLICK for stop in stops)


def histogram(stops: list[Stop]) -> dict[str, int]:
    """Return how often the holder was stopped at each point, `idle` where no send was in hand."""
    return dict(sorted(Counter(stop.point.removeprefix("send.") for stop in stops).items()))

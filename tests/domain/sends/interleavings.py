"""Every order in which two connections can run their statements, each order once, on a real database.

Each connection stops before every statement, commit and rollback, and goes on when it is told to. A search goes through the orders
depth first and replays each from the start on a fresh copy of the scene. Orders that differ only in steps that cannot see each
other (two reads; a read and a lock) count as one and are tried once: partial-order reduction with sleep sets. A connection that
waits for the other's lock, as the server says, cannot be chosen until it has it.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.util import await_only

from core.db.session import Database, Effects, create_engine

Act = Callable[[Database], Awaitable[object]]
"""What one side does, in as many transactions as it likes."""

_TABLES = re.compile(r"\b(?:from|join|into|update)\s+(\w+)", re.IGNORECASE)
_LOCKS = re.compile(r" FOR (?:NO KEY )?UPDATE| FOR SHARE")
_LOCKED = re.compile(r"\bfrom\s+(\w+)", re.IGNORECASE)


class Kind(StrEnum):
    """What a step may do to the other side."""

    READ = "read"
    LOCK = "lock"
    END = "end"


@dataclass(frozen=True)
class Step:
    """What a connection will do next, and to which tables; for an END all that its transaction locked or wrote."""

    kind: Kind
    tables: frozenset[str] = frozenset()

    def independent(self, other: "Step") -> bool:
        """Tell whether the order of two steps of different connections makes no difference (read committed)."""
        if not self.tables & other.tables or self.kind == other.kind != Kind.LOCK:
            return True
        return {self.kind, other.kind} == {Kind.READ, Kind.LOCK}


@dataclass
class Side:
    """One connection with what it runs; `step` is set while it stands before a step."""

    name: str
    engine: AsyncEngine
    parents: Mapping[str, frozenset[str]]
    step: Step | None = None
    pid: int | None = None
    task: "asyncio.Task[object] | None" = None
    free: bool = False
    """It runs on without being asked: the rest of an order that was tried before."""
    locks: list[list[str]] = field(default_factory=list)
    """Tables in the order in which each transaction locked them."""
    _written: set[str] = field(default_factory=set)
    _moved: asyncio.Event = field(default_factory=asyncio.Event)
    _go: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        event.listen(self.engine.sync_engine, "before_cursor_execute", self._before)
        event.listen(self.engine.sync_engine, "commit", self._ending)
        event.listen(self.engine.sync_engine, "rollback", self._ending)

    @property
    def over(self) -> bool:
        """What it runs has ended."""
        return self.task is not None and self.task.done()

    @property
    def holds(self) -> bool:
        """Its transaction has locked something."""
        return bool(self._written)

    def start(self, act: Act) -> None:
        """Begin `act`; it stops before its first statement."""
        self.step, self.free = None, False
        self.locks, self._written = [[]], set()
        self._moved.clear()
        self._go.clear()
        self.task = asyncio.create_task(_run(act, Database(self.engine, Effects())))
        self.task.add_done_callback(lambda _: self._moved.set())

    def go(self) -> None:
        """Let it take the step that it stands before."""
        self.step = None
        self._moved.clear()
        self._go.set()

    async def moved(self) -> None:
        """Wait until it stands before a step, or has ended."""
        await self._moved.wait()

    async def abandon(self) -> None:
        """End it where it stands."""
        self.free = True
        if self.task is not None and not self.task.done():
            self.task.cancel()
            await asyncio.wait([self.task])

    def _before(self, connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self.pid = connection.connection.driver_connection.info.backend_pid
        step = _step(statement, self.parents)
        if step.kind is Kind.LOCK:
            self._written |= step.tables
            self.locks[-1] += _waited_for(statement)
        self._stop(step)

    def _ending(self, _: Any) -> None:
        self._stop(Step(Kind.END, frozenset(self._written)))
        self._written = set()
        self.locks.append([])

    def _stop(self, step: Step) -> None:
        if self.free:
            return
        self.step = step
        self._moved.set()
        await_only(self._wait())

    async def _wait(self) -> None:
        await self._go.wait()
        self._go.clear()


async def _run(act: Act, database: Database) -> object:
    """What an act ended in is part of what is judged, so an error is an answer."""
    try:
        return await act(database)
    except Exception as ended:  # noqa: BLE001 - judged by the caller
        return ended


def _step(statement: str, parents: Mapping[str, frozenset[str]]) -> Step:
    """Read a statement: a row that is written also locks the rows that it refers to."""
    tables = frozenset(name.lower() for name in _TABLES.findall(statement))
    if statement.lstrip()[:6].lower() in {"insert", "update", "delete"}:
        return Step(Kind.LOCK, tables.union(*(parents.get(table, frozenset()) for table in tables)))
    return Step(Kind.LOCK if _LOCKS.search(statement) else Kind.READ, tables)


def _waited_for(statement: str) -> list[str]:
    """Return the table whose rows a statement locks by name, and waits for if it must."""
    if not statement.startswith("SELECT") or "SKIP LOCKED" in statement:
        return []
    return [name.lower() for name in _LOCKED.findall(statement)[:1]]


@dataclass(frozen=True)
class Ran:
    """One order: what each side ended in, in which order the transactions ended, and what each locked."""

    order: str
    answers: Mapping[str, object]
    locks: Mapping[str, list[list[str]]]
    deadlock: bool


@dataclass
class _Node:
    """A point of decision: who could go on, who need not be tried any more, who is being tried, and who is worth a try."""

    enabled: dict[str, Step]
    asleep: set[str]
    choice: str
    worth: set[str] = field(default_factory=set)


class Search:
    """The orders of two acts, one by one: `async for ran in search.orders(prepare)`."""

    def __init__(
        self, left: AsyncEngine, right: AsyncEngine, observer: AsyncConnection, parents: Mapping[str, frozenset[str]]
    ) -> None:
        self._sides = {"A": Side("A", left, parents), "B": Side("B", right, parents)}
        self._observer = observer
        self._path: list[_Node] = []

    async def one_by_one(self, acts: Mapping[str, Act], first: str) -> Ran:
        """Run one act after the other."""
        self._path = []
        ran = await self._replay(acts, prefer=first)
        assert ran is not None
        return ran

    async def every_order(self, prepare: Callable[[], Awaitable[Mapping[str, Act]]], judge: "Judge") -> int:
        """Run all orders of the two acts, each on what `prepare` lays out; returns how many there were."""
        self._path, count = [], 0
        while True:
            ran = await self._replay(await prepare())
            if ran is not None:
                count += 1
                await judge(ran)
            if not self._next_path():
                return count

    def _next_path(self) -> bool:
        """Turn to the deepest decision that has an untried choice."""
        while self._path:
            node = self._path[-1]
            node.asleep.add(node.choice)
            left = sorted(node.worth - node.asleep)
            if left:
                node.choice = left[0]
                return True
            self._path.pop()
        return False

    async def _replay(self, acts: Mapping[str, Act], prefer: str | None = None) -> Ran | None:
        """Follow the path to its end and go on from there; None where all that is left was tried in another order."""
        order: list[str] = []
        deadlock = False
        for name, act in acts.items():
            self._sides[name].start(act)
        depth, asleep = 0, set[str]()
        while True:
            await self._settled()
            enabled = {side.name: side.step for side in self._sides.values() if side.step is not None}
            if not enabled:
                if all(side.over for side in self._sides.values()):
                    break
                deadlock = True
                await _first_to_move(self._sides.values())
                continue
            choice = self._choice(depth, enabled, asleep, prefer)
            if choice is None:
                self._races(enabled)
                for side in self._sides.values():
                    await side.abandon()
                return None
            if prefer is None:
                tried = self._path[depth].asleep
                asleep = {name for name in tried if name in enabled and enabled[name].independent(enabled[choice])}
            depth += 1
            order.append(choice.upper() if enabled[choice].kind is Kind.END else choice.lower())
            self._sides[choice].go()
        if prefer is None:
            self._races({})
        answers = {name: side.task.result() for name, side in self._sides.items() if side.task is not None}
        return Ran("".join(order), answers, {name: side.locks for name, side in self._sides.items()}, deadlock)

    def _choice(self, depth: int, enabled: Mapping[str, Step], asleep: set[str], prefer: str | None) -> str | None:
        """Return who goes on, None where all who could were tried; a new decision is noted."""
        if prefer is not None:
            return prefer if prefer in enabled else min(enabled)
        if depth < len(self._path):
            node = self._path[depth]
            assert node.enabled.keys() == enabled.keys(), "the same order ran otherwise than before"
            return node.choice
        untried = sorted(enabled.keys() - asleep)
        if not untried:
            return None
        self._path.append(_Node(dict(enabled), set(asleep), untried[0]))
        return untried[0]

    def _races(self, pending: Mapping[str, Step]) -> None:
        """Mark where each step could have come before the last step of the other side that it cannot be swapped with."""
        taken = [(node.choice, node.enabled[node.choice]) for node in self._path]
        for at, (name, step) in [*enumerate(taken), *((len(taken), one) for one in pending.items())]:
            for before in range(at - 1, -1, -1):
                other, earlier = taken[before]
                if other != name and not step.independent(earlier):
                    node = self._path[before]
                    node.worth |= {name} if name in node.enabled else set(node.enabled)
                    break

    async def _settled(self) -> None:
        """Wait until each side stands before a step, has ended, or waits for the other."""
        for side, other in (("A", "B"), ("B", "A")):
            await self._settle(self._sides[side], self._sides[other])

    async def _settle(self, side: Side, other: Side) -> None:
        while side.step is None and not side.over:
            if not other.holds or other.over:
                await side.moved()
            elif await self._waits(side, other) and (other.step is not None or await self._waits(other, side)):
                return  # the other stands, or waits as well: nothing changes by itself

    async def _waits(self, side: Side, other: Side) -> bool:
        """Ask the server, since a connection that waits for a lock tells nobody."""
        row = await self._observer.execute(text("select pg_blocking_pids(:pid)"), {"pid": side.pid})
        return other.pid in (row.scalar() or [])


Judge = Callable[[Ran], Awaitable[None]]


async def _first_to_move(sides: Any) -> None:
    waits = [asyncio.create_task(side.moved()) for side in sides if not side.over]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


async def parents_of(connection: AsyncConnection) -> dict[str, frozenset[str]]:
    """Return which tables each table refers to."""
    rows = await connection.execute(
        text(
            "select conrelid::regclass::text, array_agg(confrelid::regclass::text)"
            " from pg_constraint where contype = 'f' group by 1"
        )
    )
    return {table: frozenset(names) for table, names in rows}


def one_connection(url: str) -> AsyncEngine:
    """Return an engine of a single connection, for one side."""
    return create_engine(url, pool_size=1)

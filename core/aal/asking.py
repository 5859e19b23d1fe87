"""The loop that asks the providers of a chain until one gives a real answer.

A provider whose answer has not the asked shape is told so and asked once more; any other failure goes to the next provider at once. One
that is silent for longer than is usual with it gets the next one beside it, and the first real answer counts.
"""

import asyncio
import copy
import statistics
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from core.aal.catalog import Catalog
from core.aal.chain import Link
from core.aal.embedding.vectors import Embedded, unit, wrong_vectors
from core.aal.engine import Answer, Engine, Paid, Question, corrected, read_answer
from core.aal.errors import (
    BudgetSpent,
    NoProviderAnswered,
    ProviderAnswerUnusable,
    ProviderFailure,
    ProviderRejected,
    ProviderResting,
    ProviderSlow,
)
from core.aal.ports import Budget, CooldownStore, Purpose, UsageRecorder, Vector
from core.aal.spans import answered, attempt_span, call_span, settle
from core.contracts.ids import new_id
from core.contracts.reasoning import AiCall
from core.settings import AalSettings

_MOST_AT_ONCE = 2
_PATIENCE = 1.5
_REMEMBERED = 32
_NEEDS_A_PERSON_SECONDS = 60.0
"""A refused key or an empty account is not asked again with every draft."""

P = TypeVar("P", bound=Paid)


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds for one provider, for the whole call over all of them, and until a silent one gets the next beside it (0: never)."""

    attempt_seconds: float
    total_seconds: float
    hedge_seconds: float = 0.0


def limits_of(settings: AalSettings) -> Limits:
    """Return the limits that the settings name."""
    return Limits(settings.attempt_seconds, settings.total_seconds, settings.hedge_seconds)


@dataclass(slots=True)
class Bill:
    """What one call has used so far, over all providers: answers that could not be used are paid for too."""

    catalog: Catalog
    started: float = field(default_factory=time.monotonic)
    requests: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost_micro: int = 0
    price_known: bool = True

    def add(self, link: Link, answer: Paid) -> None:
        """Count an answer, usable or not."""
        cost = self.catalog.cost_micro(link.provider, link.model, answer.tokens_in, answer.tokens_out)
        self.tokens_in += answer.tokens_in
        self.tokens_out += answer.tokens_out
        self.cost_micro += cost or 0
        self.price_known = self.price_known and cost is not None

    def row(self, purpose: Purpose, provider: str, model: str, outcome: str) -> AiCall:
        """Return the row for `ai_interactions`."""
        return AiCall(
            id=new_id(),
            purpose=purpose,
            provider=provider,
            model=model,
            tokens_in=self.tokens_in,
            tokens_out=self.tokens_out,
            cost_micro=self.cost_micro,
            currency=self.catalog.currency,
            price_version=self.catalog.version if self.price_known else None,
            latency_ms=int((time.monotonic() - self.started) * 1000),
            attempts=self.requests,
            outcome=outcome,
        )


@dataclass(frozen=True, slots=True)
class Attempts:
    """The asking of one link within one call."""

    link: Link
    deadline: float
    seconds: float
    bill: Bill

    def refuse(self, reason: str) -> ProviderAnswerUnusable:
        """Return the failure of an answer that is none."""
        return ProviderAnswerUnusable(self.link.provider, self.link.model, reason=reason)

    async def once(self, ask: Callable[[float], Awaitable[P]]) -> P:
        """Ask once, within the time that is left, and count what it cost."""
        seconds = min(self.deadline - time.monotonic(), self.seconds)
        self.bill.requests += 1
        with attempt_span(self.link) as span:
            try:
                async with asyncio.timeout(seconds):
                    answer = await ask(seconds)
            except TimeoutError:
                raise ProviderSlow(self.link.provider, self.link.model, reason=f"{seconds:.1f} s") from None
            self.bill.add(self.link, answer)
            answered(span, answer)
        return answer


class Paces:
    """How long each circuit usually takes, from its last answers."""

    def __init__(self, hedge_seconds: float) -> None:
        self._least = hedge_seconds
        self._took: dict[str, deque[float]] = {}

    def note(self, circuit: str, seconds: float) -> None:
        """Remember an answer."""
        self._took.setdefault(circuit, deque(maxlen=_REMEMBERED)).append(seconds)

    def patience(self, circuit: str) -> float | None:
        """Return after how many seconds of silence the next link is asked beside this one; None: never."""
        if not self._least:
            return None
        took = self._took.get(circuit)
        return max(self._least, _PATIENCE * statistics.median(took)) if took else self._least


class Caller:
    """Asks the links in order; the only place that retries, falls back, keeps the time and writes usage rows."""

    def __init__(
        self,
        engine: Engine,
        links: Sequence[Link],
        *,
        catalog: Catalog,
        limits: Limits,
        cooldowns: CooldownStore,
        budget: Budget,
    ) -> None:
        self._engine = engine
        self._links = tuple(links)
        self._catalog = catalog
        self._limits = limits
        self._cooldowns = cooldowns
        self._budget = budget
        self._paces = Paces(limits.hedge_seconds)

    def over(self, links: Sequence[Link]) -> "Caller":
        """Return a caller that asks only these links, with the same engine, circuits and memory of who takes how long."""
        narrowed = copy.copy(self)
        narrowed._links = tuple(links)
        return narrowed

    async def call(self, purpose: Purpose, question: Question, recorder: UsageRecorder) -> tuple[Answer, AiCall]:
        """Return the first usable answer and its row. Raises like `first`."""
        return await self.first(purpose, lambda attempts: self._ask(attempts, question), recorder)

    async def embed(self, texts: Sequence[str], width: int, recorder: UsageRecorder) -> list[Vector]:
        """Return a unit vector for each text. Raises like `first`."""

        async def ask(attempts: Attempts) -> Embedded:
            found = await attempts.once(lambda seconds: self._engine.embed(attempts.link, texts, seconds))
            wrong = wrong_vectors(found.vectors, len(texts), width)
            if wrong is not None:
                raise attempts.refuse(wrong)
            return found

        found, _ = await self.first(Purpose.EMBED, ask, recorder)
        return [unit(vector) for vector in found.vectors]

    async def first(
        self, purpose: Purpose, ask: Callable[[Attempts], Awaitable[P]], recorder: UsageRecorder
    ) -> tuple[P, AiCall]:
        """Return the first usable answer that `ask` gets from a link, and its row.

        Raises:
            BudgetSpent: the tenant's limit is reached; nobody was asked.
            NoProviderAnswered: every provider failed or the time was up.
        """
        if not await self._budget.allows(purpose):
            raise BudgetSpent("the AI budget of this month is spent", hint="raise the limit or wait for the next month")
        await self._engine.ready()
        bill = Bill(self._catalog)
        race = Race(self._links, self._limits, bill, self._cooldowns, self._paces, ask)
        with call_span(purpose) as span:
            won = await race.run()
            row = _row(purpose, bill, race.failures) if won is None else _ok(purpose, bill, won[0])
            settle(span, row)
        recorder.record(row)
        if won is None:
            raise NoProviderAnswered(race.failures, row)
        return won[1], row

    async def _ask(self, attempts: Attempts, question: Question) -> Answer:
        """Return a link's usable answer, after one correction where its shape was wrong and time is left."""
        link = attempts.link

        async def answered() -> Answer:
            return await attempts.once(lambda seconds: self._engine.ask(link, question, seconds))

        answer = await answered()
        read, wrong = read_answer(answer, link, question)
        if wrong is not None and time.monotonic() < attempts.deadline:
            question = corrected(question, answer, wrong)
            read, wrong = read_answer(await answered(), link, question)
        if wrong is not None:
            # What exactly was wrong quotes the answer, and errors hold no message text.
            raise attempts.refuse("not of the asked shape")
        return read


def _ok(purpose: Purpose, bill: Bill, link: Link) -> AiCall:
    return bill.row(purpose, link.provider, link.model, "ok")


def _row(purpose: Purpose, bill: Bill, failures: Sequence[ProviderFailure]) -> AiCall:
    last = next((f for f in reversed(failures) if not isinstance(f, ProviderResting)), failures[-1])
    return bill.row(purpose, last.provider, last.model, last.reason_code)


@dataclass(slots=True)
class Race(Generic[P]):
    """One call: the links in their order, the next one when one fails, and beside one that is silent for too long."""

    links: Sequence[Link]
    limits: Limits
    bill: Bill
    cooldowns: CooldownStore
    paces: Paces
    ask: Callable[[Attempts], Awaitable[P]]
    failures: list[ProviderFailure] = field(default_factory=list)
    _running: "dict[asyncio.Task[P], tuple[Link, float]]" = field(default_factory=dict)
    _next: Iterator[Link] = field(init=False)
    _exhausted: bool = False

    async def run(self) -> tuple[Link, P] | None:
        """Return the first usable answer and who gave it, within the total time; None where nobody did."""
        self._next = iter(self.links)
        deadline = self.bill.started + self.limits.total_seconds
        try:
            await self._start(deadline)
            while self._running:
                done, _ = await asyncio.wait(
                    self._running, timeout=self._wait(deadline), return_when=asyncio.FIRST_COMPLETED
                )
                won = await self._settle(done)
                if won is not None:
                    return won
                if time.monotonic() >= deadline:
                    break
                if not self._running or (not done and len(self._running) < _MOST_AT_ONCE):
                    await self._start(deadline)
            return None
        finally:
            await self._end(deadline)

    def _wait(self, deadline: float) -> float:
        """Return how long to wait for those that were asked: until the time is up, or the last of them is silent for too long."""
        now = time.monotonic()
        left = max(0.0, deadline - now)
        if self._exhausted or len(self._running) >= _MOST_AT_ONCE:
            return left
        link, began = list(self._running.values())[-1]
        patience = self.paces.patience(link.circuit)
        return left if patience is None else min(left, max(0.0, began + patience - now))

    async def _start(self, deadline: float) -> None:
        """Ask the next link that does not rest, where there is one."""
        for link in self._next:
            if await self.cooldowns.may_ask(link.circuit):
                attempts = Attempts(link, deadline, self.limits.attempt_seconds, self.bill)
                task = asyncio.ensure_future(self.ask(attempts))
                self._running[task] = (link, time.monotonic())
                return
            rest = await self.cooldowns.resting(link.circuit)
            self.failures.append(ProviderResting(link.provider, link.model, retry_after=rest or None))
        self._exhausted = True

    async def _settle(self, done: "set[asyncio.Task[P]]") -> tuple[Link, P] | None:
        """Take the answers and failures of those that are done; whatever is no failure of a provider goes to the caller."""
        won: tuple[Link, P] | None = None
        for task in done:
            link, began = self._running.pop(task)
            try:
                answer = task.result()
            except ProviderFailure as failure:
                self.failures.append(failure)
                await self._failed(link, failure)
                continue
            if won is None:
                won = (link, answer)
                self.paces.note(link.circuit, time.monotonic() - began)
            await self.cooldowns.worked(link.circuit)
        return won

    async def _failed(self, link: Link, failure: ProviderFailure) -> None:
        if isinstance(failure, ProviderRejected):  # this question is refused, the next one may not be
            return
        rest = failure.retry_after or (None if failure.transient else _NEEDS_A_PERSON_SECONDS)
        await self.cooldowns.failed(link.circuit, rest)

    async def _end(self, deadline: float) -> None:
        """End those that were overtaken, or that the time ran out for; to be overtaken is a failure, unless one began last."""
        left, self._running = self._running, {}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        late = time.monotonic() >= deadline
        for link, began in left.values():
            silent = time.monotonic() - began
            patience = self.paces.patience(link.circuit)
            if late or (patience is not None and silent >= patience):
                self.failures.append(ProviderSlow(link.provider, link.model, reason=f"{silent:.1f} s"))
                await self.cooldowns.failed(link.circuit, None)

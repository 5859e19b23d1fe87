"""The shape of one question to one provider, and the loop that asks them in order until one gives a real answer.

A provider whose answer has not the asked shape is told so and asked once more; any other failure goes to the next provider at once.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

from core.aal.catalog import Catalog
from core.aal.chain import Link
from core.aal.embedding.vectors import Embedded, unit, wrong_vectors
from core.aal.errors import BudgetSpent, NoProviderAnswered, ProviderAnswerUnusable, ProviderFailure, ProviderSlow
from core.aal.ports import Budget, CooldownStore, Purpose, UsageRecorder, Vector
from core.contracts.ids import new_id
from core.contracts.reasoning import AiCall

_LONGEST_ANSWER = 200_000
_LONGEST_QUOTE = 4_000
_CORRECTION = (
    "That answer cannot be used: {wrong}. "
    "Give the whole answer again: one JSON object that satisfies the schema, and nothing else."
)


@dataclass(frozen=True, slots=True)
class OutputShape:
    """The structured answer that is wanted: a name, a line of description and a JSON schema.

    `wrong` says what keeps an object from satisfying the schema, none where nothing does.
    """

    name: str
    description: str
    schema: Mapping[str, Any]
    wrong: Callable[[Mapping[str, Any]], str | None]


@dataclass(frozen=True, slots=True)
class Question:
    """What a provider is asked, in the chat format that all of them share."""

    messages: Sequence[Mapping[str, Any]]
    shape: OutputShape | None = None
    tools: Sequence[Mapping[str, Any]] = ()
    temperature: float | None = None
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function that the model wants called, its arguments as JSON text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider said. `structured` is the JSON text of the asked shape."""

    text: str | None
    structured: str | None = None
    tool_calls: Sequence[ToolCall] = field(default_factory=tuple)
    tokens_in: int = 0
    tokens_out: int = 0
    cut_off: bool = False


class Paid(Protocol):
    """What was used for an answer of any kind."""

    @property
    def tokens_in(self) -> int:
        """Tokens read."""

    @property
    def tokens_out(self) -> int:
        """Tokens written."""


P = TypeVar("P", bound=Paid)


class Engine(Protocol):
    """Asks one provider once."""

    async def ready(self) -> None:
        """Load what is slow to load; the time of a call counts from here."""

    async def ask(self, link: Link, question: Question, seconds: float) -> Answer:
        """Return the provider's answer. Raises ProviderFailure, and never anything of the vendor's."""

    async def embed(self, link: Link, texts: Sequence[str], seconds: float) -> Embedded:
        """Return the provider's vectors as they came. Raises like `ask`."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds for one provider, and for the whole call over all of them."""

    attempt_seconds: float
    total_seconds: float


@dataclass(slots=True)
class _Bill:
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
            attempts=max(1, self.requests),
            outcome=outcome,
        )


@dataclass(frozen=True, slots=True)
class Attempts:
    """The asking of one link within one call."""

    link: Link
    deadline: float
    seconds: float
    bill: _Bill

    def refuse(self, reason: str) -> ProviderAnswerUnusable:
        """Return the failure of an answer that is none."""
        return ProviderAnswerUnusable(self.link.provider, self.link.model, reason=reason)

    async def once(self, ask: Callable[[float], Awaitable[P]]) -> P:
        """Ask once, within the time that is left, and count what it cost."""
        seconds = min(self.deadline - time.monotonic(), self.seconds)
        self.bill.requests += 1
        try:
            async with asyncio.timeout(seconds):
                answer = await ask(seconds)
        except TimeoutError:
            raise ProviderSlow(self.link.provider, self.link.model, reason=f"{seconds:.1f} s") from None
        self.bill.add(self.link, answer)
        return answer


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
        bill = _Bill(self._catalog)
        deadline = bill.started + self._limits.total_seconds
        failures: list[ProviderFailure] = []
        for link in await self._in_order():
            if time.monotonic() >= deadline:
                break
            try:
                answer = await ask(Attempts(link, deadline, self._limits.attempt_seconds, bill))
            except ProviderFailure as failure:
                failures.append(failure)
                await self._cooldowns.failed(link.name, failure.retry_after)
                continue
            await self._cooldowns.worked(link.name)
            row = bill.row(purpose, link.provider, link.model, "ok")
            recorder.record(row)
            return answer, row
        last = failures[-1] if failures else ProviderSlow(self._links[0].provider, self._links[0].model)
        row = bill.row(purpose, last.provider, last.model, last.reason_code)
        recorder.record(row)
        raise NoProviderAnswered(failures, row)

    async def _in_order(self) -> list[Link]:
        """Resting links go last instead of away: when all rest, the chain still tries to recover."""
        rest = {link.name: await self._cooldowns.resting(link.name) for link in self._links}
        return sorted(self._links, key=lambda link: rest[link.name] > 0)

    async def _ask(self, attempts: Attempts, question: Question) -> Answer:
        """Return a link's usable answer, after one correction where its shape was wrong and time is left."""
        link = attempts.link

        async def answered() -> Answer:
            return await attempts.once(lambda seconds: self._engine.ask(link, question, seconds))

        answer = await answered()
        read, wrong = read_answer(answer, link, question)
        if wrong is not None and time.monotonic() < attempts.deadline:
            question = _corrected(question, answer, wrong)
            read, wrong = read_answer(await answered(), link, question)
        if wrong is not None:
            # What exactly was wrong quotes the answer, and errors hold no message text.
            raise attempts.refuse("not of the asked shape")
        return read


def read_answer(answer: Answer, link: Link, question: Question) -> tuple[Answer, str | None]:
    """Return the answer with its structured part read, and what is wrong with its shape where a correction may help.

    Raises:
        ProviderAnswerUnusable: empty, absurdly long, cut off, or a call of a tool that was not offered.
    """

    def refuse(reason: str) -> ProviderAnswerUnusable:
        return ProviderAnswerUnusable(link.provider, link.model, reason=reason)

    offered = {tool["function"]["name"] for tool in question.tools}
    if any(call.name not in offered for call in answer.tool_calls):
        raise refuse("calls a tool that was not offered")
    if answer.tool_calls and answer.structured is None:
        return answer, None
    said = answer.structured or answer.text or ""
    if not said.strip():
        raise refuse("empty")
    if len(said) > _LONGEST_ANSWER:
        raise refuse("too long")
    if question.shape is None:
        return answer, None
    if answer.cut_off:
        raise refuse("cut off")
    found = _json_object(said)
    if found is None:
        return answer, "it is not a JSON object"
    return replace(answer, structured=json.dumps(found)), question.shape.wrong(found)


def _corrected(question: Question, answer: Answer, wrong: str) -> Question:
    said = (answer.structured or answer.text or "")[:_LONGEST_QUOTE]
    correction = [
        {"role": "assistant", "content": said},
        {"role": "user", "content": _CORRECTION.format(wrong=wrong)},
    ]
    return replace(question, messages=[*question.messages, *correction])


def _json_object(text: str) -> dict[str, Any] | None:
    """Read the JSON object in a text that may have words or a code fence around it."""
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end < start:
        return None
    try:
        found = json.loads(text[start : end + 1])
    except ValueError:
        return None
    return found if isinstance(found, dict) else None

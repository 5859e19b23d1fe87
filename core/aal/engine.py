"""The shape of one question to one provider and of its answer, and what makes an answer one."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from core.aal.chain import Link
from core.aal.embedding.vectors import Embedded
from core.aal.errors import ProviderAnswerUnusable

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


class Engine(Protocol):
    """Asks one provider once."""

    async def ready(self) -> None:
        """Load what is slow to load; the time of a call counts from here."""

    async def ask(self, link: Link, question: Question, seconds: float) -> Answer:
        """Return the provider's answer. Raises ProviderFailure, and never anything of the vendor's."""

    async def embed(self, link: Link, texts: Sequence[str], seconds: float) -> Embedded:
        """Return the provider's vectors as they came. Raises like `ask`."""


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


def corrected(question: Question, answer: Answer, wrong: str) -> Question:
    """Return the question asked again, with the answer that could not be used and what is wrong with it."""
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

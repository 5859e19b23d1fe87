"""Spans of AI calls: who was asked and what came of it, and not a word, name or key of what passed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    Status,
    TraceFlags,
    Tracer,
    TracerProvider,
    use_span,
)

from core.aal import spans
from core.aal.errors import NoProviderAnswered
from tests.core.aal.conftest import CANARY, Chain, NeverResting
from tests.core.aal.test_providers import ask
from tests.standins.provider import BAD_JSON, HANG, ProviderStandin, status

WORDS = "Please call Ana at +49 171 2345678 about the blue umbrella."


class Noted(NonRecordingSpan):
    """A span that keeps all that is put onto it."""

    def __init__(self, name: str) -> None:
        super().__init__(SpanContext(1, 1, is_remote=False, trace_flags=TraceFlags(1)))
        self.name = name
        self.said: dict[str, Any] = {}

    def set_attribute(self, key: str, value: Any) -> None:
        self.said[key] = value

    def set_attributes(self, attributes: Any) -> None:
        self.said |= attributes

    def add_event(self, name: str, attributes: Any = None, timestamp: int | None = None) -> None:
        self.said[f"event {name}"] = (attributes, timestamp)

    def record_exception(self, exception: BaseException, *_: Any, **__: Any) -> None:
        self.said["exception"] = repr(exception)

    def set_status(self, status: Any, description: str | None = None) -> None:
        self.said["status"] = (status.description, description) if isinstance(status, Status) else (status, description)


class Kept(TracerProvider, Tracer):
    """A tracer provider of its own: the API alone, without the library that exports."""

    def __init__(self) -> None:
        self.spans: list[Noted] = []

    def get_tracer(self, *_: Any, **__: Any) -> Tracer:
        return self

    def start_span(self, name: str, *_: Any, **__: Any) -> Span:
        self.spans.append(Noted(name))
        return self.spans[-1]

    @contextmanager
    def start_as_current_span(self, name: str, *_: Any, **more: Any) -> Iterator[Span]:  # type: ignore[override]
        span = self.start_span(name)
        kept = {key: more[key] for key in ("record_exception", "set_status_on_exception") if key in more}
        with use_span(span, **kept):
            yield span


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Kept:
    provider = Kept()
    monkeypatch.setattr(spans.trace, "get_tracer", provider.get_tracer)
    assert spans.trace is trace
    return provider


async def test_spans_tell_the_course_of_a_call_and_nothing_that_was_said(
    kept: Kept, chain: Chain, providers: ProviderStandin
) -> None:
    providers.script("openai", status(500))
    providers.script("gemini", BAD_JSON)
    aal = chain("openai", "gemini", "groq", cooldowns=NeverResting())
    await ask(aal, words=WORDS)
    call, *attempts = kept.spans
    assert [span.name for span in kept.spans] == ["ai draft", "chat openai", "chat gemini", "chat groq"]
    assert (call.said["gen_ai.provider.name"], call.said["waxos.ai.attempts"], call.said["waxos.ai.outcome"]) == (
        "groq",
        3,
        "ok",
    )
    assert [span.said.get("status", ("",))[0] for span in attempts[::2]] == ["provider_down", ""]
    assert attempts[2].said["gen_ai.usage.input_tokens"] == 50

    kept.spans.clear()
    alone = chain("openai", "groq", attempt_seconds=1, hedge_seconds=0.2, cooldowns=NeverResting())
    providers.script("openai", HANG)
    providers.script("groq", status(401))
    with pytest.raises(NoProviderAnswered):
        await ask(alone, words=WORDS)
    assert kept.spans[0].said["status"][0] == kept.spans[0].said["waxos.ai.outcome"] == "provider_slow"
    seen = str([(span.name, span.said) for span in kept.spans])
    assert "umbrella" in str(providers.journal)
    for secret in ("umbrella", "2345678", "Saturdays", CANARY, "exception", "refused for"):
        assert secret not in seen

"""OpenTelemetry spans of AI calls: who was asked, how long it took and what came of it, and never a word of what was said.

Without a configured tracer provider they cost nothing and go nowhere.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from core.aal.chain import Link
from core.aal.engine import Paid
from core.aal.errors import ProviderFailure
from core.contracts.reasoning import AiCall

_SCOPE = "waxos.aal"


@contextmanager
def call_span(purpose: str) -> Iterator[Span]:
    """Yield the span of one call over all providers; whatever ends it early is named by its class alone."""
    with _span(f"ai {purpose}", SpanKind.INTERNAL) as span:
        span.set_attribute("waxos.ai.purpose", purpose)
        yield span


def settle(span: Span, row: AiCall) -> None:
    """Put onto a call's span what its row says."""
    span.set_attributes(
        {
            "gen_ai.provider.name": row.provider,
            "gen_ai.response.model": row.model,
            "gen_ai.usage.input_tokens": row.tokens_in,
            "gen_ai.usage.output_tokens": row.tokens_out,
            "waxos.ai.attempts": row.attempts,
            "waxos.ai.cost_micro": row.cost_micro,
            "waxos.ai.outcome": row.outcome,
        }
    )
    if row.outcome != "ok":
        span.set_status(Status(StatusCode.ERROR, row.outcome))


@contextmanager
def attempt_span(link: Link) -> Iterator[Span]:
    """Yield the span of one request to one provider; a failure is named by its code."""
    with _span(f"chat {link.provider}", SpanKind.CLIENT) as span:
        span.set_attributes({"gen_ai.provider.name": link.provider, "gen_ai.request.model": link.model})
        yield span


def answered(span: Span, answer: Paid) -> None:
    """Put onto an attempt's span what the answer used."""
    span.set_attributes(
        {"gen_ai.usage.input_tokens": answer.tokens_in, "gen_ai.usage.output_tokens": answer.tokens_out}
    )


@contextmanager
def _span(name: str, kind: SpanKind) -> Iterator[Span]:
    # The library would write an exception's text and traceback onto the span.
    tracer = trace.get_tracer(_SCOPE)
    with tracer.start_as_current_span(name, kind=kind, record_exception=False, set_status_on_exception=False) as span:
        try:
            yield span
        except ProviderFailure as failure:
            span.set_status(Status(StatusCode.ERROR, failure.reason_code))
            raise
        except BaseException as error:
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise

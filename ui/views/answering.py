"""What a screen's script and its Python functions say to each other."""

from collections.abc import Awaitable, Callable
from typing import Any

import gradio as gr
import structlog
from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import WaxosError
from ui.guard import SESSION_KEY
from ui.session import PanelSession, SessionEnded

log = structlog.get_logger(__name__)
Payload = dict[str, Any]


class Notice(BaseModel):
    """One sentence for the person, and what to do."""

    level: str = Field(default="info", pattern="^(info|good|bad)$")
    title: str
    hint: str | None = None


class Answer(BaseModel):
    """Fragments of HTML by place, facts by name, and a notice where there is something to say."""

    fragments: dict[str, str] = {}
    facts: dict[str, Any] = {}
    notice: Notice | None = None
    signed_out: bool = False
    failed: bool = False


class Ask(BaseModel):
    """Base of what a script asks: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def session_of(request: gr.Request | Request) -> PanelSession:
    """Return the session that the guard put on the request.

    Raises:
        SessionEnded: it ended between the guard and here.
    """
    inner = request.request if isinstance(request, gr.Request) else request
    session: PanelSession | None = inner.scope.get(SESSION_KEY) if inner is not None else None
    if session is None:
        raise SessionEnded("Your session has ended.", hint="Sign in again.")
    return session


def failure(error: WaxosError) -> Answer:
    """Return what a person is told of an error."""
    return Answer(
        notice=Notice(level="bad", title=error.detail, hint=error.hint),
        facts={"code": error.reason_code},
        signed_out=isinstance(error, SessionEnded),
        failed=True,
    )


def answering(
    function: Callable[[PanelSession, Payload], Awaitable[Answer]], name: str
) -> Callable[[Payload, gr.Request], Awaitable[dict[str, Any]]]:
    """Wrap a screen's function as Gradio calls it: finds the session, and turns errors into notices."""

    async def call(payload: Payload, request: gr.Request) -> dict[str, Any]:
        try:
            answer = await function(session_of(request), payload)
        except WaxosError as error:
            answer = failure(error)
        except ValidationError as error:
            log.warning("ui.ask.refused", function=name, faults=error.error_count())
            answer = Answer(
                notice=Notice(level="bad", title=_first(error), hint="Correct it and try again."), failed=True
            )
        return answer.model_dump(mode="json")

    call.__name__ = name
    return call


def _first(error: ValidationError) -> str:
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return str(fault["msg"]).removeprefix("Value error, ").capitalize()

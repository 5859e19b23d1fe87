"""The OpenAPI document: the refusals of every route, an example of every shape, and the headers that all acts take."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from api.examples import examples
from api.idempotency import ACTS, HEADER
from api.refusals import PROBLEM_JSON

DESCRIPTION = f"""
Everything that the desk does goes through this API; its own panel and bridge use nothing else.

**Tokens.** Members sign in with `POST /api/v1/auth/login` and send `Authorization: Bearer …`; bridges pair with
`POST /api/v1/devices/pair` and send the token they got.

**Refusals** are `{PROBLEM_JSON}` (RFC 9457): `code` is stable, `detail` says what happened, `hint` what to do next, `current` holds the
present state on a conflict.

**Repeats.** Acts take `{HEADER}`: the same key gets the same answer for a day; with another body it is refused.

**Sockets.** `/api/v1/events` sends members the ids and versions of what changed, never content; `resync` comes first and after every gap.
`/api/v1/bridge/stream` rings a paired bridge. Both take the token in the `Authorization` header or as the first frame
`{{"type": "auth", "token": "…"}}`, never in the address.
"""
_TAGS = {
    "accounts": "Sign-in, and who belongs to the business.",
    "chats": "Conversations with customers.",
    "drafts": "Replies that wait for a decision.",
    "sends": "What is on its way to customers.",
    "channels": "The numbers of the business.",
    "devices": "The computers that serve them.",
    "bridge": "What the desktop bridge calls.",
    "knowledge": "What the business has written down.",
    "proposals": "What past chats and the answers of staff teach, for an admin to decide on.",
    "history": "Past chats, out of which proposals come.",
    "usage": "What the AI layer did and what it cost.",
    "health": "Is it alive, is it ready.",
}


def describe(app: FastAPI) -> None:
    """Let an app tell all of this; the document is made once, when first asked for."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(
                title=app.title,
                version=app.version,
                summary=app.summary,
                description=DESCRIPTION,
                routes=app.routes,
                tags=[{"name": name, "description": text} for name, text in _TAGS.items()],
            )
            _add_examples(made)
            _add_keys(made)
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def operation_id(route: APIRoute) -> str:
    """Return the name of an operation: that of its function."""
    return route.name


def first_operation_id(route: APIRoute) -> str:
    """Return the name of an operation of the proposals at their first address."""
    return f"history_{route.name}"


def _add_examples(document: dict[str, Any]) -> None:
    shapes = document["components"]["schemas"]
    for name, example in examples().items():
        if name in shapes:
            shapes[name]["examples"] = [example]


def _add_keys(document: dict[str, Any]) -> None:
    parameter = {
        "name": HEADER,
        "in": "header",
        "required": False,
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        "description": "a key of your own (a UUID) for this act: repeated with it, you get the first answer again",
    }
    for path, operations in document["paths"].items():
        if path.startswith(ACTS) and "post" in operations:
            operations["post"].setdefault("parameters", []).append(parameter)

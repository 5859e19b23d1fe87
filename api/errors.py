"""From errors to HTTP: every refusal is one RFC 9457 problem, whatever raised it. Only this folder knows HTTP."""

import math
from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.refusals import PROBLEM_JSON
from core.contracts.base import Problem
from core.errors import InvalidInput, NotAllowed, NotAuthenticated, NotFound, TooLarge, Unavailable, WaxosError

DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout)
"""What SQLAlchemy raises when the database does not answer, or broke a deadlock or a statement that took too long."""

_TITLES = {400: "The request cannot be read", 404: "Not found", 405: "Not possible here", 413: "Too large"}


def problem(error: WaxosError, request_id: str | None, errors: list[dict[str, object]] | None = None) -> Response:
    """Return the response that an error stands for."""
    body = Problem(
        title=error.title,
        status=error.status,
        code=error.reason_code,
        detail=error.detail,
        hint=error.hint,
        request_id=request_id,
        current=error.current,
        errors=errors,
    )
    headers: dict[str, str] = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    if isinstance(error, NotAuthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    return _response(body, headers)


def too_large() -> TooLarge:
    """Return the refusal of a body over the limit of its address."""
    return TooLarge("the body is larger than this address takes", hint="send less at a time")


def database_away() -> Unavailable:
    """Return the refusal of whatever needs a database that does not answer."""
    return Unavailable("the database does not answer right now", hint="try again in a moment", retry_after=1)


def request_id_of(request: Request) -> str | None:
    """Return the id that the outermost middleware gave this request."""
    found: str | None = request.scope.get("request_id")
    return found


def install_handlers(app: FastAPI) -> None:
    """Make every error of the application a problem."""
    app.exception_handler(WaxosError)(_on_waxos)
    app.exception_handler(RequestValidationError)(_on_invalid)
    app.exception_handler(HTTPException)(_on_http)
    for kind in DATABASE_AWAY:
        app.add_exception_handler(kind, _on_database)
    app.add_exception_handler(DataError, _on_unstorable)


async def _on_waxos(request: Request, error: WaxosError) -> Response:
    return problem(error, request_id_of(request))


async def _on_invalid(request: Request, error: RequestValidationError) -> Response:
    faults: list[dict[str, object]] = [
        {"where": ".".join(str(part) for part in fault["loc"]), "message": fault["msg"], "type": fault["type"]}
        for fault in error.errors()  # never the input itself: it may be a password or a customer's text
    ]
    where = faults[0]["where"] if faults else "body"
    refusal = InvalidInput(
        f"the request cannot be used: {where}: {faults[0]['message'] if faults else 'unreadable'}",
        hint="correct the fields named in `errors`",
    )
    return problem(refusal, request_id_of(request), faults)


async def _on_http(request: Request, error: HTTPException) -> Response:
    known: dict[int, WaxosError] = {
        401: NotAuthenticated("no valid token", hint="sign in"),
        403: NotAllowed("this is not allowed"),
        404: NotFound("there is nothing at this address", hint="see /api/v1/openapi.json for the addresses"),
        413: too_large(),
    }
    if error.status_code in known:
        return problem(known[error.status_code], request_id_of(request))
    body = Problem(
        title=_TITLES.get(error.status_code, "Refused"),
        status=error.status_code,
        code="http_error",
        detail=str(error.detail),
        request_id=request_id_of(request),
    )
    return _response(body, error.headers or {})


async def _on_database(request: Request, _error: Exception) -> Response:
    return problem(database_away(), request_id_of(request))


async def _on_unstorable(request: Request, _error: Exception) -> Response:
    refusal = InvalidInput(
        "a value is outside of what can be stored",
        hint="look for numbers that are too large and for the character U+0000",
    )
    return problem(refusal, request_id_of(request))


def _response(body: Problem, headers: Mapping[str, str]) -> Response:
    return Response(
        body.model_dump_json(exclude_none=True), status_code=body.status, headers=headers, media_type=PROBLEM_JSON
    )

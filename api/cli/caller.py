"""A signed-in caller of the public API, for commands: typed answers, refusals as errors of our tree."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
import typer
from pydantic import BaseModel, ValidationError

from core import errors
from core.contracts.accounts import TokenPair
from core.contracts.base import Problem
from core.errors import Unavailable, WaxosError
from core.settings import load_settings
from domain.first_business import read_logins

Answer = TypeVar("Answer", bound=BaseModel)
PREFIX = "/api/v1"
_SECONDS = 30.0
_BY_STATUS: dict[int, type[WaxosError]] = {
    kind.status: kind
    for kind in (
        errors.InvalidInput, errors.NotAuthenticated, errors.NotAllowed, errors.NotFound, errors.Conflict, errors.Gone,
        errors.TooLarge, errors.TooMany, errors.Unavailable,
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Caller:
    """One member's way into the API at `address`."""

    address: str
    http: httpx.Client
    token: str

    def call(self, method: str, path: str, answer: type[Answer], **arguments: Any) -> Answer:
        """Do one operation and return its answer.

        Raises:
            WaxosError: the API refused, cannot be reached, or is of another version; the class says how.
        """
        return _parsed(_send(self.http, method, path, **arguments), answer)

    def tell(self, method: str, path: str, **more: Any) -> None:
        """Do one operation that answers nothing. Raises like `call`."""
        _send(self.http, method, path, **more)


@contextmanager
def signed_in(url: str | None, email: str | None) -> Iterator[Caller]:
    """Sign in and yield the caller. Without `email`, as the admin whom `waxos up` made on this machine; else the password is asked for.

    Raises:
        WaxosError: no API there, or it refuses the login.
    """
    settings = load_settings()
    address = (url or settings.ui.api_url).rstrip("/")
    business = read_logins(settings.home) if email is None else None
    if business is not None:
        login = next(one for one in business.logins if one.role.value == "admin")
        email, password = login.email, login.password
    else:
        email = email or typer.prompt("E-mail", err=True)
        password = typer.prompt("Password", hide_input=True, err=True)
    with httpx.Client(base_url=address + PREFIX, timeout=_SECONDS, trust_env=False) as http:
        tokens = _parsed(_send(http, "POST", "/auth/login", json={"email": email, "password": password}), TokenPair)
        http.headers["Authorization"] = f"Bearer {tokens.access_token}"
        yield Caller(address, http, tokens.access_token)


def _send(http: httpx.Client, method: str, path: str, **arguments: Any) -> httpx.Response:
    try:
        response = http.request(method, path, **arguments)
    except httpx.TransportError as error:
        raise Unavailable(
            f"no WAXOS API answers at {http.base_url} ({type(error).__name__})", hint="start one with: waxos up"
        ) from None
    if response.is_success:
        return response
    kind = _BY_STATUS.get(response.status_code, WaxosError)
    try:
        problem = Problem.model_validate_json(response.content)
    except ValidationError:
        raise kind(f"{http.base_url} answered {response.status_code} without saying why") from None
    raise kind(problem.detail, hint=problem.hint, code=problem.code, current=problem.current)


def _parsed(response: httpx.Response, answer: type[Answer]) -> Answer:
    try:
        return answer.model_validate_json(response.content)
    except ValidationError:
        raise Unavailable(
            "the API sent something that this command does not understand", hint="update the older of the two"
        ) from None

"""The one error tree. An error knows its HTTP status and a stable code; only `api` turns it into a response.

WaxosError
├── InvalidInput 422        the caller sent something that cannot be used
├── NotAuthenticated 401    no valid token
├── NotAllowed 403          a valid caller without the scope
├── NotFound 404            nothing of that name in the caller's tenant
├── Conflict 409            the state has moved on; `current` shows it
│   └── StaleDecision       a decision on a draft that is not what it was
├── Gone 410                was there, is over (a used pairing code, an expired draft)
├── TooLarge 413            a body or file over its limit
├── TooMany 429             a limit was hit; `retry_after` says when to come back
├── Unavailable 503         something that we need does not answer; `retry_after` likewise
├── ProviderError 502       an AI provider failed (core.aal.errors has the kinds)
└── SetupError              a process cannot start: prints `detail` and `hint`, exit code 2
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class WaxosError(Exception):
    """Base of all our errors: `detail` says what happened, `hint` what to do next; neither holds a secret or message text."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something went wrong"

    def __init__(
        self,
        detail: str,
        *,
        hint: str | None = None,
        code: str | None = None,
        current: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint
        self.reason_code = code or self.code
        self.current = dict(current) if current is not None else None
        self.retry_after = retry_after


class InvalidInput(WaxosError):
    """The caller sent something that cannot be used."""

    status, code, title = 422, "invalid_input", "The request cannot be used"


class NotAuthenticated(WaxosError):
    """No valid token."""

    status, code, title = 401, "not_authenticated", "Sign in first"


class NotAllowed(WaxosError):
    """A valid caller without the right."""

    status, code, title = 403, "not_allowed", "This account may not do that"


class NotFound(WaxosError):
    """Nothing of that name in the caller's tenant."""

    status, code, title = 404, "not_found", "Not found"


class Conflict(WaxosError):
    """The state has moved on since the caller looked."""

    status, code, title = 409, "conflict", "Somebody or something was faster"


class StaleDecision(Conflict):
    """A decision on a draft whose text, version or chat is no longer the one that was decided on."""

    code = "stale_decision"


class Gone(WaxosError):
    """Was there, is over."""

    status, code, title = 410, "gone", "This is over"


class TooLarge(WaxosError):
    """A body or file over its limit."""

    status, code, title = 413, "too_large", "Too large"


class TooMany(WaxosError):
    """A limit was hit."""

    status, code, title = 429, "too_many_requests", "Too many requests"


class Unavailable(WaxosError):
    """Something that we need does not answer now."""

    status, code, title = 503, "unavailable", "Not available right now"


class ProviderError(WaxosError):
    """An AI provider failed."""

    status, code, title = 502, "provider_failed", "The AI provider failed"


class SetupError(WaxosError):
    """A process cannot start as it is set up."""

    status, code, title = 500, "setup", "WAXOS cannot start"


BY_STATUS: Mapping[int, type[WaxosError]] = {
    kind.status: kind
    for kind in (InvalidInput, NotAuthenticated, NotAllowed, NotFound, Conflict, Gone, TooLarge, TooMany, Unavailable)
}
"""The error that a client of the API raises for a refusal with this status."""

"""Kinds of `ProviderError`, and the total map from LiteLLM's exception classes to them.

ProviderError 502
├── ProviderRefusedKey     the key is wrong or may not use the model
├── ProviderOutOfCredit    the account has no money left
├── ProviderLimited        too many requests; `retry_after` where the vendor said so
├── ProviderSlow           no answer within the attempt or the total time
├── ProviderDown           unreachable, or failing on its side
├── ProviderRejected       this request is refused: too long, unknown model, forbidden content
├── ProviderAnswerUnusable an answer that is none: empty, cut off, not the asked shape
├── ProviderResting        not asked: it failed a moment ago; `retry_after` says when it is tried again
├── BudgetSpent            the tenant's own limit, before any provider was asked
└── NoProviderAnswered     every provider of the chain failed; `attempts` says how each did

Our texts are made here from provider, model and kind. The vendor's own text is never passed on: it may quote a key or a customer.
"""

from collections.abc import Sequence
from typing import ClassVar

from core.contracts.reasoning import AiCall
from core.errors import ProviderError


class ProviderFailure(ProviderError):
    """One provider failed once. `transient` failures may pass by themselves, others need a person."""

    code = "provider_failed"
    transient: ClassVar[bool] = True
    said: ClassVar[str] = "failed"
    todo: ClassVar[str | None] = None

    def __init__(self, provider: str, model: str, *, retry_after: float | None = None, reason: str = "") -> None:
        suffix = f" ({reason})" if reason else ""
        super().__init__(f"{provider}/{model} {self.said}{suffix}", hint=self.todo, retry_after=retry_after)
        self.provider = provider
        self.model = model


class ProviderRefusedKey(ProviderFailure):
    """The key is wrong, revoked, or may not use this model."""

    code, transient = "provider_key_refused", False
    said, todo = "refused the key", "check the key in the settings and that it may use this model"


class ProviderOutOfCredit(ProviderFailure):
    """The account behind the key has nothing left to spend."""

    code, transient = "provider_out_of_credit", False
    said, todo = "says that the account has no credit left", "add credit at the provider or take it off the chain"


class ProviderLimited(ProviderFailure):
    """The provider's rate limit."""

    code, said = "provider_limited", "is over its rate limit"


class ProviderSlow(ProviderFailure):
    """No answer in time."""

    code, said = "provider_slow", "did not answer in time"


class ProviderDown(ProviderFailure):
    """Unreachable, or an error on the provider's side."""

    code, said = "provider_down", "cannot be reached or fails on its side"


class ProviderRejected(ProviderFailure):
    """The provider does not take this request; another one may."""

    code, transient = "provider_rejected", False
    said, todo = "does not take this request", "check the model's name and how long its input may be"


class ProviderAnswerUnusable(ProviderFailure):
    """There was an answer, and it is none: empty, cut off, or not of the asked shape."""

    code, said = "provider_answer_unusable", "gave an answer that cannot be used"


class ProviderResting(ProviderFailure):
    """It was not asked, because it failed a moment ago or asked for rest."""

    code, said = "provider_resting", "rests after failing"


class BudgetSpent(ProviderError):
    """The tenant's own money limit stands before any provider is asked."""

    status, code, title = 402, "ai_budget_spent", "The AI budget is spent"


class NoProviderAnswered(ProviderError):
    """Every provider of the chain failed. `call` is the row for `ai_interactions`."""

    code = "no_provider_answered"

    def __init__(self, attempts: Sequence[ProviderFailure], call: AiCall) -> None:
        tried = "; ".join(attempt.detail for attempt in attempts) or "the time was up before any was asked"
        again = [attempt.retry_after for attempt in attempts if attempt.retry_after is not None]
        super().__init__(
            f"no AI provider answered: {tried}",
            hint="`waxos aal status` shows the chain; the chat waits for a person meanwhile",
            retry_after=min(again) if again and len(again) == len(attempts) else None,
        )
        self.attempts = tuple(attempts)
        self.call = call


VENDOR_ERRORS: dict[str, type[ProviderFailure]] = {
    "AuthenticationError": ProviderRefusedKey,
    "PermissionDeniedError": ProviderRefusedKey,
    "PaymentRequiredError": ProviderOutOfCredit,
    "BudgetExceededError": ProviderOutOfCredit,
    "RateLimitError": ProviderLimited,
    "Timeout": ProviderSlow,
    "InternalServerError": ProviderDown,
    "ServiceUnavailableError": ProviderDown,
    "BadGatewayError": ProviderDown,
    "APIConnectionError": ProviderDown,
    "APIError": ProviderDown,
    "OpenAIError": ProviderDown,
    "MidStreamFallbackError": ProviderDown,
    "MockException": ProviderDown,
    "NotFoundError": ProviderRejected,
    "BadRequestError": ProviderRejected,
    "InvalidRequestError": ProviderRejected,
    "UnprocessableEntityError": ProviderRejected,
    "UnsupportedParamsError": ProviderRejected,
    "ContextWindowExceededError": ProviderRejected,
    "RejectedRequestError": ProviderRejected,
    "ContentPolicyViolationError": ProviderRejected,
    "LiteLLMUnknownProvider": ProviderRejected,
    "ModelNotMappedError": ProviderRejected,
    "GuardrailRaisedException": ProviderRejected,
    "BlockedPiiEntityError": ProviderRejected,
    "ModifyResponseException": ProviderRejected,
    "SensitiveDataRouteException": ProviderRejected,
    "ImageFetchError": ProviderRejected,
    "VectorStoreSearchError": ProviderRejected,
    "APIResponseValidationError": ProviderAnswerUnusable,
    "JSONSchemaValidationError": ProviderAnswerUnusable,
}
"""LiteLLM's exception classes by name (a test compares this with the installed version)."""


def kind_of(error: BaseException) -> type[ProviderFailure]:
    """Return our kind for a vendor's exception: its own class first, then the nearest base that is known."""
    for base in type(error).__mro__:
        if base.__name__ in VENDOR_ERRORS:
            return VENDOR_ERRORS[base.__name__]
    return ProviderAnswerUnusable

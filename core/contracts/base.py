"""Base classes of everything that crosses a wire."""

from datetime import datetime
from typing import Annotated, Generic, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

Item = TypeVar("Item")
Utc = Annotated[AwareDatetime, Field(description="UTC, RFC 3339")]


class Wire(BaseModel):
    """A shape that we send: frozen, and tolerant of fields that a newer peer adds (decision 9)."""

    model_config = ConfigDict(frozen=True, extra="ignore", from_attributes=True)


class Command(BaseModel):
    """A shape that a caller sends us: unknown fields are refused, so that a typing error never passes in silence."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Page(Wire, Generic[Item]):
    """One page of a list; pass `next_cursor` back as `cursor` for the next one, `null` means the end."""

    items: list[Item]
    next_cursor: str | None = None


class Problem(Wire):
    """RFC 9457 problem details: `code` is stable, `detail` tells a person what happened, `hint` what to do next."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    hint: str | None = None
    request_id: str | None = None
    current: dict[str, object] | None = Field(default=None, description="the present state, on a conflict")
    errors: list[dict[str, object]] | None = Field(default=None, description="fields at fault, on bad input")


class Liveness(Wire):
    """Answer of /health."""

    status: str
    version: str


class Readiness(Wire):
    """Answer of /ready: each dependency by name with `ok` or the reason."""

    status: str
    checks: dict[str, str]
    at: datetime

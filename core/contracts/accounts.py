"""Sign-in and members."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, SecretStr, StringConstraints

from core.contracts.base import Command, Utc, Wire
from core.contracts.states import Role

Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, to_lower=True, min_length=3, max_length=254, pattern=r"^[^@\s]+@[^@\s]+$"),
]


class Login(Command):
    """Body of POST /auth/login."""

    email: Email
    password: SecretStr = Field(min_length=1, max_length=256)


class Refresh(Command):
    """Body of POST /auth/refresh and /auth/logout."""

    refresh_token: SecretStr


class TokenPair(Wire):
    """Bearer tokens: access (JWT, `expires_in` seconds) and the next refresh token (used once)."""

    access_token: str
    refresh_token: str
    token_type: str = "bearer"  # noqa: S105 - the scheme's name
    expires_in: int


class Me(Wire):
    """Who the caller is."""

    user_id: UUID
    tenant_id: UUID
    tenant_name: str
    timezone: str
    email: str
    name: str
    role: Role


class Member(Wire):
    """A person of the tenant."""

    id: UUID
    email: str
    name: str
    role: Role
    created_at: Utc

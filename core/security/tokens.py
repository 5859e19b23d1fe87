"""Tokens: short-lived signed ones that say who acts, and long random ones that are looked up by their hash."""

import base64
import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.contracts.ids import TenantId, new_id
from core.contracts.principal import Principal
from core.contracts.states import Role
from core.errors import NotAuthenticated
from core.security.keys import load_signing_key
from core.settings import AuthSettings

AUDIENCE = "waxos-api"
_ALGORITHM = "EdDSA"
_REQUIRED = ["exp", "iat", "iss", "aud", "sub", "tid", "role", "sv"]
_LEEWAY_S = 5
_SECRET_BYTES = 32

OpaqueKind = Literal["refresh", "device"]
_PREFIX: dict[OpaqueKind, str] = {"refresh": "wxr_", "device": "wxd_"}


@dataclass(frozen=True, slots=True)
class AccessTokens:
    """Issues and verifies the JWT access tokens of the built-in issuer: Ed25519 only, whatever the token's header says."""

    key: Ed25519PrivateKey
    issuer: str
    lifetime: timedelta

    @classmethod
    def from_settings(cls, auth: AuthSettings) -> "AccessTokens":
        """Build from settings.

        Raises:
            SetupError: the signing key is missing or unusable.
        """
        return cls(load_signing_key(auth.signing_key), auth.issuer, timedelta(minutes=auth.access_minutes))

    def issue(self, principal: Principal) -> str:
        """Return a signed token that says `principal` until `lifetime` from now."""
        now = datetime.now(UTC)
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": str(principal.subject_id),
            "tid": str(principal.tenant_id),
            "role": principal.role.value,
            "sv": principal.session_version,
            "jti": str(new_id()),
            "iat": now,
            "exp": now + self.lifetime,
        }
        if principal.channel_id is not None:
            claims["cid"] = str(principal.channel_id)
        return jwt.encode(claims, self.key, algorithm=_ALGORITHM, headers={"typ": "at+jwt"})

    def verify(self, token: str) -> Principal:
        """Return who a token speaks for. Whether its `session_version` is still the member's is for the caller to check.

        Raises:
            NotAuthenticated: forged, expired, of another issuer or audience, or not one of our tokens at all.
        """
        try:
            claims = jwt.decode(
                token,
                self.key.public_key(),
                algorithms=[_ALGORITHM],
                issuer=self.issuer,
                audience=AUDIENCE,
                leeway=_LEEWAY_S,
                options={"require": _REQUIRED},
            )
            channel = claims.get("cid")
            return Principal(
                tenant_id=TenantId(UUID(claims["tid"])),
                subject_id=UUID(claims["sub"]),
                role=Role(claims["role"]),
                session_version=int(claims["sv"]),
                channel_id=UUID(channel) if channel else None,
            )
        except jwt.ExpiredSignatureError:
            raise NotAuthenticated("the access token has expired", hint="refresh it", code="token_expired") from None
        except (jwt.PyJWTError, ValueError, TypeError, AttributeError):
            raise NotAuthenticated("the access token is not valid", hint="sign in again") from None


@dataclass(frozen=True, slots=True)
class OpaqueToken:
    """A fresh random token: `text` is shown once and never stored, `sha256` is what the database keeps."""

    text: str
    sha256: str


def new_opaque(kind: OpaqueKind, tenant_id: UUID, secret: bytes | None = None) -> OpaqueToken:
    """Return a token of its kind (`wxr_` refresh, `wxd_` device): whose tenant it is of, then 256 random bits or `secret`.

    The tenant is no secret; with it the token is looked up under row-level security, without a row in the directory.
    """
    random = base64.urlsafe_b64encode(secret or secrets.token_bytes(_SECRET_BYTES)).rstrip(b"=").decode()
    text = f"{_PREFIX[kind]}{tenant_id.hex}{random}"
    return OpaqueToken(text, opaque_sha256(kind, text))


def opaque_sha256(kind: OpaqueKind, text: str) -> str:
    """Return the hash under which a token is stored. Plain SHA-256 is right here: 256 random bits cannot be guessed.

    Raises:
        NotAuthenticated: the text is not a token of that kind.
    """
    if not text.startswith(_PREFIX[kind]) or not 40 <= len(text) <= 100:
        raise _not_of_kind(kind)
    return hashlib.sha256(text.encode()).hexdigest()


def opaque_tenant(kind: OpaqueKind, text: str) -> UUID:
    """Return the tenant that a token names; only looking up its hash there tells whether the token is real.

    Raises:
        NotAuthenticated: the text is not a token of that kind.
    """
    prefix = len(_PREFIX[kind])
    try:
        return UUID(hex=text[prefix : prefix + 32])
    except ValueError:
        raise _not_of_kind(kind) from None


def _not_of_kind(kind: OpaqueKind) -> NotAuthenticated:
    return NotAuthenticated(f"this is not a {kind} token", hint="sign in or pair again")


def is_device_token(text: str) -> bool:
    """Tell a device token from an access token by its prefix."""
    return text.startswith(_PREFIX["device"])

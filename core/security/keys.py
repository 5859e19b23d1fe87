"""Keys of the server: how they are made, read from settings, and used to hash what must be found but not read."""

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import SecretStr

from core.errors import SetupError

KEY_BYTES = 32


def new_key() -> str:
    """Return 32 random bytes in base64url without padding: a signing key, a directory key, a password of a database role."""
    return base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).rstrip(b"=").decode()


def load_signing_key(value: SecretStr | None) -> Ed25519PrivateKey:
    """Read the Ed25519 key that signs access tokens from PEM or 32 bytes in base64url.

    Raises:
        SetupError: no key, or not such a key; never repeats its content.
    """
    text = _required(value, "WAXOS_AUTH__SIGNING_KEY")
    if "BEGIN" in text:
        try:
            key = load_pem_private_key(text.encode(), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            key = None
        if isinstance(key, Ed25519PrivateKey):
            return key
        raise _unusable("WAXOS_AUTH__SIGNING_KEY")
    return Ed25519PrivateKey.from_private_bytes(_key_bytes(text, "WAXOS_AUTH__SIGNING_KEY"))


@dataclass(frozen=True, slots=True)
class DirectoryHasher:
    """Keyed hash of e-mail addresses, device tokens and webhook keys for `directory`, so that the table alone tells nothing."""

    key: bytes

    @classmethod
    def from_setting(cls, value: SecretStr | None) -> "DirectoryHasher":
        """Read the key from 32 bytes in base64url.

        Raises:
            SetupError: no key, or not such a key.
        """
        return cls(_key_bytes(_required(value, "WAXOS_AUTH__DIRECTORY_KEY"), "WAXOS_AUTH__DIRECTORY_KEY"))

    def __call__(self, kind: str, value: str) -> str:
        """Return the hex HMAC-SHA256 of `value` within `kind`; the caller normalises `value` first (case, spaces)."""
        return hmac.new(self.key, f"{kind}\x1f{value}".encode(), hashlib.sha256).hexdigest()


def _required(value: SecretStr | None, name: str) -> str:
    if value is None or not value.get_secret_value().strip():
        raise SetupError(f"{name} is not set", hint="`waxos up` makes one; elsewhere set the output of: waxos new-key")
    return value.get_secret_value().strip()


def _key_bytes(text: str, name: str) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise _unusable(name) from None
    if len(raw) != KEY_BYTES:
        raise _unusable(name)
    return raw


def _unusable(name: str) -> SetupError:
    return SetupError(f"{name} is not a usable key", hint="it must be 32 bytes in base64url, as made by: waxos new-key")

"""Where the journal's key comes from: the system keyring, or a file beside the journal that a passphrase opens (Argon2id).

The key itself is random and never changes; the file holds it sealed, so that a new passphrase is one small file that is replaced in one
step, and a crash leaves the old one or the new one. Files of the first kind hold no key: there the passphrase's own hash is the key.
"""

import secrets
from pathlib import Path
from typing import Annotated, Literal

import keyring
from argon2.exceptions import HashingError
from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from keyring.errors import KeyringError
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from core.errors import InvalidInput, SetupError
from desktop_bridge import host

_SERVICE = "waxos-bridge"
_KEY_BYTES = 32
_NONCE_BYTES = 12
_SEALED_FOR = b"waxos-bridge journal key 1"
_SETTING = "WAXOS_BRIDGE__JOURNAL_PASSPHRASE"

LEAST_PASSPHRASE = 8
"""Characters that a new passphrase must have."""

Hex = Annotated[str, Field(pattern=r"^(?:[0-9a-f]{2})+$", max_length=256)]


class Derivation(BaseModel):
    """How one passphrase becomes a key; kept beside the journal so that stronger parameters can follow later.

    The defaults are above OWASP's least ones for Argon2id (19 MiB, 2 passes).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    salt: Hex
    time_cost: int = Field(default=3, ge=1, le=64)
    memory_kib: int = Field(default=64 * 1024, ge=8 * 1024, le=4 * 1024 * 1024)
    lanes: int = Field(default=4, ge=1, le=64)
    sealed: Hex | None = Field(default=None, repr=False, description="nonce and AES-256-GCM of the journal's key")
    version: Literal[1] = 1

    def stretch(self, passphrase: SecretStr) -> bytes:
        """Return the 32 bytes that this passphrase makes.

        Raises:
            SetupError: the machine has not the memory for it.
        """
        try:
            return hash_secret_raw(
                passphrase.get_secret_value().encode("utf-8"),
                bytes.fromhex(self.salt),
                time_cost=self.time_cost,
                memory_cost=self.memory_kib,
                parallelism=self.lanes,
                hash_len=_KEY_BYTES,
                type=Type.ID,
            )
        except (HashingError, MemoryError):
            raise SetupError(
                f"a key needs {self.memory_kib // 1024} MB of memory to be made",
                hint="close other programs, then start again",
            ) from None


def kdf_path(journal: Path) -> Path:
    """Return where the file of a journal with a passphrase lies."""
    return journal.with_suffix(".kdf.json")


def journal_key(journal: Path, passphrase: SecretStr | None) -> bytes:
    """Return the 32-byte key of this journal, made at its first opening.

    Raises:
        SetupError: there is a journal but its key is gone, the passphrase does not fit, or no keyring and no passphrase.
    """
    if passphrase is not None:
        return _opened(journal, passphrase)
    if kdf_path(journal).exists():
        raise SetupError(
            "this journal has a passphrase",
            hint=f"set {_SETTING} to it; or, if it was moved to the keyring, remove {kdf_path(journal)}",
        )
    return _from_keyring(journal)


def seal(journal: Path, key: bytes, passphrase: SecretStr, *, shortest: int = LEAST_PASSPHRASE) -> None:
    """Let this passphrase, and no other, open the journal from now on. The key goes out of the keyring, if it was there.

    Raises:
        InvalidInput: the passphrase is too short.
    """
    if len(passphrase.get_secret_value()) < shortest:
        raise InvalidInput(f"a passphrase needs {shortest} characters or more")
    how = Derivation(salt=secrets.token_hex(16))
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = nonce + AESGCM(how.stretch(passphrase)).encrypt(nonce, key, _SEALED_FOR)
    _write(kdf_path(journal), how.model_copy(update={"sealed": sealed.hex()}))
    _forget(journal)


def hand_to_keyring(journal: Path, key: bytes) -> None:
    """Keep the key in the system keyring from now on; only when it is there for certain does the passphrase's file go.

    Raises:
        SetupError: no keyring can be used, or it does not keep what it is given.
    """
    _keep(journal, key)
    kdf_path(journal).unlink(missing_ok=True)


def _opened(journal: Path, passphrase: SecretStr) -> bytes:
    path = kdf_path(journal)
    how = _read(path)
    if how is None and journal.exists():
        raise SetupError(
            f"{path.name} is missing beside the journal, so its key cannot be made",
            hint=f"restore it from a backup, or unset {_SETTING} if the key is in the system keyring",
        )
    if how is None:
        key = secrets.token_bytes(_KEY_BYTES)
        seal(journal, key, passphrase, shortest=1)
        return key
    made = how.stretch(passphrase)
    if how.sealed is None:
        return made
    sealed = bytes.fromhex(how.sealed)
    try:
        return AESGCM(made).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _SEALED_FOR)
    except (InvalidTag, ValueError):
        raise SetupError(
            f"the journal {journal} does not open with this key: the passphrase is another one",
            hint=f"set {_SETTING} to the one that it was made with; nothing was changed"
            + ("" if journal.exists() else f". There is no journal yet: remove {path} to begin anew"),
        ) from None


def _read(path: Path) -> Derivation | None:
    try:
        return Derivation.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (ValidationError, OSError) as error:
        raise SetupError(
            f"{path} cannot be read ({type(error).__name__})",
            hint="restore it from a backup; without it no key fits",
        ) from None


def _write(path: Path, how: Derivation) -> None:
    try:
        host.write_private(path, how.model_dump_json())
    except OSError as error:
        raise SetupError(
            f"{path} cannot be written: {error.strerror}", hint="free some disk space, then start again"
        ) from None


def _from_keyring(journal: Path) -> bytes:
    kept = _ask_keyring(journal)
    if kept is None:
        if journal.exists():
            raise SetupError(
                "the system keyring has no key for this journal",
                hint=f"unlock the keyring of the user who made it, or set {_SETTING} if it has one",
            )
        kept = secrets.token_bytes(_KEY_BYTES)
        _keep(journal, kept)
    return kept


def _ask_keyring(journal: Path) -> bytes | None:
    try:
        kept = keyring.get_password(_SERVICE, str(journal.absolute()))
    except KeyringError as error:
        raise _no_keyring(type(error).__name__) from None
    if kept is None:
        return None
    try:
        key = bytes.fromhex(kept)
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise SetupError(
            "what the system keyring keeps for this journal is no key of ours",
            hint="restore the keyring of the user who made it; nothing was changed",
        )
    return key


def _keep(journal: Path, key: bytes) -> None:
    """Put the key into the keyring and read it back: some backends take everything and keep nothing."""
    try:
        keyring.set_password(_SERVICE, str(journal.absolute()), key.hex())
    except KeyringError as error:
        raise _no_keyring(type(error).__name__) from None
    if _ask_keyring(journal) != key:
        raise _no_keyring("it keeps nothing")


def _forget(journal: Path) -> None:
    try:
        keyring.delete_password(_SERVICE, str(journal.absolute()))
    except KeyringError:
        return  # no keyring, or nothing of ours in it


def _no_keyring(why: str) -> SetupError:
    return SetupError(
        f"no system keyring can be used ({why})",
        hint=f"set {_SETTING} to a passphrase of your own; it opens the journal from then on",
    )

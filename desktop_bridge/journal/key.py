"""Where the journal's key comes from: the system keyring, or Argon2id over a passphrase."""

import secrets
from pathlib import Path

import keyring
from argon2.low_level import Type, hash_secret_raw
from keyring.errors import KeyringError
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from core.errors import SetupError

_SERVICE = "waxos-bridge"
_KEY_BYTES = 32


class _Derivation(BaseModel):
    """Parameters of one journal's key, kept beside it so that stronger ones can follow later."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    salt: str
    time_cost: int = 3
    memory_kib: int = 64 * 1024
    lanes: int = 4


def journal_key(journal: Path, passphrase: SecretStr | None) -> bytes:
    """Return the 32-byte key of this journal, made at its first opening.

    Raises:
        SetupError: there is a journal but its key is gone, or no keyring and no passphrase.
    """
    if passphrase is not None:
        return _derived(journal, passphrase)
    return _from_keyring(journal)


def _derived(journal: Path, passphrase: SecretStr) -> bytes:
    path = journal.with_suffix(".kdf.json")
    if path.exists():
        try:
            how = _Derivation.model_validate_json(path.read_text(encoding="utf-8"))
        except ValidationError:
            raise SetupError(
                f"{path} cannot be read", hint="restore it from a backup; without it no key fits"
            ) from None
    elif journal.exists():
        raise SetupError(
            f"{path.name} is missing beside the journal, so its key cannot be made",
            hint="restore it from a backup, or unset WAXOS_BRIDGE__JOURNAL_PASSPHRASE if the key is in the system keyring",
        )
    else:
        how = _Derivation(salt=secrets.token_hex(16))
        path.write_text(how.model_dump_json(), encoding="utf-8")
    return hash_secret_raw(
        passphrase.get_secret_value().encode("utf-8"),
        bytes.fromhex(how.salt),
        time_cost=how.time_cost,
        memory_cost=how.memory_kib,
        parallelism=how.lanes,
        hash_len=_KEY_BYTES,
        type=Type.ID,
    )


def _from_keyring(journal: Path) -> bytes:
    name = str(journal.absolute())
    try:
        kept = keyring.get_password(_SERVICE, name)
        if kept is None:
            if journal.exists():
                raise SetupError(
                    "the system keyring has no key for this journal",
                    hint="unlock the keyring of the user who made it, or set WAXOS_BRIDGE__JOURNAL_PASSPHRASE if it has one",
                )
            kept = secrets.token_hex(_KEY_BYTES)
            keyring.set_password(_SERVICE, name, kept)
    except KeyringError as error:
        raise SetupError(
            f"no system keyring can be used ({type(error).__name__})",
            hint="set WAXOS_BRIDGE__JOURNAL_PASSPHRASE to a passphrase of your own; it opens the journal from then on",
        ) from None
    return bytes.fromhex(kept)

"""The secrets of an embedded desk: made once, kept in one file that only its owner may read."""

import json
import os
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from core.errors import SetupError
from core.security.keys import new_key


@dataclass(frozen=True, slots=True)
class Secrets:
    """Every secret that `waxos up` makes by itself."""

    postgres_superuser: str = field(default_factory=new_key)
    postgres_admin: str = field(default_factory=new_key)
    postgres_app: str = field(default_factory=new_key)
    valkey: str = field(default_factory=new_key)
    signing_key: str = field(default_factory=new_key)
    directory_key: str = field(default_factory=new_key)
    journal_passphrase: str = field(default_factory=new_key)


def load_secrets(home: Path) -> Secrets:
    """Read `secrets.json` under `home`, or make it at the first start.

    Raises:
        SetupError: the file cannot be read or was damaged, or it is missing beside data that needs it.
    """
    path = home / "secrets.json"
    if path.exists():
        return _read(path)
    if (home / "postgres").exists():
        raise SetupError(
            f"{path} is missing, but {home / 'postgres'} holds data that can only be opened with it",
            hint=f"put the file back from a backup, or move {home} away to begin with an empty desk",
        )
    secrets = Secrets()
    write_private(path, json.dumps(asdict(secrets), indent=1))
    return secrets


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read (0600): all of it or nothing, also when the power fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        os.fchmod(out.fileno(), 0o600)
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    partial.replace(path)


def _read(path: Path) -> Secrets:
    names = {item.name for item in fields(Secrets)}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        kept = {name: found[name] for name in names}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SetupError(
            f"{path} cannot be used ({type(error).__name__})",
            hint=f"put the file back from a backup, or move {path.parent} away to begin with an empty desk",
        ) from None
    return Secrets(**kept)

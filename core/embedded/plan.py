"""What a desk on one machine consists of: its parts, their ports, and the environment that each of them may see.

Nothing is imported from the parts: each is the command `waxos …` of an installed folder. A part is given only the settings that it
needs, so that neither the panel nor the bridge ever holds a secret of the server.
"""

import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from core.embedded.processes import free_port
from core.embedded.supervisor import Command
from core.embedded.vault import Secrets
from core.errors import SetupError
from core.settings import Settings

LOOPBACK = "127.0.0.1"


class Part(StrEnum):
    """A process of the desk."""

    API = "api"
    WORKER = "worker"
    BEAT = "beat"
    UI = "ui"
    SANDBOX = "sandbox"
    BRIDGE = "bridge"


ALL_PARTS = frozenset(Part)
SERVER_PARTS = frozenset({Part.API, Part.WORKER, Part.BEAT})

_COMMANDS: Mapping[Part, tuple[str, ...]] = {
    Part.API: ("api",),
    Part.WORKER: ("worker",),
    Part.BEAT: ("beat",),
    Part.UI: ("ui",),
    Part.SANDBOX: ("bridge", "sandbox"),
    Part.BRIDGE: ("bridge", "run"),
}
_MAY_SEE: Mapping[Part, tuple[str, ...]] = {
    Part.UI: ("WAXOS_UI__", "WAXOS_LOG__"),
    Part.SANDBOX: ("WAXOS_LOG__",),
    Part.BRIDGE: ("WAXOS_BRIDGE__", "WAXOS_LOG__"),
}
_PORT_SETTINGS: Mapping[Part, str] = {
    Part.API: "WAXOS_API__PORT",
    Part.UI: "WAXOS_UI__PORT",
    Part.SANDBOX: "WAXOS_BRIDGE__SANDBOX_PORT",
}


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the parts listen that do; all on loopback unless the settings say otherwise."""

    api: int
    ui: int
    sandbox: int

    @classmethod
    def choose(cls, settings: Settings, parts: frozenset[Part]) -> "Ports":
        """Take the ports of the settings, and a free one for each 0.

        Raises:
            SetupError: a named port is taken.
        """
        wanted = {
            Part.API: (settings.api.host, settings.api.port),
            Part.UI: (settings.ui.host, settings.ui.port),
            Part.SANDBOX: (LOOPBACK, settings.bridge.sandbox_port),
        }
        chosen = {part: _usable(part, host, port) if part in parts else port for part, (host, port) in wanted.items()}
        return cls(chosen[Part.API], chosen[Part.UI], chosen[Part.SANDBOX])


@dataclass(frozen=True, slots=True)
class Plan:
    """One desk: everything that decides how its processes are started."""

    settings: Settings
    home: Path
    ports: Ports
    secrets: Secrets
    database_url: str
    redis_url: str
    sandbox_token: str
    browser: Path | None = None

    @property
    def api_url(self) -> str:
        """Address of the API."""
        return f"http://{_reachable(self.settings.api.host)}:{self.ports.api}"

    @property
    def ui_url(self) -> str:
        """Address of the panel."""
        return f"http://{_reachable(self.settings.ui.host)}:{self.ports.ui}"

    @property
    def sandbox_url(self) -> str:
        """Address of the sandbox page."""
        return f"http://{LOOPBACK}:{self.ports.sandbox}"

    def server_settings(self) -> Settings:
        """Return the settings that a process of the server sees, for work done by ourselves."""
        auth = self.settings.auth
        return Settings.model_validate(
            self.settings.model_dump()
            | {
                "home": self.home,
                "database_url": self.database_url,
                "redis_url": self.redis_url,
                "auth": auth.model_dump()
                | {
                    "signing_key": auth.signing_key or self.secrets.signing_key,
                    "directory_key": auth.directory_key or self.secrets.directory_key,
                },
            }
        )

    def command(self, part: Part, pairing_code: str | None = None) -> Command:
        """Return how a part is started."""
        arguments = [sys.executable, "-P", "-m", "api.cli.main", *_COMMANDS[part]]
        if part is Part.SANDBOX:
            arguments += ["--port", str(self.ports.sandbox), "--token", self.sandbox_token]
        return Command(part.value, arguments, self._environ(part, pairing_code), self.home / "logs" / f"{part}.log")

    def _environ(self, part: Part, pairing_code: str | None) -> dict[str, str]:
        may_see = _MAY_SEE.get(part, ("WAXOS_",))
        environ = {
            key: value for key, value in os.environ.items() if not key.startswith("WAXOS_") or key.startswith(may_see)
        }
        environ |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "PYTHONUNBUFFERED": "1", "WAXOS_HOME": str(self.home)}
        match part:
            case Part.UI:
                return environ | {"WAXOS_UI__PORT": str(self.ports.ui), "WAXOS_UI__API_URL": self.api_url}
            case Part.SANDBOX:
                return environ
            case Part.BRIDGE:
                return environ | self._bridge_environ(pairing_code)
            case _:
                return environ | self._server_environ()

    def _server_environ(self) -> dict[str, str]:
        auth = self.server_settings().auth
        storage = self.settings.storage.folder
        return {
            "WAXOS_DATABASE_URL": self.database_url,
            "WAXOS_REDIS_URL": self.redis_url,
            "WAXOS_API__PORT": str(self.ports.api),
            "WAXOS_AUTH__SIGNING_KEY": auth.signing_key.get_secret_value() if auth.signing_key else "",
            "WAXOS_AUTH__DIRECTORY_KEY": auth.directory_key.get_secret_value() if auth.directory_key else "",
            "WAXOS_STORAGE__FOLDER": str(self._own(storage, "blobs", "storage" in self.settings.model_fields_set)),
        }

    def _bridge_environ(self, pairing_code: str | None) -> dict[str, str]:
        bridge = self.settings.bridge
        given = bridge.model_fields_set
        environ = {
            "WAXOS_BRIDGE__SERVER_URL": bridge.server_url if "server_url" in given else self.api_url,
            "WAXOS_BRIDGE__PAGE_URL": bridge.page_url if "page_url" in given else f"{self.sandbox_url}/",
            "WAXOS_BRIDGE__HOME": str(self._own(bridge.home, "bridge", "home" in given)),
        }
        if bridge.journal_passphrase is None:
            environ["WAXOS_BRIDGE__JOURNAL_PASSPHRASE"] = self.secrets.journal_passphrase
        if self.browser is not None:
            environ["WAXOS_BRIDGE__BROWSER_PATH"] = str(self.browser)
        if pairing_code is not None:
            environ["WAXOS_BRIDGE__PAIRING_CODE"] = pairing_code
        return environ

    def _own(self, setting: Path, name: str, was_set: bool) -> Path:
        return setting.absolute() if was_set else self.home / name


def _usable(part: Part, host: str, port: int) -> int:
    if port == 0:
        return free_port(host)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SetupError(
                f"port {port} on {host}, wanted for the {part}, cannot be used: {error.strerror or error}",
                hint=f"stop the program that uses it, or choose another one with {_PORT_SETTINGS[part]} (0 takes a free one)",
            ) from None
    return port


def _reachable(host: str) -> str:
    if host in {"", "0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        return LOOPBACK
    return f"[{host}]" if ":" in host else host

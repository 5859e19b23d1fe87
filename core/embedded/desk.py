"""A whole desk on one machine, as a library: embedded servers, migration, first business, and the processes as children.

`start` begins at once everything that can: processes wait for the database by themselves. `ready` returns when all of them answer.
`watch` restarts what crashes until `wake` is called. `waxos up` and the demo are thin wrappers around this. Use it from one
long-lived thread: the children end with the thread that started them.
"""

import fcntl
import os
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import IO

import httpx
from pydantic import SecretStr

from core.db.migrate import upgrade
from core.embedded.browser import find_browser
from core.embedded.plan import ALL_PARTS, Part, Plan, Ports
from core.embedded.postgres import EmbeddedPostgres
from core.embedded.processes import free_port
from core.embedded.supervisor import Exit, Supervisor
from core.embedded.valkey import EmbeddedValkey
from core.embedded.vault import Secrets, load_secrets
from core.errors import SetupError
from core.security.keys import load_signing_key, new_key
from core.settings import Settings

MIN_FREE_MB = 300
_MOST_CRASHES = 3
_PROBE_S = 0.5
_STEP_S = 0.05

Seed = Callable[[Settings, Path], str | None]
"""Makes the first business where there is none, and returns a pairing code for a bridge that has none yet."""

Progress = Callable[[str, float], None]
"""Told of each step that is done: its name and the seconds since the start."""

OnRestart = Callable[[str, int, float], None]
"""Told of each process that ended by itself: its name, its exit code, and the seconds until it is started again."""


@dataclass(slots=True)
class Desk:
    """One desk under `settings.home`. With addresses of Postgres and Redis in the settings, nothing is embedded."""

    settings: Settings
    migrations: Path
    seed: Seed
    parts: frozenset[Part] = ALL_PARTS
    progress: Progress = lambda _name, _seconds: None
    on_restart: OnRestart = lambda _name, _code, _pause: None
    durable: bool = True
    timings: dict[str, float] = field(default_factory=dict, init=False)
    _plan: Plan | None = field(default=None, init=False)
    _postgres: EmbeddedPostgres | None = field(default=None, init=False)
    _valkey: EmbeddedValkey | None = field(default=None, init=False)
    _supervisor: Supervisor = field(init=False)
    _lock: IO[str] | None = field(default=None, init=False)
    _began: float = field(default=0.0, init=False)
    _woken: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._supervisor = Supervisor(self.on_restart)

    @property
    def plan(self) -> Plan:
        """Ports, addresses and secrets; known after `start`."""
        if self._plan is None:
            raise SetupError("the desk was not started", hint="call start() first")
        return self._plan

    @property
    def addresses(self) -> dict[str, str]:
        """Addresses for people and programs, by what they are."""
        plan = self.plan
        found = {
            Part.API: ("api", plan.api_url),
            Part.UI: ("panel", plan.ui_url),
            Part.SANDBOX: ("sandbox", f"{plan.sandbox_url}/"),
        }
        return {name: url for part, (name, url) in found.items() if part in self.parts}

    @property
    def pids(self) -> dict[str, int]:
        """Process ids of everything that runs."""
        found = {name: child.process.pid for name, child in self._supervisor.children.items() if child.alive}
        for name, server in (("postgres", self._postgres), ("valkey", self._valkey)):
            if server is not None and server.pid is not None:
                found[name] = server.pid
        return found

    def start(self) -> None:
        """Start everything; what needs the database waits for it.

        Raises:
            SetupError: a port is taken, a second desk on the same folder, no disk space, a damaged folder, an unusable setting.
        """
        self._began = time.monotonic()
        home = self._claim_home()
        try:
            self._check_settings()
            ports = Ports.choose(self.settings, self.parts)
            browser = find_browser(self.settings.bridge) if Part.BRIDGE in self.parts else None
            secrets = load_secrets(home)
            self._choose_servers(home, secrets)
            self._plan = Plan(
                settings=self.settings,
                home=home,
                ports=ports,
                secrets=secrets,
                database_url=self._database_url(),
                redis_url=self._redis_url(),
                sandbox_token=new_key(),
                browser=browser,
            )
            self._start_all(home)
        except BaseException:
            self.stop()
            raise

    def ready(self, timeout_s: float = 120.0) -> dict[str, float]:
        """Wait until every part answers, and return the seconds that each took.

        Raises:
            SetupError: a part says that it cannot start, keeps crashing, or does not answer in time; everything is stopped.
        """
        waiting = set(self.parts)
        deadline = self._began + timeout_s
        try:
            while waiting:
                for part in sorted(waiting):
                    if self._answers(part):
                        waiting.discard(part)
                        self._done(part.value)
                if waiting:
                    self._note_exit(self._supervisor.next_exit(_STEP_S), starting=True)
                if waiting and time.monotonic() > deadline:
                    names = ", ".join(sorted(waiting))
                    raise SetupError(
                        f"{names} did not become ready in {timeout_s:.0f} s",
                        hint=f"see the logs in {self.plan.home / 'logs'}",
                    )
        except BaseException:
            self.stop()
            raise
        return dict(self.timings)

    def watch(self) -> None:
        """Restart what ends by itself, until `wake` is called.

        Raises:
            SetupError: a part says that it can no longer start; everything is stopped.
        """
        try:
            while not self._woken:
                self.watch_once(1.0)
        except BaseException:
            self.stop()
            raise

    def watch_once(self, timeout_s: float) -> None:
        """Do one step of `watch`, of up to `timeout_s` seconds."""
        self._note_exit(self._supervisor.next_exit(timeout_s), starting=False)
        self._revive_servers()

    def wake(self) -> None:
        """End `watch`; may be called from a signal handler."""
        self._woken = True
        self._supervisor.wake()

    def stop(self) -> None:
        """Stop everything, databases last, and free the folder. Doing it twice is harmless."""
        self._supervisor.stop()
        if self._valkey is not None:
            self._valkey.stop()
        if self._postgres is not None:
            self._postgres.stop()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _claim_home(self) -> Path:
        home = self.settings.home.absolute()
        try:
            home.mkdir(parents=True, exist_ok=True)
            (home / "logs").mkdir(exist_ok=True)
            lock = (home / "lock").open("a+", encoding="ascii")
        except OSError as error:
            raise SetupError(
                f"the folder {home} cannot be used: {error.strerror}", hint="choose another one with WAXOS_HOME"
            ) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            pid = lock.read().strip() or "unknown"
            lock.close()
            raise SetupError(
                f"a desk already runs on {home} (process {pid})",
                hint="use that one, stop it, or choose another WAXOS_HOME",
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock
        free_mb = shutil.disk_usage(home).free // 1_000_000
        if free_mb < MIN_FREE_MB:
            self.stop()
            raise SetupError(
                f"only {free_mb} MB are free on the disk of {home}; the desk needs {MIN_FREE_MB}",
                hint="free some space, or put the desk on another disk with WAXOS_HOME",
            )
        return home

    def _check_settings(self) -> None:
        if self.settings.auth.signing_key is not None:
            load_signing_key(self.settings.auth.signing_key)
        given = self.settings.database_url, self.settings.database_admin_url
        if any(given) and not all(given):
            raise SetupError(
                "only one of WAXOS_DATABASE_URL and WAXOS_DATABASE_ADMIN_URL is set",
                hint="set both for a Postgres of yours, or none for the embedded one",
            )

    def _choose_servers(self, home: Path, secrets: Secrets) -> None:
        """Settle what is embedded and on which ports, so that processes can be started before their servers."""
        logs = home / "logs"
        if self.settings.redis_url is None:
            self._valkey = EmbeddedValkey(home / "valkey", secrets.valkey, logs / "valkey.log", free_port())
        if self.settings.database_url is None:
            self._postgres = EmbeddedPostgres(
                home / "postgres", secrets, logs / "postgres.log", free_port(), durable=self.durable
            )

    def _start_all(self, home: Path) -> None:
        """Start in the order of how long each takes to load; all of them load while the cluster is made and migrated."""
        migrator = threading.Thread(target=import_module, args=("alembic.command",), daemon=True)
        migrator.start()
        if self._valkey is not None:
            self._valkey.start()
            self._done("valkey")
        self._start_parts(Part.UI, Part.WORKER, Part.API)
        if self._postgres is not None:
            self._postgres.start()
            self._done("postgres")
        self._start_parts(Part.SANDBOX, Part.BEAT)
        migrator.join()
        upgrade(self._admin_url(), self.migrations)
        self._done("schema")
        code = self.seed(self.plan.server_settings(), home)
        self._done("business")
        if Part.BRIDGE in self.parts:
            self._supervisor.start(self.plan.command(Part.BRIDGE, code))

    def _start_parts(self, *parts: Part) -> None:
        for part in parts:
            if part in self.parts:
                self._supervisor.start(self.plan.command(part))

    def _database_url(self) -> str:
        if self._postgres is not None:
            return self._postgres.app_url
        return _given("WAXOS_DATABASE_URL", self.settings.database_url)

    def _admin_url(self) -> str:
        if self._postgres is not None:
            return self._postgres.admin_url
        return _given("WAXOS_DATABASE_ADMIN_URL", self.settings.database_admin_url)

    def _redis_url(self) -> str:
        if self._valkey is not None:
            return self._valkey.url
        return _given("WAXOS_REDIS_URL", self.settings.redis_url)

    def _answers(self, part: Part) -> bool:
        match part:
            case Part.API:
                return _responds(f"{self.plan.api_url}/ready")
            case Part.UI:
                return _responds(f"{self.plan.ui_url}/health")
            case Part.SANDBOX:
                return _responds(f"{self.plan.sandbox_url}/")
            case _:
                child = self._supervisor.children[part.value]
                return child.alive and f"{part}.ready" in child.written()

    def _note_exit(self, exit_: Exit | None, *, starting: bool) -> None:
        if exit_ is None:
            return
        explanation = exit_.explanation()
        if explanation is not None:
            raise explanation
        name, log = exit_.child.command.name, exit_.child.command.log
        self._supervisor.restart_later(exit_)
        if starting and exit_.child.failures >= _MOST_CRASHES:
            raise SetupError(f"{name} crashes at every start (exit code {exit_.code})", hint=f"see {log}")

    def _revive_servers(self) -> None:
        for server in (self._postgres, self._valkey):
            if server is not None and server.pid is None:
                server.start()

    def _done(self, name: str) -> None:
        seconds = time.monotonic() - self._began
        self.timings[name] = round(seconds, 2)
        self.progress(name, seconds)


def _given(name: str, address: SecretStr | None) -> str:
    if address is None:
        raise SetupError(f"{name} is not set", hint="name every server that is yours, or none")
    return address.get_secret_value()


def _responds(url: str) -> bool:
    try:
        answer = httpx.get(url, timeout=_PROBE_S, trust_env=False).raise_for_status()
        status = answer.json()
    except httpx.HTTPError:
        return False
    except ValueError:
        return True
    return not isinstance(status, dict) or (status.get("status") == "ok" and status.get("panel", "ready") == "ready")

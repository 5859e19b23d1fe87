"""A desk refuses clearly what cannot work, damages nothing, comes back from crashes, and keeps secrets from panel and bridge."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import psutil
import pytest

from core.embedded.desk import Desk
from core.embedded.plan import Part, Plan, Ports
from core.embedded.vault import Secrets
from core.errors import SetupError
from core.settings import load_settings
from domain import first_business
from tests.conftest import MIGRATIONS
from tests.core.embedded.test_servers import gone

ANY_PORTS: dict[str, Any] = {"api": {"port": 0}, "ui": {"port": 0}, "bridge": {"sandbox_port": 0}}


@pytest.fixture
def make_desk(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    made: list[Desk] = []

    def make(parts: set[Part] | None = None, **overrides: Any) -> Desk:
        settings = load_settings({}, **({"home": tmp_path / "var"} | ANY_PORTS | overrides))
        desk = Desk(settings, MIGRATIONS, first_business.seed, parts=frozenset(parts or {Part.BEAT}), durable=False)
        made.append(desk)
        return desk

    yield make
    for desk in made:
        desk.stop()


class TestRefused:
    """Each bad start is one line of what happened and one of what to do, before anything was changed."""

    def refuse(self, desk: Desk, words: str, hint: str) -> None:
        with pytest.raises(SetupError, match=words) as caught:
            desk.start()
        assert "\n" not in caught.value.detail
        assert hint in (caught.value.hint or "")
        assert not (desk.settings.home / "postgres").exists()
        assert desk.pids == {}

    def test_port_in_use(self, make_desk: Callable[..., Desk]) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            self.refuse(make_desk({Part.API}, api={"port": port}), f"port {port}", "WAXOS_API__PORT")
            self.refuse(make_desk({Part.UI}, ui={"port": port}), f"port {port}", "WAXOS_UI__PORT")

    def test_no_browser(self, make_desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        missing = {"bridge": {"browser_path": tmp_path / "nothing", "sandbox_port": 0}}
        self.refuse(make_desk({Part.BRIDGE}, **missing), "no browser at", "apt-get install -y chromium")
        monkeypatch.setenv("PATH", str(tmp_path))
        self.refuse(make_desk({Part.BRIDGE}), "no Chromium", "apt-get install -y chromium")

    def test_no_disk_space(self, make_desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch) -> None:
        class Usage(NamedTuple):
            free: int

        monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(12_000_000))
        self.refuse(make_desk(), "only 12 MB are free", "WAXOS_HOME")

    def test_a_wrong_key(self, make_desk: Callable[..., Desk]) -> None:
        self.refuse(make_desk(auth={"signing_key": "not-a-key"}), "WAXOS_AUTH__SIGNING_KEY", "waxos new-key")

    def test_half_an_address(self, make_desk: Callable[..., Desk]) -> None:
        self.refuse(make_desk(database_url="postgresql://x@127.0.0.1/x"), "only one of", "set both")

    def test_a_home_that_is_a_file(self, make_desk: Callable[..., Desk], tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(SetupError, match="cannot be used"):
            make_desk(home=tmp_path / "file").start()

    def test_damaged_secrets(self, make_desk: Callable[..., Desk], tmp_path: Path) -> None:
        (tmp_path / "var").mkdir()
        (tmp_path / "var" / "secrets.json").write_text("{}")
        self.refuse(make_desk(), r"secrets\.json cannot be used", "backup")

    def test_no_postgres_at_the_given_address(self, make_desk: Callable[..., Desk]) -> None:
        nowhere = "postgresql://waxos_app:x@127.0.0.1:1/waxos"
        desk = make_desk(database_url=nowhere, database_admin_url=nowhere)
        self.refuse(desk, "cannot be migrated", "WAXOS_DATABASE_ADMIN_URL")


def test_a_desk_starts_once_survives_crashes_and_stops_clean(make_desk: Callable[..., Desk], tmp_path: Path) -> None:
    desk = make_desk()
    desk.start()
    desk.ready(60)
    home = tmp_path / "var"
    business = first_business.read_logins(home)
    assert business is not None
    assert [one.role.value for one in business.logins] == ["owner", "admin", "staff"]
    assert stat.S_IMODE((home / "logins.json").stat().st_mode) == 0o600
    with pytest.raises(SetupError, match=f"already runs on .* \\(process {os.getpid()}\\)"):
        make_desk().start()
    assert set(desk.pids) == {"postgres", "valkey", "beat"}
    before = desk.pids
    for name in ("beat", "postgres", "valkey"):
        os.kill(before[name], signal.SIGKILL)
    deadline = time.monotonic() + 20
    while set(desk.pids) != set(before) or set(desk.pids.values()) & set(before.values()):
        assert time.monotonic() < deadline
        desk.watch_once(0.2)
    pids = list(desk.pids.values())
    desk.stop()
    assert gone(pids)
    again = make_desk()
    again.start()
    again.ready(60)
    assert first_business.read_logins(home) == business


def test_what_a_child_says_is_what_the_desk_says(
    make_desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = make_desk()
    monkeypatch.setenv("WAXOS_DESK__QUIET_SECONDS", "many")
    desk.start()
    with pytest.raises(SetupError, match="WAXOS_DESK__QUIET_SECONDS"):
        desk.ready(30)
    assert desk.pids == {}


def test_everything_dies_with_a_desk_that_is_killed(tmp_path: Path) -> None:
    environ = os.environ | {"WAXOS_HOME": str(tmp_path / "var")}
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "api.cli.main", "up", "--only", "beat", "--json"],
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if '"ready"' in line:
            break
    pids = [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
    assert len(pids) >= 3
    process.kill()
    process.wait()
    process.stdout.close()
    assert gone(pids)


def test_panel_and_bridge_see_no_secret_of_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAXOS_AAL__GROQ_API_KEY", "canary-provider-key")
    settings = load_settings()
    secrets = Secrets()
    plan = Plan(
        settings=settings,
        home=tmp_path,
        ports=Ports(1, 2, 3),
        secrets=secrets,
        database_url=f"postgresql://waxos_app:{secrets.postgres_app}@127.0.0.1/waxos",
        redis_url=f"redis://:{secrets.valkey}@127.0.0.1/0",
        sandbox_token=str(uuid4()),
    )
    hidden = {
        "canary-provider-key",
        secrets.signing_key,
        secrets.directory_key,
        secrets.postgres_app,
        secrets.postgres_admin,
        secrets.postgres_superuser,
        secrets.valkey,
    }
    for part in (Part.UI, Part.BRIDGE, Part.SANDBOX):
        seen = "\n".join(plan.command(part, "CODE").environ.values())
        assert not [value for value in hidden if value in seen], part
    server = "\n".join(plan.command(Part.WORKER).environ.values())
    assert "canary-provider-key" in server
    assert secrets.signing_key in server
    assert not [value for value in (secrets.postgres_admin, secrets.postgres_superuser) if value in server]

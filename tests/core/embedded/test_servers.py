"""The embedded servers: closed to everybody without a password, whole after every kind of stop, gone when their parent is gone."""

import json
import os
import signal
import stat
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from core.embedded.postgres import EmbeddedPostgres
from core.embedded.valkey import EmbeddedValkey
from core.embedded.vault import Secrets, load_secrets
from core.errors import SetupError


def gone(pids: list[int], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in pids):
            return True
        time.sleep(0.05)
    return False


def test_data_survives_a_kill_and_the_second_start_is_quick(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "postgres", load_secrets(tmp_path), tmp_path / "log")
    server.start()
    with psycopg.connect(server.admin_url) as connection:
        connection.execute("create table kept (x vector(3))")
        connection.execute("insert into kept values ('[1,2,3]')")
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    while server.pid is not None:
        time.sleep(0.01)
    again = EmbeddedPostgres(tmp_path / "postgres", load_secrets(tmp_path), tmp_path / "log")
    again.start()
    with psycopg.connect(again.admin_url) as connection:
        assert connection.execute("select x::text from kept").fetchall() == [("[1,2,3]",)]
        durable = connection.execute("select current_setting('fsync'), current_setting('full_page_writes')").fetchone()
    assert durable == ("on", "on")
    again.stop()
    began = time.monotonic()
    again.start()
    assert time.monotonic() - began < 2
    again.stop()


def test_every_role_needs_its_password_and_the_app_may_not_make_tables(postgres_server: EmbeddedPostgres) -> None:
    for role in ("postgres", "waxos_admin", "waxos_app"):
        for url in (postgres_server.url(role, "wrong"), f"postgresql://{role}@127.0.0.1:{postgres_server.port}/waxos"):
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(url, connect_timeout=5)
    with (
        psycopg.connect(postgres_server.app_url) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("create table mine (x int)")


@pytest.mark.parametrize("damage", ["no version", "other version", "no control file"])
def test_a_damaged_folder_is_one_clear_line_and_stays_as_it_is(
    postgres_server: EmbeddedPostgres, tmp_path: Path, damage: str
) -> None:
    data = tmp_path / "postgres" / "18"
    (data / "global").mkdir(parents=True)
    (data / "PG_VERSION").write_text("18\n")
    (data / "global" / "pg_control").write_bytes(b"x")
    if damage == "no version":
        (data / "PG_VERSION").unlink()
    elif damage == "other version":
        (data / "PG_VERSION").write_text("12\n")
    else:
        (data / "global" / "pg_control").unlink()
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    with pytest.raises(SetupError, match="not a complete PostgreSQL") as caught:
        EmbeddedPostgres(tmp_path / "postgres", postgres_server.secrets, tmp_path / "log").start()
    assert "backup" in (caught.value.hint or "")
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before


def test_a_control_file_of_garbage_is_explained_from_the_log(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "postgres", Secrets(), tmp_path / "log", durable=False)
    server.start()
    server.stop()
    (tmp_path / "postgres" / "18" / "global" / "pg_control").write_bytes(b"garbage" * 100)
    with pytest.raises(SetupError, match="cannot start") as caught:
        server.start()
    assert "\n" not in caught.value.detail


def test_secrets_are_private_and_never_made_anew_beside_data(tmp_path: Path) -> None:
    first = load_secrets(tmp_path)
    path = tmp_path / "secrets.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_secrets(tmp_path) == first
    assert len(set(json.loads(path.read_text()).values())) == 7
    path.write_text("{ damaged")
    with pytest.raises(SetupError, match=r"secrets\.json"):
        load_secrets(tmp_path)
    path.unlink()
    (tmp_path / "postgres").mkdir()
    with pytest.raises(SetupError, match="can only be opened with it"):
        load_secrets(tmp_path)


def test_valkey_wants_its_password_and_puts_damaged_files_aside(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path / "data", "the-password", tmp_path / "log")
    server.start()
    assert "the-password" not in " ".join(psutil.Process(server.pid).cmdline())
    client = redis.Redis.from_url(server.url)
    client.set("kept", "1")
    assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=server.port).ping()
    server.stop()
    server.start()
    assert client.get("kept") == b"1"
    server.stop()
    for path in (tmp_path / "data" / "appendonlydir").iterdir():
        path.write_bytes(b"garbage" * 50)
    server.start()
    assert client.get("kept") is None
    server.stop()
    assert len(list(tmp_path.glob("data.damaged-*"))) == 1


def test_servers_die_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import sys, time
        from pathlib import Path
        from core.embedded.postgres import EmbeddedPostgres
        from core.embedded.valkey import EmbeddedValkey
        from core.embedded.vault import Secrets
        home = Path(sys.argv[1])
        one = EmbeddedPostgres(home / "postgres", Secrets(), home / "log", durable=False)
        two = EmbeddedValkey(home / "valkey", "password", home / "log")
        one.start(); two.start()
        print(one.pid, two.pid, flush=True)
        time.sleep(60)
        """
    )
    parent = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) == 2
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert gone(pids)

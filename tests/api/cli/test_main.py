"""The command line: quick help, clear refusals, exit codes, no tracebacks."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from api.cli.reference import settings_page
from core.settings import Settings
from tests.conftest import DatabaseUrls

ROOT = Path(__file__).parents[3]


def waxos(*arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    env: Mapping[str, str] = {key: value for key, value in os.environ.items() if not key.startswith("WAXOS_")} | environ
    return subprocess.run(
        [sys.executable, "-P", "-m", "api.cli.main", *arguments],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_names_every_command_and_imports_none() -> None:
    code = (
        "import sys\nfrom api.cli.main import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'fastapi', 'celery', 'sqlalchemy', 'litellm', 'gradio', 'playwright', 'langgraph', 'redis', 'alembic'}\n"
        "print('LOADED', sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    for name in ("up", "api", "worker", "beat", "db", "health", "ui", "bridge"):
        assert f" {name} " in done.stdout
    assert "LOADED []" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "environ", "words"),
    [
        (["db", "check"], {}, "WAXOS_DATABASE_URL is not set"),
        (["db", "migrate"], {"WAXOS_DATABASE_ADMIN_URL": "postgresql://x:y@127.0.0.1:1/z"}, "cannot be migrated"),
        (["beat"], {"WAXOS_REDIS_URL": "redis://127.0.0.1:1/0"}, "Redis does not answer"),
        (["beat"], {"WAXOS_REDDIS_URL": "x"}, "unknown setting WAXOS_REDDIS_URL"),
        (["health", "--url", "http://127.0.0.1:1"], {}, "no WAXOS API answers"),
    ],
)
def test_what_cannot_start_says_so_in_two_lines(arguments: list[str], environ: dict[str, str], words: str) -> None:
    done = waxos(*arguments, **environ)
    assert done.returncode == 2
    lines = done.stderr.strip().splitlines()
    assert [line.split(":")[0] for line in lines] == ["error", "hint"]
    assert words in lines[0]


def test_a_wrong_command_is_a_usage_error() -> None:
    done = waxos("upp")
    assert done.returncode == 2
    assert "No such command" in done.stderr
    assert "Traceback" not in done.stderr


def test_db_check_tells_the_app_role_from_a_powerful_one(database_urls: DatabaseUrls) -> None:
    fine = waxos("db", "check", "--json", WAXOS_DATABASE_URL=database_urls.app)
    assert fine.returncode == 0
    assert json.loads(fine.stdout)["revision"] >= "0001"
    for url in (database_urls.admin, database_urls.superuser):
        refused = waxos("db", "check", WAXOS_DATABASE_URL=url)
        assert refused.returncode == 2
        assert "waxos_app" in refused.stderr


def test_migrating_twice_is_migrating_once(database_urls: DatabaseUrls) -> None:
    done = waxos("db", "migrate", "--json", WAXOS_DATABASE_ADMIN_URL=database_urls.admin)
    assert done.returncode == 0
    assert json.loads(done.stdout)["revision"] >= "0001"


def test_the_page_of_settings_is_the_code_s() -> None:
    written = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert written == settings_page(), "run: waxos settings --write docs/settings.md"
    assert [name for name in Settings.env_names() if f"`{name}`" not in written] == []

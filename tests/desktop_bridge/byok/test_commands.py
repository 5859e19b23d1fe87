"""The key from the command line, as docs/byok.md tells it: secrets by pipe, and nothing else takes one."""

import re
from pathlib import Path

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from core.settings import BridgeSettings
from desktop_bridge.byok.commands import app
from desktop_bridge.journal.journal import read_journal

PAGE = Path(__file__).parents[3] / "docs" / "byok.md"
KEY, OTHER = "sk-canary-77aa-of-the-owner", "sk-canary-77aa-the-second"
PASSWORD = "canary-77aa password"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def _run(home: Path, monkeypatch: pytest.MonkeyPatch, *words: str, said: str = "") -> Result:
    monkeypatch.setenv("WAXOS_BRIDGE__HOME", str(home))
    monkeypatch.setenv("WAXOS_BRIDGE__JOURNAL_PASSPHRASE", "a long passphrase")
    return CliRunner().invoke(app, list(words), input=said)


def test_set_exchange_and_delete_without_a_bridge(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = _run(home, monkeypatch, "set", "--provider", "groq", said=f"{KEY}\n{PASSWORD}\n")
    assert said.exit_code == 0, said.output
    assert '"provider": "groq"' in _run(home, monkeypatch, "status", "--json").output
    twice = _run(home, monkeypatch, "set", said=f"{KEY}\n{PASSWORD}\n")
    assert (twice.exit_code, "kept already" in twice.output) == (1, True)
    rotated = _run(home, monkeypatch, "rotate", "--new-key", said=f"{PASSWORD}\n{OTHER}\n")
    assert rotated.exit_code == 0, rotated.output
    wrong = _run(home, monkeypatch, "rotate", "--new-key", said=f"wrong password\n{KEY}\n")
    assert (wrong.exit_code, "does not open" in wrong.output) == (1, True)
    for needs_a_bridge in ("unlock", "lock", "page"):
        assert "no bridge runs" in _run(home, monkeypatch, needs_a_bridge, said=f"{PASSWORD}\n").output
    assert all("canary-77aa" not in one.output for one in (said, twice, rotated, wrong))
    settings = BridgeSettings.model_validate({"home": home, "journal_passphrase": "a long passphrase"})
    assert _run(home, monkeypatch, "delete", "--yes").exit_code == 0
    journal = read_journal(settings)
    assert journal.own.key() is None
    journal.close()


def test_the_page_names_every_command_and_none_takes_a_secret() -> None:
    group = typer.main.get_command(app)
    commands = getattr(group, "commands")  # noqa: B009 - click's group, whose type typer hides
    told = re.findall(r"^waxos bridge key (\w+)((?: --[\w-]+)*)", PAGE.read_text(), re.MULTILINE)
    assert {name for name, _ in told} == set(commands)
    for name, options in told:
        known = {flag for parameter in commands[name].params for flag in parameter.opts}
        assert set(options.split()) <= known, name
    for command in commands.values():
        takes = {parameter.name for parameter in command.params if not getattr(parameter, "is_flag", False)}
        assert takes <= {"provider", "model", "address"}, command.name

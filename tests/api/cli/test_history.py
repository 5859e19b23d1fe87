"""`waxos history` against a running API: a file in, proposals out, decided on; what a person has to say is asked by naming the option."""

import json
from pathlib import Path

import pytest

from tests.api.cli.conftest import Terminal
from tests.api.history.exports import CHAT, FILE


async def test_a_chat_is_imported_listed_accepted_and_dismissed(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "chat.txt").write_text(CHAT)
    (tmp_path / FILE).write_text(CHAT + "15/05/2024, 09:00 - Carla Mendes: Bye\n")
    status, out, err = await terminal.waxos(
        "history", "import", str(tmp_path / "chat.txt"), "--business", "Corner Café", "--json"
    )
    assert (status, err) == (0, "")
    assert json.loads(out)["proposed"] == {"answer": 2, "eval_case": 2}
    status, out, _ = await terminal.waxos("history", "import", str(tmp_path / FILE))
    assert status == 0
    assert "known by: file_name" in out
    assert "nothing new; 0 seen again" in out

    _, out, _ = await terminal.waxos("kb", "proposals", "list", "--kind", "answer", "--json")
    first, second = (json.loads(line) for line in out.splitlines())
    status, out, _ = await terminal.waxos(
        "kb", "proposals", "accept", first["id"], "--answer", "In our own words.", "--json"
    )
    assert (status, json.loads(out)["answer"]["answer"]) == (0, "In our own words.")
    assert (await terminal.waxos("kb", "proposals", "dismiss", second["id"]))[0] == 0
    status, out, _ = await terminal.waxos("kb", "proposals", "list")
    assert (status, out.count("eval_case")) == (0, 2)
    assert first["id"] not in out
    _, out, _ = await terminal.waxos("kb", "proposals", "list", "--origin", "unanswered", "--json")
    assert out == ""
    _, out, _ = await terminal.waxos("kb", "list", "--json")
    assert [(source["kind"], source["title"]) for source in json.loads(out)] == [
        ("curated", first["answer"]["question"])
    ]


@pytest.mark.parametrize(
    ("name", "text", "words", "said"),
    [
        ("chat.txt", CHAT, (), '--business "Carla Mendes" or --business "Corner Café"'),
        ("chat.txt", CHAT, ("--business", "Nobody"), "Nobody in this chat"),
        (FILE, CHAT.replace("13/05", "03/05").replace("14/05", "04/05"), (), "--date-order dmy"),
        ("letter.txt", "Dear Sir", (), "Export chat"),
    ],
)
async def test_what_is_missing_is_said_by_its_option(
    terminal: Terminal, tmp_path: Path, name: str, text: str, words: tuple[str, ...], said: str
) -> None:
    (tmp_path / name).write_text(text)
    status, _, err = await terminal.waxos("history", "import", str(tmp_path / name), *words)
    assert status == 1
    assert said in err
    assert "Traceback" not in err


async def test_wrong_use_is_one_clear_line(terminal: Terminal) -> None:
    nobody = "0190d0de-0000-7000-8000-000000000000"
    for words, said in (
        (("history", "import", "/nowhere/at-all.txt"), "cannot be read"),
        (("kb", "proposals", "accept", nobody), "no such proposal"),
        (("kb", "proposals", "accept", nobody, nobody, "--answer", "x"), "name one id"),
    ):
        status, _, err = await terminal.waxos(*words)
        assert status == 1
        assert said in err
        assert "Traceback" not in err

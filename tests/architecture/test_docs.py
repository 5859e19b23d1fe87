"""Documentation that can fail: what a page lists is compared with what is there, and no link leads nowhere."""

import re
import runpy
from collections.abc import Callable
from pathlib import Path

import pytest

from core.contracts.events import EventType
from tests.architecture.tree import ROOT, folders, texts

DECISIONS = ROOT / "docs" / "decisions"
NUMBERED = sorted(DECISIONS.glob("[0-9]*.md"))
_LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
PARTS = ["## Context", "## Decision", "## Consequences", "## Alternatives"]


def _first_cells(page: str) -> list[str]:
    return re.findall(r"(?m)^\| `([^`]+)` \|", (ROOT / "docs" / page).read_text())


def test_every_event_is_described() -> None:
    """The table of docs/events.md has a row for each event, and none for others."""
    assert sorted(_first_cells("events.md")) == sorted(EventType)


def test_every_command_is_described() -> None:
    """docs/commands.md is what the commands say of themselves today."""
    page: Callable[[], str] = runpy.run_path(str(ROOT / "scripts" / "commands_page.py"))["page"]
    assert (ROOT / "docs" / "commands.md").read_text() == page(), "run: make docs"


def test_decisions_are_numbered_once_and_listed() -> None:
    """Numbers run without gap or double, the file's number is the title's, and the index lists every decision under its title."""
    index = (DECISIONS / "README.md").read_text()
    assert [int(path.name[:4]) for path in NUMBERED] == list(range(1, len(NUMBERED) + 1))
    for path in NUMBERED:
        title = path.read_text().splitlines()[0].removeprefix(f"# {int(path.name[:4])}. ")
        assert not title.startswith("#"), path.name
        assert f"[{title}]({path.name})" in index, f"{path.name} is not in docs/decisions/README.md"


@pytest.mark.parametrize("path", NUMBERED, ids=lambda path: path.stem)
def test_a_decision_has_its_four_parts(path: Path) -> None:
    """Context, decision, consequences, alternatives, in this order, and whether it is accepted."""
    lines = [line.strip() for line in texts()[f"docs/decisions/{path.name}"].splitlines()]
    assert [line for line in lines if line.startswith("## ")] == PARTS
    assert re.match(r"(Proposed|Accepted|Superseded by \[\d{4}\]\(.+\)), \d{4}-\d\d-\d\d$", lines[2])


@pytest.mark.parametrize("folder", [*folders(), "tests", "docs"])
def test_every_top_level_folder_has_a_readme(folder: str) -> None:
    """It says what the folder is for, what may live in it, and how to add one more of its kind."""
    assert len((ROOT / folder / "README.md").read_text().split()) >= 60


def test_links_lead_somewhere() -> None:
    """Every relative link of every page names a file or folder that is there."""
    found = [
        f"{name}: {target}"
        for name, text in texts().items()
        if name.endswith(".md") and name != "docs/decisions/template.md"
        for target in _LINK.findall(text)
        if not (ROOT / name).parent.joinpath(target).exists()
    ]
    assert not found, "\n".join(found)

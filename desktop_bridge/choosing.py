"""`waxos bridge chats`: which chats are read. The choice is made and kept on this computer; titles go to the terminal only."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.contracts.states import ChatKind, ReadingChoice
from core.errors import InvalidInput
from core.settings import BridgeSettings
from desktop_bridge.byhand import Desk, open_desk
from desktop_bridge.journal.choice import Choice, ChoiceLog
from desktop_bridge.journal.journal import open_journal
from desktop_bridge.page.bubbles import Row
from desktop_bridge.page.list_pages import ListPages

MEANING = {
    ReadingChoice.NEW_WRITERS: "people who write from now on",
    ReadingChoice.ALL_BUT: "all chats but those left out by name",
    ReadingChoice.ONLY: "only the chats chosen by name",
}

STDIN = "-"


@dataclass(frozen=True)
class Wish:
    """What the owner asks for. At most one of the modes, or single chats to take in or leave out."""

    people_who_write: bool = False
    all_but: Sequence[str] = ()
    only: Sequence[str] = ()
    leave_out: Sequence[str] = ()
    take_in: Sequence[str] = ()

    @property
    def asks(self) -> int:
        """How many different things are asked for."""
        single = bool(self.leave_out or self.take_in)
        return sum((self.people_who_write, bool(self.all_but), bool(self.only), single))


def choose(settings: BridgeSettings, wish: Wish) -> dict[str, Any]:
    """Change the choice as wished, or leave it, and say what holds. A bridge that is running obeys with its next look.

    Raises:
        InvalidInput: a wish that contradicts itself or the present choice.
        SetupError: the journal does not open.
    """
    if wish.asks > 1:
        raise InvalidInput(
            "choose one of: people who write, all but, only", hint="single chats: --leave-out, --take-in"
        )
    journal = open_journal(settings)
    try:
        if wish.asks:
            journal.choice.set(_wished(journal.choice, wish))
        return _told(journal.choice.wanted())
    finally:
        journal.close()


async def listed(settings: BridgeSettings) -> dict[str, Any]:
    """Go through the whole list, open nothing, and say of each title whether it is read.

    Raises:
        SetupError: a bridge is running on this home, no browser, no journal.
    """
    async with open_desk(settings) as desk:
        session = await desk.page.linked()
        chats = await _titles(desk) if session.usable else []
        return {"state": session.state, **_told(desk.journal.choice.wanted()), "chats": chats}


def titles_from(path: str) -> list[str]:
    """Return the titles in a file, one a line; `-` reads them from the terminal.

    Raises:
        InvalidInput: the file cannot be read.
    """
    try:
        text = sys.stdin.read() if path == STDIN else Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"the file of titles cannot be read ({type(error).__name__})", hint="one title a line, UTF-8"
        ) from None
    titles = [line.strip() for line in text.splitlines() if line.strip()]
    if not titles:
        raise InvalidInput("the file of titles is empty", hint="one title a line, UTF-8")
    return titles


def _wished(log: ChoiceLog, wish: Wish) -> Choice:
    if wish.people_who_write:
        return Choice()
    if wish.all_but or wish.only:
        mode = ReadingChoice.ONLY if wish.only else ReadingChoice.ALL_BUT
        return Choice(mode, _keys(log, wish.only or wish.all_but))
    now = log.wanted()
    if now.mode is ReadingChoice.NEW_WRITERS:
        raise InvalidInput(
            "no chat was named yet, so there is no list to add to", hint="begin one: --all-but TITLE, or --only TITLE"
        )
    out, into = _keys(log, wish.leave_out), _keys(log, wish.take_in)
    only = now.mode is ReadingChoice.ONLY
    return Choice(now.mode, (now.named | into) - out if only else (now.named | out) - into)


def _keys(log: ChoiceLog, titles: Iterable[str]) -> frozenset[bytes]:
    return frozenset(log.key(title) for title in titles if title.strip())


def _told(choice: Choice) -> dict[str, Any]:
    return {"choice": choice.mode, "reads": MEANING[choice.mode], "named": len(choice.named)}


async def _titles(desk: Desk) -> list[dict[str, Any]]:
    walk = ListPages(desk.page)
    await walk.show_all()
    rows = [row async for page in walk.pages() for row in page]
    groups = {row.title for row in await walk.groups() or ()} | {row.title for row in rows if row.group}
    choice = desk.journal.choice.wanted()
    titles = dict.fromkeys(row.title for row in rows)
    return [{"title": title, "is": _standing(desk, choice, title, groups, rows)} for title in titles]


def _standing(desk: Desk, choice: Choice, title: str, groups: set[str], rows: Sequence[Row]) -> str:
    key = desk.journal.choice.key(title)
    known = [chat.kind for chat in desk.journal.chats.with_title(title)]
    if title in groups or (known and all(kind is not ChatKind.PERSON for kind in known)):
        return "group"
    if not choice.includes(key):
        return "left out"
    places = {row.place for row in rows if desk.journal.choice.key(row.title) == key}
    return "chosen, but repeated" if choice.mode is ReadingChoice.ONLY and len(places) > 1 else "read"

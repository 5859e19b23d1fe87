"""Law 12 with a real bridge: of chats that the owner did not take in, nothing is opened, stored, logged or told."""

import logging
import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from core.contracts.states import ReadingChoice
from core.settings import BridgeSettings
from desktop_bridge.journal.choice import Choice
from desktop_bridge.journal.journal import open_journal
from desktop_bridge.page.bubbles import clean_title
from desktop_bridge.runner import Bridge
from desktop_bridge.sandbox.models import Chat, ChatKind, JournalKind, NewMessage
from desktop_bridge.sandbox.running import Sandbox
from tests.desktop_bridge.crowd import CANARY, Crowd, author_in
from tests.desktop_bridge.link.desk import TOKEN, Desk, run_desk
from tests.desktop_bridge.stage import bridge_settings, running_bridge

LOOKS = {
    ReadingChoice.ALL_BUT: {"build": "testid", "ids": "bare", "lang": "en"},
    ReadingChoice.ONLY: {"build": "plain", "ids": "bare", "lang": "pt"},
    ReadingChoice.NEW_WRITERS: {"build": "plain", "ids": "legacy", "lang": "es"},
}
START_SECONDS = 300.0
HEARD_SECONDS = 1200.0
"""A crowd is long to read; what is wrong with the machine's load must not look like a lost message."""


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder for temporary files with a short path: the browser keeps a socket in it."""
    with TemporaryDirectory(prefix="w") as name:
        yield Path(name)


def _choose(settings: BridgeSettings, choice: ReadingChoice, titles: list[str]) -> None:
    journal = open_journal(settings)
    named = () if choice is ReadingChoice.NEW_WRITERS else titles
    journal.choice.set(Choice(choice, frozenset(journal.choice.key(f"  {title.upper()} ") for title in named)))
    journal.close()


async def _open_by_hand(bridge: Bridge, chat: Chat) -> None:
    """Open a chat on the business's computer, as a person does."""
    page = bridge._page
    async with bridge.shared.page_lock:
        row = (await page.find_rows(clean_title(chat.title)))[0]
        assert await page.open_row(row)


def _places(settings: BridgeSettings, desk: Desk, said: str, temporary: Path) -> dict[str, bytes]:
    """Return everything that the bridge has left behind, by where it lies; the browser's own profile is the page's."""
    places = {"log": said.encode(), "wire": b"\n".join(desk.heard)}
    for root in (settings.home, temporary):
        for path in root.rglob("*"):
            if "profile" not in path.relative_to(root).parts:
                places[f"name of {path}"] = path.name.encode()
                if path.is_file() and path.suffix != ".png":
                    places[str(path)] = path.read_bytes()
    journal = open_journal(settings)
    tables = [row["name"] for row in journal.store.all("SELECT name FROM sqlite_master WHERE type = 'table'")]
    assert len(tables) > 8
    for table in tables:
        rows = journal.store.all(f'SELECT * FROM "{table}"')  # noqa: S608 - a name of the journal's own
        places[f"journal.{table}"] = "\n".join(repr(tuple(row)) for row in rows).encode()  # type: ignore[arg-type]
    journal.close()
    return places


def _all_of(desk: Desk, expected: Counter[str]) -> Callable[[], bool]:
    return lambda: not expected - Counter(m.text for m in desk.messages)


@pytest.mark.parametrize("choice", list(LOOKS))
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("size", "customers"), [(60, 20), pytest.param(500, 60, marks=pytest.mark.slow)])
async def test_no_canary_leaves_the_page_and_every_customer_is_heard_once(
    sandbox: Sandbox,
    tmp_path: Path,
    short_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    record_property: Callable[[str, object], None],
    choice: ReadingChoice,
    size: int,
    customers: int,
) -> None:
    monkeypatch.setenv("TMPDIR", str(short_folder))
    caplog.set_level(logging.DEBUG)
    await sandbox.client.configure(**LOOKS[choice])
    crowd = Crowd(choice, random.Random(size))
    await crowd.settle(sandbox, size, many=customers)
    async with run_desk() as desk:
        settings = bridge_settings(sandbox, tmp_path / "home", server_url=desk.url, pacing=False)
        _choose(settings, choice, crowd.named)
        met: list[Bridge] = []
        by_hand = [crowd.of(ChatKind.GROUP, photo=True), crowd.of(ChatKind.PERSON)]
        for open_one in by_hand:
            async with running_bridge(settings, TOKEN, meet=met.append, start_seconds=START_SECONDS):
                if open_one is by_hand[0]:
                    await crowd.speak(sandbox)
                await desk.until(_all_of(desk, crowd.heard), seconds=HEARD_SECONDS)
                await _open_by_hand(met[-1], open_one)
                while_open = NewMessage(chat=open_one.id, text=f"{CANARY} while open", author=author_in(open_one))
                await sandbox.client.add_messages([while_open])
                await crowd.speak(sandbox)
                await desk.until(_all_of(desk, crowd.heard), seconds=HEARD_SECONDS)
            if open_one is by_hand[0]:
                await crowd.speak(sandbox)  # while nobody looks
    out, err = capfd.readouterr()
    places = _places(settings, desk, caplog.text + out + err, short_folder)
    found = [(word, where) for word in crowd.canaries for where, held in places.items() if word.encode() in held]
    opened = {e.chat for e in sandbox.state.journal if e.kind in {JournalKind.CHAT_OPENED, JournalKind.CHAT_READ}}
    told = Counter(m.text for m in desk.messages if m.text != "of old")
    late = {m.text for m in desk.messages if m.history and m.text != "of old"}
    record_property("canaries", len(found))
    record_property("read", f"{len(crowd.inside)} of {size} chats, {sum(told.values())} messages")
    assert found == []
    assert opened & set(crowd.outside) <= {chat.id for chat in by_hand}
    assert {text: count for text, count in told.items() if count != crowd.heard[text or ""]} == {}
    assert sum(told.values()) == sum(crowd.heard.values())
    assert {text for text in late if not crowd.shares_its_title(text or "")} == set()  # see decision 19

"""What the bridge can tell without a page and without a server: recent chats, from the journal alone."""

from dataclasses import asdict
from typing import Any

from core.errors import NotFound
from core.settings import BridgeSettings
from desktop_bridge.journal.journal import read_journal
from desktop_bridge.page.bubbles import clean_title


def recent(settings: BridgeSettings, limit: int) -> dict[str, Any]:
    """Return the chats in which something was said last, newest first, each with its newest message.

    Raises:
        SetupError: there is no journal, or it does not open.
    """
    journal = read_journal(settings)
    try:
        return {"chats": [asdict(chat) for chat in journal.recent.chats(limit)]}
    finally:
        journal.close()


def read(settings: BridgeSettings, title: str, limit: int) -> dict[str, Any]:
    """Return the newest messages of every chat of this title, in the order of the chat.

    Raises:
        NotFound: the journal has no such chat. SetupError: see `recent`.
    """
    journal = read_journal(settings)
    try:
        chats = [chat for chat in journal.chats.with_title(clean_title(title)) if not chat.excluded]
        if not chats:
            raise NotFound(
                "the journal has no chat of this title", hint="see `waxos bridge recent` for the titles that it has"
            )
        return {
            "title": chats[0].title,
            "chats": [
                {"id": chat.id, "messages": [asdict(one) for one in journal.recent.messages(chat.id, limit)]}
                for chat in chats
            ],
        }
    finally:
        journal.close()

"""Whether the open chat may be read, by the owner's choice and by what it is (law 12)."""

from uuid import UUID

from core.contracts.states import ReadingChoice
from desktop_bridge.errors import left_out
from desktop_bridge.inbound.rows import RowWatch
from desktop_bridge.journal.chats import KnownChat
from desktop_bridge.journal.choice import Choice
from desktop_bridge.journal.journal import Journal
from desktop_bridge.page.chat_page import OpenChat


class Gate:
    """Asked before anything of the open chat is read but its header and the ids of its messages."""

    def __init__(self, journal: Journal, rows: RowWatch) -> None:
        self._journal = journal
        self._rows = rows

    def lets(self, chat: OpenChat) -> bool:
        """Tell whether the chat may be read. A group that came to be open is remembered as one."""
        if chat.group:
            self._rows.keep_groups([chat.title])
        may = not chat.group and self._takes_in(chat)
        if not may and self._journal.chats.opening(chat.title):
            with self._journal.store.transaction():
                self._journal.chats.forget_opening(chat.title)
        return may

    def refuse_left_out(self, chat_id: UUID, title: str) -> None:
        """Return if the chat may be opened to write in it; of one that the journal does not know the title decides.

        Raises:
            ChatLeftOut: the owner does not want it to be opened.
        """
        kept = self._journal.chats.chat(chat_id)
        if kept.excluded if kept is not None else not self._names(title):
            raise left_out()

    def _names(self, title: str) -> bool:
        """Tell whether the choice takes in chats of this title, and it is clear which of them it means."""
        wanted = self._journal.choice.wanted()
        unclear = wanted.mode is ReadingChoice.ONLY and self._rows.repeated(title)
        return wanted.includes(self._journal.choice.key(title)) and not unclear

    def _takes_in(self, chat: OpenChat) -> bool:
        wanted = self._journal.choice.wanted()
        included = wanted.includes(self._journal.choice.key(chat.title))
        kept = self._proven(chat)
        if kept is None:
            return chat.writable and self._names(chat.title) and not self._rows.unsure(chat.title)
        return included if kept.excluded is not included else self._renamed(chat, kept, wanted)

    def _proven(self, chat: OpenChat) -> KnownChat | None:
        """Return whose chat this is by its messages; what the phone sent to many says nothing about who they are."""
        whose = self._journal.chats.whose(chat.ids, chat.title)
        return self._journal.chats.chat(whose) if whose is not None else None

    def _renamed(self, chat: OpenChat, kept: KnownChat, wanted: Choice) -> bool:
        """Decide about a chat that bears another title than the one it was chosen by: its messages say who it is.

        What was left out stays so under the new title, what was chosen stays chosen; a title that is left out is never read.
        """
        only = wanted.mode is ReadingChoice.ONLY
        if only and kept.excluded:
            self._journal.choice.take_in(kept.id)  # chosen by the title that it bears now
        elif only or kept.excluded:
            self._journal.choice.follow(chat.title)
        return only

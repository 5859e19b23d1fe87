"""Walking down the list while what is opened on the way moves it."""

from collections import Counter
from pathlib import Path

from desktop_bridge.page.chat_list import ChatList
from desktop_bridge.page.list_pages import ListPages
from desktop_bridge.sandbox.models import NewChat, NewMessage
from tests.desktop_bridge.stage import set_stage


async def test_each_namesake_down_a_long_list_is_opened_once(tmp_path: Path) -> None:
    async with set_stage(tmp_path) as stage:
        titles = ["Maria" if number % 3 else f"Chat {number:02}" for number in range(45)]
        chats = await stage.sandbox.client.add_chats(NewChat(title=title) for title in titles)
        await stage.sandbox.client.add_messages(
            NewMessage(chat=chat.id, text=f"I am number {number}", seen=True) for number, chat in enumerate(chats)
        )
        shown = {(row.title, row.preview) async for rows in ListPages(stage.page).pages() for row in rows}
        assert len(shown) == 45

        rows = ChatList(stage.page.reader)
        assert [await rows.open(row) async for row in rows.each("Maria")] == [True] * 30
        opened = Counter(entry.chat for entry in await stage.sandbox.client.journal() if entry.note == "open")
        assert opened == {chat.id: 1 for chat in chats if chat.title == "Maria"}

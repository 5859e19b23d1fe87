"""Types into the box with trusted keyboard input only; what a script writes there is never sent."""

import asyncio
import time
from collections.abc import Callable, Sequence

from desktop_bridge.errors import BoxNotEmpty, ChatRestricted, TextDiffers
from desktop_bridge.page.locate import Reader
from desktop_bridge.page.texts import same_in_box

APPLY_SECONDS = 3.0
"""The editor applies input a little later; so long we wait for the box to show it."""

_CHUNK = 6
"""Characters between two looks at the clock and at whether to go on."""


class Typist:
    """Empties, fills and compares the box of the open chat."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def empty(self, own: Sequence[str]) -> None:
        """Leave the box empty: a beginning of one of our `own` texts is removed.

        Raises:
            BoxNotEmpty: anything else stands there; it is left as it is.
            ChatRestricted: there is no box.
        """
        box = await self._box()
        if not box:
            return
        there = "\n".join(box)
        if not any(text.startswith(there) for text in own):
            raise BoxNotEmpty(
                "a text that is not ours stands in the chat's box",
                hint="finish or clear it on the business's computer, then send again",
            )
        await self.focus()
        await self._reader.press("ControlOrMeta+A")
        await self._reader.press("Backspace")
        state = await self._reader.until("read.state", lambda s: not s["box"], APPLY_SECONDS)
        if state["box"]:
            raise BoxNotEmpty("our own earlier text does not go away", hint="clear the chat's box by hand")

    async def type(self, text: str, char_ms: float, go_on: Callable[[], None]) -> None:
        """Type `text` into the empty box, lines parted by Shift+Enter, and compare it there with what was approved.

        Raises:
            TextDiffers: the box holds something else in the end.
            BoxNotEmpty, ChatRestricted: as `empty`.
        """
        if await self._box():
            raise BoxNotEmpty("somebody else writes in this chat", hint="send again when the box is free")
        await self.focus()
        began, done = time.monotonic(), 0
        for number, line in enumerate(text.split("\n")):
            if number:
                await self._reader.press("Shift+Enter")
            size = _CHUNK if char_ms > 0 else max(len(line), 1)
            for start in range(0, len(line), size):
                go_on()
                chunk = line[start : start + size]
                await self._reader.write(chunk, by_key=char_ms > 0)
                done += len(chunk)
                # house: sleep - this is the pacing
                await asyncio.sleep(max(began + done * char_ms / 1000 - time.monotonic(), 0))
        state = await self._reader.until("read.state", lambda s: same_in_box(text, s["box"]), APPLY_SECONDS)
        if not same_in_box(text, state["box"]):
            raise TextDiffers(
                "the box does not hold exactly the approved text: the page replaced or dropped something",
                hint="look for smileys, @ or / in the text, or send it from the phone",
            )

    async def focus(self) -> None:
        """Put the caret into the box as a person would, with the mouse.

        Raises:
            ChatRestricted: there is no box.
        """
        state = await self._reader.ask("read.state")
        if state["focused"]:
            return
        point = await self._reader.ask("read.boxPoint")
        if point is None:
            raise _no_box()
        await self._reader.click(point)
        await self._reader.until("read.state", lambda s: s["focused"], APPLY_SECONDS)

    async def _box(self) -> list[str]:
        state = await self._reader.ask("read.state")
        if state["box"] is None or state["barred"]:
            raise _no_box()
        box: list[str] = state["box"]
        return box


def _no_box() -> ChatRestricted:
    return ChatRestricted(
        "this chat has no box to write in: the contact or the account is blocked or restricted",
        hint="look at the chat on the phone; the text is kept",
    )

"""Types into the box with trusted keyboard input only; what a script writes there is never sent."""

import asyncio
import re
import time
import unicodedata
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from desktop_bridge.errors import BoxNotEmpty, ChatRestricted, ChatSwitched, ContactBlocked, PageError, TextDiffers
from desktop_bridge.page.locate import Reader
from desktop_bridge.page.proof import Proof
from desktop_bridge.page.texts import same_in_box

APPLY_SECONDS = 3.0
"""The editor applies input a little later; so long we wait for the box to show it."""

_PIECE = 6
"""Characters between two looks at the clock, at the chat and at whether to go on."""

_LIST_MARK = re.compile(r"(?:[-*•>]|\d+\.) ")
_ZWJ = "\u200d"


class Typist:
    """Empties, fills and compares the box of the proven chat, or of the open one where none was proven."""

    def __init__(self, reader: Reader, proof: Proof | None = None) -> None:
        self._reader = reader
        self._proof = proof

    async def empty(self, own: Sequence[str]) -> None:
        """Leave the box empty: a beginning of one of our `own` texts is removed.

        Raises:
            BoxNotEmpty: anything else stands there; it is left as it is.
            ContactBlocked, ChatRestricted: there is no box. ChatSwitched: another chat is open.
        """
        async with self._held() as box:
            if not box:
                return
            there = "\n".join(box)
            if not any(text.startswith(there) for text in own):
                raise BoxNotEmpty(
                    "a text that is not ours stands in the chat's box",
                    hint="finish or clear it on the business's computer, then send again",
                )
            await self._focus()
            await self._wipe()

    async def type(self, text: str, char_ms: float, go_on: Callable[[], None]) -> None:
        """Type `text` into the empty box, lines parted by Shift+Enter, and compare it there with what was approved.

        Raises:
            TextDiffers: the box holds something else; what the page made of our own text is removed, a person's is left.
            BoxNotEmpty, ContactBlocked, ChatRestricted, ChatSwitched: as `empty`.
        """
        async with self._held() as box:
            if box:
                raise BoxNotEmpty("somebody else writes in this chat", hint="send again when the box is free")
            await self._focus()
            await self._write(text, char_ms, go_on)
            seen = await self._until(lambda s: same_in_box(text, s["box"]))
            if not same_in_box(text, seen["box"]):
                await self._differs(text, seen)

    # -- strokes ------------------------------------------------------------------------------------------------------

    async def _write(self, text: str, char_ms: float, go_on: Callable[[], None]) -> None:
        began, done = time.monotonic(), 0
        for number, line in enumerate(text.split("\n")):
            if number:
                await self._break_line(text[: done + 1])
                done += 1
            for piece in pieces(line, _PIECE if char_ms > 0 else len(line)):
                go_on()
                await self._reader.write(piece, by_key=char_ms > 0 and piece.isascii())
                done += len(piece)
                await self._beginning(text, done)
                # house: sleep - this is the pacing
                await asyncio.sleep(max(began + done * char_ms / 1000 - time.monotonic(), 0))

    async def _break_line(self, so_far: str) -> None:
        """Break the line, past a menu that would take the key and without the list marker that the page may add."""
        if (await self._look())["menu"]:
            await self._reader.press("Escape")
            await self._until(lambda s: not s["menu"])
        await self._reader.press("Shift+Enter")
        seen = await self._until(
            lambda s: "\n".join(s["box"]).startswith(so_far) and len(s["box"]) > so_far.count("\n")
        )
        added = "\n".join(seen["box"])[len(so_far) :]
        if added and _LIST_MARK.fullmatch(added):
            for _ in added:
                await self._reader.press("Backspace")
            await self._until(lambda s: "\n".join(s["box"]) == so_far)

    async def _beginning(self, text: str, done: int) -> None:
        """Go on only while the box holds a beginning of what was typed; it may lag behind, but never differ."""
        seen = await self._look()
        if not text[:done].startswith("\n".join(seen["box"])):
            seen = await self._until(lambda s: text[:done].startswith("\n".join(s["box"])))
            if not text[:done].startswith("\n".join(seen["box"])):
                await self._differs(text[:done], seen)

    async def _differs(self, typed: str, seen: dict[str, Any]) -> None:
        if seen["typed"] == typed:  # nobody typed but we: what stands there is our own text, as the page changed it
            await self._wipe()
        raise TextDiffers(
            "the box does not hold exactly the approved text: the page replaced or dropped something",
            hint="look for smileys, @ or / in the text, or send it from the phone",
        )

    async def _wipe(self) -> None:
        await self._reader.press("ControlOrMeta+A")
        await self._reader.press("Backspace")
        if (await self._until(lambda s: not s["box"]))["box"]:
            raise BoxNotEmpty("our own earlier text does not go away", hint="clear the chat's box by hand")

    async def _focus(self) -> None:
        """Put the caret into the box as a person would, with the mouse."""
        if (await self._look())["focused"]:
            return
        point = await self._reader.ask("read.boxPoint")
        if point is None:
            raise _no_box()
        await self._reader.click(point)
        await self._until(lambda s: s["focused"])

    # -- the hold -----------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _held(self) -> AsyncIterator[list[str]]:
        """Hold the keyboard in the box; the value is what stands in it."""
        taken = await self._reader.ask("hold.take", self._proof.want() if self._proof else None, again=False)
        if taken["reason"] == "blocked":
            raise _blocked()
        if taken["reason"] == "barred":
            raise _no_box()
        if not taken["taken"]:
            raise _switched(taken["reason"])
        try:
            yield taken["box"]
        finally:
            await self._let_go()

    async def _let_go(self) -> None:
        try:
            await self._reader.ask("hold.drop", again=False)
        except PageError:
            return  # the page is gone, and its hold with it

    async def _look(self) -> dict[str, Any]:
        seen: dict[str, Any] = await self._reader.ask("hold.peek", again=False)
        if seen["astray"]:
            raise _switched(seen["astray"])
        return seen

    async def _until(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        seen: dict[str, Any] = await self._reader.until("hold.peek", lambda s: s["astray"] or holds(s), APPLY_SECONDS)
        if seen["astray"]:
            raise _switched(seen["astray"])
        return seen


def pieces(line: str, size: int) -> Iterator[str]:
    """Part a line into pieces of about `size` characters that tear no emoji, no flag and no letter from its marks."""
    start = 0
    for place in range(1, len(line)):
        whole = unicodedata.category(line[place])[0] in "LNPZ" and line[place - 1] != _ZWJ
        if place - start >= size and whole:
            yield line[start:place]
            start = place
    if line[start:]:
        yield line[start:]


def _switched(why: str) -> ChatSwitched:
    return ChatSwitched(
        f"another chat or field was chosen while this one was being written in ({why})",
        hint="send it again when nobody else works in the bridge's browser",
    )


def _blocked() -> ContactBlocked:
    return ContactBlocked(
        "the page says that the business has blocked this contact, so there is no box to write in",
        hint="unblock the contact on the phone, then send again; the text is kept",
    )


def _no_box() -> ChatRestricted:
    return ChatRestricted(
        "this chat has no box to write in: only its admins may write, or the account is restricted",
        hint="look at the chat on the phone; the text is kept",
    )

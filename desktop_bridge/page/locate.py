"""Runs the page's readers inside the page, against the landmarks, and turns their refusals into our errors."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import JSHandle, Page

from desktop_bridge.errors import PageChanged, PageStuck
from desktop_bridge.page.landmarks import Landmarks

ANSWER_SECONDS = 10.0
"""Longest wait for one evaluation; a page that needs longer is stopped or broken."""

_PARTS = ("locate", "reading", "aim", "hold", "guard", "watch", "media", "picture")
_GONE = ("context was destroyed", "handle is disposed", "object not found", "cannot find context", "navigat")

Screenshot = Callable[[str], Awaitable[Path | None]]


class Reader:
    """The scripts of this package, running in one page. They leave no global behind and are renewed after a reload."""

    def __init__(self, page: Page, landmarks: Landmarks, screenshot: Screenshot) -> None:
        self.page = page
        self.landmarks = landmarks
        self._screenshot = screenshot
        self._handle: JSHandle | None = None
        self._source = _source()
        self._renewing = asyncio.Lock()

    async def ask(
        self, question: str, argument: Any = None, *, again: bool = True, wait: float = ANSWER_SECONDS
    ) -> Any:
        """Call `question` (`read.state`, `guard.install`, …) in the page and return its JSON answer.

        A reload in between is survived once by asking anew, unless `again` is off.

        Raises:
            PageChanged: a landmark is not as described; a screenshot was taken.
            PageStuck: no answer within `wait` seconds, or the browser is gone.
        """
        try:
            async with asyncio.timeout(wait):
                try:
                    answer = await self._call(question, argument)
                except PlaywrightError as error:
                    if not again or not any(word in error.message.lower() for word in _GONE):
                        raise
                    self._handle = None
                    await self.page.wait_for_load_state("domcontentloaded")
                    answer = await self._call(question, argument)
        except TimeoutError:
            raise PageStuck(f"the page gave no answer to {question} within {wait:g} s") from None
        except PlaywrightError as error:
            raise PageStuck(f"the page could not be asked for {question}: {error.message.splitlines()[0]}") from None
        if "changed" in answer:
            changed = answer["changed"]
            raise PageChanged(
                changed["detail"],
                landmark=changed["landmark"],
                screenshot=await self._screenshot(f"changed-{changed['landmark']}"),
            )
        return answer["value"]

    async def until(self, question: str, holds: Callable[[Any], bool], wait: float) -> Any:
        """Ask `question` anew after each change of the page until `holds`; return the last answer, true or not.

        Raises:
            PageChanged, PageStuck: as `ask`.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + wait
        while True:
            seen = await self.ask("watch.count")
            answer = await self.ask(question)
            left = end - loop.time()
            if holds(answer) or left <= 0:
                return answer
            await self.changed(seen, left)

    async def changed(self, seen: int, wait: float) -> bool:
        """Wait until the page is no longer as at change `seen`, `wait` seconds at most; tell whether it changed."""
        try:
            async with asyncio.timeout(wait):
                await self.ask("watch.after", seen, wait=wait + ANSWER_SECONDS)
        except TimeoutError:
            return False
        return True

    async def click(self, point: Mapping[str, float]) -> None:
        """Click with the mouse at a point of the page; for everything but the one click that sends.

        Raises:
            PageStuck: as `ask`.
        """
        await self._handed(self.page.mouse.click(point["x"], point["y"]))

    async def press(self, key: str) -> None:
        """Press one key or chord. Raises as `click`."""
        await self._handed(self.page.keyboard.press(key))

    async def write(self, text: str, *, by_key: bool) -> None:
        """Write a piece of one line where the caret is, stroke by stroke or at once. Raises as `click`."""
        keyboard = self.page.keyboard
        await self._handed(keyboard.type(text) if by_key else keyboard.insert_text(text))

    async def _handed(self, gesture: Coroutine[Any, Any, None]) -> None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await gesture
        except TimeoutError:
            raise PageStuck(f"the page took no input within {ANSWER_SECONDS:g} s") from None
        except PlaywrightError as error:
            raise PageStuck(f"the page took no input: {error.message.splitlines()[0]}") from None

    async def used(self) -> dict[str, int]:
        """Return which alternative (from 1) found each landmark since the page was loaded."""
        found: dict[str, int] = await self.ask("loc.used")
        return found

    async def _call(self, question: str, argument: Any) -> dict[str, Any]:
        async with self._renewing:
            if self._handle is None:
                self._handle = await self.page.evaluate_handle(self._source, self.landmarks.spec())
        answer: dict[str, Any] = await self._handle.evaluate(
            "(all, [question, argument]) => all.ask(question, argument)", [question, argument]
        )
        return answer


def _source() -> str:
    parts = {name: (files(__package__) / f"{name}.js").read_text(encoding="utf-8") for name in _PARTS}
    parts = {name: text[_start(text) :] for name, text in parts.items()}
    return f"""(spec) => {{
      const loc = ({parts["locate"]})(spec);
      const read = ({parts["reading"]})(loc);
      const aim = ({parts["aim"]})(loc, read);
      const hold = ({parts["hold"]})(loc, read);
      const guard = ({parts["guard"]})(loc, read);
      const media = ({parts["media"]})(loc, read);
      const watch = ({parts["watch"]})();
      const picture = ({parts["picture"]})(loc);
      const all = {{ loc, read, aim, hold, guard, watch, media, picture }};
      return {{ ask: async (question, argument) => {{
        const [part, name] = question.split(".");
        const member = all[part][name];
        try {{
          return {{ value: typeof member === "function" ? await member(argument) : member }};
        }} catch (odd) {{
          if (!odd || !odd.landmark) throw odd;
          return {{ changed: odd }};
        }}
      }} }};
    }}"""


def _start(text: str) -> int:
    """Return where the function begins, after the comment lines."""
    offset = 0
    for line in text.splitlines(keepends=True):
        if not line.startswith("//"):
            return offset
        offset += len(line)
    return offset

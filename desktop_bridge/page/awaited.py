"""Which message a download belongs to: what was clicked for is kept until it comes, however late, and nothing else is taken."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from playwright.async_api import Download, Page
from playwright.async_api import Error as PlaywrightError

_NAME_SIGNS = 30
"""So much of a name is compared: the browser shortens long ones."""


@dataclass(frozen=True)
class _Click:
    address: str | None
    name: str | None
    at: float
    came: asyncio.Future[Download] = field(compare=False)

    def fits(self, download: Download) -> bool:
        """Tell whether this may be what was clicked for. Of a button's the name alone tells that a person downloads something else."""
        if self.address is not None:
            return self.address == download.url
        name, given = _folded(self.name or ""), _folded(download.suggested_filename)
        return not name or not given or name == given


class Awaited:
    """The downloads of one page that were clicked for and not yet used, by the id of their message."""

    def __init__(self) -> None:
        self._page: Page | None = None
        self._clicks: dict[str, _Click] = {}
        self._dropping: set[asyncio.Task[None]] = set()

    def listen(self, page: Page) -> None:
        """Hear of the downloads of this page; with another page than before nothing of the old one can come any more."""
        if page is self._page:
            return
        self._page = page
        self._clicks = {}
        page.on("download", self._came)

    def of(self, raw_id: str) -> asyncio.Future[Download] | None:
        """Return the download of a message, which may still be on its way; None where nobody clicked for it."""
        click = self._clicks.get(raw_id)
        return click.came if click is not None else None

    def add(self, raw_id: str, address: str | None, name: str | None) -> asyncio.Future[Download]:
        """Expect a download. One of a link is known by its `address`; without one, it is whatever comes under this name."""
        loop = asyncio.get_running_loop()
        click = _Click(address, name, loop.time(), loop.create_future())
        self._clicks[raw_id] = click
        return click.came

    def forget(self, raw_id: str) -> None:
        """Expect the download of a message no more."""
        self._clicks.pop(raw_id, None)

    def clear(self) -> None:
        """Expect nothing that has not come; with the page's reload nothing will."""
        self._clicks = {raw_id: click for raw_id, click in self._clicks.items() if click.came.done()}

    @property
    def some(self) -> bool:
        """Whether anything is expected, or came and was not used yet."""
        return bool(self._clicks)

    @property
    def button_pressed(self) -> bool:
        """Whether a button was pressed whose download has not come: it could not be told from that of another button."""
        return any(click.address is None and not click.came.done() for click in self._clicks.values())

    def give_up(self, seconds: float) -> bool:
        """Expect links no more that were clicked so long ago; tell whether a button was, of which nothing is likely to come either."""
        now = asyncio.get_running_loop().time()
        late = {one for one, click in self._clicks.items() if not click.came.done() and now - click.at > seconds}
        buttons = any(self._clicks[one].address is None for one in late)
        for one in late:
            if self._clicks[one].address is not None:
                self.forget(one)
        return buttons

    def _came(self, download: Download) -> None:
        ours = [click for click in self._clicks.values() if not click.came.done() and click.fits(download)]
        ours.sort(key=lambda click: click.address is None)  # an address is the better witness
        if ours:
            ours[0].came.set_result(download)
            return
        task = asyncio.get_running_loop().create_task(drop(download))
        self._dropping.add(task)
        task.add_done_callback(self._dropping.discard)


async def drop(download: Download) -> None:
    """End a download and leave nothing of it on the disk."""
    with suppress(PlaywrightError):
        await download.cancel()
        await download.delete()


def _folded(name: str) -> str:
    return "".join(sign for sign in name.casefold() if sign.isalnum())[:_NAME_SIGNS]

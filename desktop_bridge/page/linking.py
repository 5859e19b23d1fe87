"""What the page shows while it is not the chats and a person may ask for: its linking code, and “Use here”."""

from dataclasses import dataclass, field

from desktop_bridge.page.locate import Reader

TAKEN_BACK_SECONDS = 20.0


@dataclass(frozen=True)
class PageCode:
    """The code on the page, if it is drawn; one that ran out has none. Whoever scans it decides which account is served: never log it."""

    data: str | None = field(default=None, repr=False)
    expired: bool = False


async def code_on(reader: Reader) -> PageCode:
    """Read the linking code.

    Raises:
        PageChanged, PageStuck: as `Reader.ask`.
    """
    seen = await reader.ask("read.code")
    if seen["reload"] is not None:
        return PageCode(expired=True)
    return PageCode(data=seen["data"] or None)


async def renew_code(reader: Reader) -> None:
    """Press the page's own button for a new code, where it still is. Raises as `Reader.ask`."""
    seen = await reader.ask("read.code")
    if seen["reload"] is not None:
        await reader.click(seen["reload"])


async def use_here(reader: Reader) -> bool:
    """Press “Use here” once, and tell whether the session came back. Only ever called because the owner asked.

    Raises:
        PageChanged, PageStuck: as `Reader.ask`.
    """
    point = await reader.ask("read.useHerePoint")
    if point is None:
        return False
    await reader.click(point)
    seen = await reader.until("read.session", lambda s: not s["takenOver"], TAKEN_BACK_SECONDS)
    return not seen["takenOver"]

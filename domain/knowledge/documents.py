"""What reading a file gives: its blocks in order, each under its headings and on its page. JSON-native, it crosses a pipe."""

from enum import StrEnum

from core.contracts.base import Wire
from core.errors import InvalidInput


class BlockKind(StrEnum):
    """What a block is; each kind is cut and kept together in its own way."""

    TEXT = "text"
    ITEM = "item"
    ROW = "row"
    ANSWER = "answer"


class Block(Wire):
    """One paragraph, list item, table row or answered question. `headings` go from the outermost in; `text` is plain."""

    kind: BlockKind
    text: str
    headings: tuple[str, ...] = ()
    page: int | None = None
    question: str | None = None


class Document(Wire):
    """A file as blocks; `pages` is 0 where the format has none. Of a web page also its title and where its links lead, as written."""

    mime: str
    pages: int = 0
    blocks: list[Block]
    title: str | None = None
    links: tuple[str, ...] = ()


class Unreadable(InvalidInput):
    """The file cannot become knowledge: `detail` tells a person why, `hint` what to do."""

    code = "unreadable"

    def __str__(self) -> str:
        return f"{self.detail} {self.hint}" if self.hint else self.detail


class PageGone(Unreadable):
    """There is no such page any more: what was known from it must not be used."""

"""From blocks to chunks: pieces that can be understood alone, each one thing, short enough for the embedding to be about it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from semantic_text_splitter import TextSplitter

from domain.knowledge.documents import Block, BlockKind

MOST_CHARS = 700
"""Longest chunk that is put together; a longer paragraph is cut at sentences. An answered question is never cut."""
_CUT = (400, MOST_CHARS)
_ENOUGH_CHARS = 300
"""A chunk of at least so many characters takes no further paragraph: two subjects in one vector hide each other."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """One passage. `heading` is the path of headings; `question` and `answer` only where it is an answered question."""

    text: str
    heading: str | None = None
    page: int | None = None
    question: str | None = None
    answer: str | None = None

    def embedded_text(self) -> str:
        """Return what the vector stands for: the question of an answer, else the text under its nearest heading."""
        if self.question:
            return self.question
        nearest = self.heading.rsplit(" › ", 1)[-1] if self.heading else ""
        return f"{nearest}\n{self.text}" if nearest else self.text

    def searched_text(self) -> str:
        """Return what full text finds: headings, question and text."""
        return "\n".join(part for part in (self.heading, self.text) if part)


def chunk(blocks: Sequence[Block]) -> list[Chunk]:
    """Return the chunks of a document, in reading order."""
    splitter = TextSplitter(_CUT)
    chunks: list[Chunk] = []
    for headings, section in groupby(blocks, key=lambda block: block.headings):
        heading = " › ".join(headings) or None
        chunks += _section(list(section), heading, splitter)
    return chunks


def _section(blocks: list[Block], heading: str | None, splitter: TextSplitter) -> Iterator[Chunk]:
    held: list[Block] = []
    for block in blocks:
        if block.kind is BlockKind.ANSWER:
            yield from _joined(held, heading)
            held = []
            yield _answer(block, heading)
        elif len(block.text) > MOST_CHARS:
            yield from _joined(held, heading)
            held = []
            for piece in splitter.chunks(block.text):
                yield Chunk(piece, heading, block.page)
        else:
            if held and not _fits(held, block):
                yield from _joined(held, heading)
                held = []
            held.append(block)
    yield from _joined(held, heading)


def _fits(held: Sequence[Block], block: Block) -> bool:
    """Say whether a block joins those held: while there is room, and while it goes on with the same list, table or subject."""
    size = sum(len(part.text) + 1 for part in held)
    if size + len(block.text) > MOST_CHARS:
        return False
    introduces_list = held[-1].kind is BlockKind.TEXT and block.kind is not BlockKind.TEXT
    same_list = held[-1].kind is block.kind and block.kind is not BlockKind.TEXT
    return introduces_list or same_list or size < _ENOUGH_CHARS


def _joined(held: Sequence[Block], heading: str | None) -> Iterator[Chunk]:
    if held:
        yield Chunk("\n".join(block.text for block in held), heading, held[0].page)


def _answer(block: Block, heading: str | None) -> Chunk:
    return Chunk(f"{block.question}\n{block.text}", heading, block.page, block.question, block.text)

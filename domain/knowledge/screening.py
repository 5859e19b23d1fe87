"""Which passages of a document speak to the assistant instead of to people."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256

from core.steering import Mark, marks
from domain.knowledge.chunking import Chunk

_SEAM = 80
"""So much on both sides of a cut is looked at together: an order may stand across it."""


@dataclass(frozen=True, slots=True)
class Sign:
    """A place in what is searched of a passage, and what gives it away there."""

    start: int
    end: int
    sign: str


def screened(chunks: Sequence[Chunk]) -> list[tuple[Sign, ...]]:
    """Return for each passage where it speaks to the assistant."""
    texts = [chunk.searched_text() for chunk in chunks]
    found = [set(marks(text)) for text in texts]
    for index in range(1, len(chunks)):
        before, after = chunks[index - 1].text[-_SEAM:], chunks[index].text[:_SEAM]
        for start, end, sign in marks(f"{before} {after}"):
            if start < len(before) < end - 1:
                skipped = len(texts[index]) - len(chunks[index].text)
                found[index - 1].add(Mark(len(texts[index - 1]) - len(before) + start, len(texts[index - 1]), sign))
                found[index].add(Mark(skipped, skipped + end - len(before) - 1, sign))
    return [tuple(Sign(start, end, sign.value) for start, end, sign in sorted(one)) for one in found]


def fingerprint(text: str) -> str:
    """Return what names a text in a decision: another text is another question."""
    return sha256(text.encode()).hexdigest()


def as_json(signs: Sequence[Sign]) -> list[dict[str, object]]:
    """Return signs as they are stored."""
    return [asdict(sign) for sign in signs]

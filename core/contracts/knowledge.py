"""Knowledge sources and search as the public API shows them."""

from uuid import UUID

from pydantic import Field

from core.contracts.base import Command, Utc, Wire
from core.contracts.reasoning import Passage
from core.contracts.states import SourceKind, SourceState


class NewTextSource(Command):
    """Body of POST /knowledge/texts: knowledge typed or pasted by staff."""

    title: str = Field(min_length=1, max_length=200)
    text: str = Field(min_length=1, max_length=200_000)
    valid_until: Utc | None = None


class NewCuratedAnswer(Command):
    """Body of POST /knowledge/answers: the exact answer to a question, used before any model."""

    question: str = Field(min_length=1, max_length=500)
    answer: str = Field(min_length=1, max_length=4000)
    valid_until: Utc | None = None


class Source(Wire):
    """A document of the business and how far it got; `failure` tells a person why it yielded nothing."""

    id: UUID
    kind: SourceKind
    title: str
    state: SourceState
    failure: str | None
    mime: str | None
    size: int | None
    sha256: str | None
    pages: int
    chunks_total: int
    chunks_done: int
    language: str | None
    valid_from: Utc | None
    valid_until: Utc | None
    created_at: Utc
    ready_at: Utc | None


class SearchQuery(Command):
    """Body of POST /knowledge/search."""

    query: str = Field(min_length=1, max_length=2000)
    limit: int = Field(default=5, ge=1, le=50)
    include_below_floor: bool = False


class SearchResult(Wire):
    """Passages best first; `floor` is the score below which nothing is used in a draft."""

    query: str
    floor: float
    passages: list[Passage]
    took_ms: float

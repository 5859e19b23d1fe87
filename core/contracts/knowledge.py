"""Knowledge sources and search as the public API shows them."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from core.contracts.base import Command, Utc, Wire
from core.contracts.reasoning import Passage
from core.contracts.states import SourceKind, SourceState


class NewTextSource(Command):
    """Body of POST /knowledge/texts: knowledge typed or pasted by staff."""

    title: str = Field(min_length=1, max_length=200)
    text: str = Field(min_length=1, max_length=200_000)
    valid_from: Utc | None = None
    valid_until: Utc | None = None


class NewCuratedAnswer(Command):
    """Body of POST /knowledge/answers: the exact answer to a question, used before any model."""

    question: str = Field(min_length=1, max_length=500)
    answer: str = Field(min_length=1, max_length=4000)
    valid_from: Utc | None = None
    valid_until: Utc | None = None


SyncHours = Annotated[int, Field(ge=1, le=24 * 31, description="read again after so many hours; never where left out")]


class NewPageSource(Command):
    """Body of POST /knowledge/pages: a page of the web, or a small crawl that begins there."""

    url: str = Field(min_length=1, max_length=2000)
    title: str = Field(default="", max_length=200, description="the page's own title where left out")
    crawl_pages: int | None = Field(
        default=None,
        ge=2,
        le=500,
        description="also what it links to on the same host beside and below it, so many pages at most",
    )
    sync_hours: SyncHours | None = None
    valid_from: Utc | None = None
    valid_until: Utc | None = None


class SourceChange(Command):
    """Body of PATCH /knowledge/sources/{id}: what is left out stays as it is."""

    title: str = Field(default="", min_length=1, max_length=200)
    sync_hours: SyncHours | None = None
    valid_from: Utc | None = None
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
    url: str | None
    parent_id: UUID | None
    crawl_pages: int | None
    sync_hours: int | None
    fetched_at: Utc | None
    version: int
    pages: int
    chunks_total: int
    chunks_done: int
    language: str | None
    valid_from: Utc | None
    valid_until: Utc | None
    created_at: Utc
    ready_at: Utc | None


class SourceVersion(Wire):
    """What a source held from `created_at` on."""

    version: int
    mime: str | None
    size: int | None
    content_sha256: str | None
    pages: int
    chunks: int
    created_at: Utc


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

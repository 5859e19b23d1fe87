"""Knowledge sources and search as the public API shows them."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from core.contracts.base import Command, Utc, Wire
from core.contracts.reasoning import Passage
from core.contracts.states import PassageReview, SourceKind, SourceState


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
    pages_done: int = 0
    chunks_total: int
    chunks_done: int
    seconds_left: int | None = Field(default=None, description="how long reading still takes, by the rate until now")
    held: int = Field(default=0, description="passages that wait for an admin's look; they are not found")
    left_out: int = Field(default=0, description="passages that an admin left out")
    language: str | None
    valid_from: Utc | None
    valid_until: Utc | None
    created_at: Utc
    ready_at: Utc | None

    def progress(self) -> str:
        """Return how far reading is, in words: passages, pages and the time left as far as they are known."""
        if self.state is not SourceState.EMBEDDING or not self.chunks_total:
            return ""
        said = [f"{self.chunks_done} of {self.chunks_total} passages"]
        if self.pages:
            said.append(f"page {self.pages_done} of {self.pages}")
        if self.seconds_left is not None:
            minutes = -(-self.seconds_left // 60)
            said.append(f"about {self.seconds_left} s left" if self.seconds_left < 90 else f"about {minutes} min left")
        return ", ".join(said)


class PassageSign(Wire):
    """Where in a passage's `text` it speaks to the assistant, `start` and `end` in characters, and why it was held."""

    start: int
    end: int
    sign: str
    why: str


class HeldPassage(Wire):
    """A passage that speaks to the assistant: found only once an admin has allowed it. `text` begins with its headings."""

    id: UUID
    source_id: UUID
    source_title: str
    source_url: str | None
    page: int | None
    position: int
    text: str
    signs: list[PassageSign]
    review: PassageReview
    created_at: Utc


class ReviewPassage(Command):
    """Body of POST /knowledge/held/{id}/review and /knowledge/sources/{id}/review: whether drafts may use it as what it says."""

    decision: Literal[PassageReview.ALLOWED, PassageReview.LEFT_OUT]


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

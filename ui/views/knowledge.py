"""The knowledge screen: add files, texts and exact answers; see how far each got; try a question."""

from collections.abc import Awaitable
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import gradio as gr
from pydantic import ValidationError

from core.contracts.knowledge import (
    HeldPassage,
    NewCuratedAnswer,
    NewPageSource,
    NewTextSource,
    ReviewPassage,
    SearchQuery,
    Source,
)
from core.contracts.states import PassageReview
from core.errors import WaxosError
from core.settings import Settings
from ui.session import PanelSession
from ui.views.answering import Answer, Ask, Notice, Payload, session_of
from ui.views.render import Templates
from ui.views.screen import build_list

EVERY = {"Only once": None, "Every day": 24, "Every week": 168}
"""How often a page is read again, as it is offered."""


_DECISIONS: dict[str, Literal[PassageReview.ALLOWED, PassageReview.LEFT_OUT]] = {
    "allow": PassageReview.ALLOWED,
    "leave_out": PassageReview.LEFT_OUT,
}
_SAID = {
    "remove": "Removed. Drafts no longer use it.",
    "sync": "It is being read again.",
    "allow": "Allowed. Drafts may use what it says; its orders are never obeyed.",
    "leave_out": "Left out. Drafts no longer use it.",
}


class SourceAsk(Ask):
    """What to do with a source, with a held passage, or with all that waits of a source."""

    do: Literal["remove", "sync", "allow", "leave_out", "allow_all", "leave_out_all"]
    id: UUID


class KnowledgeFunctions:
    """What the knowledge screen may ask."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates

    async def show(self, session: PanelSession, _: Payload) -> Answer:
        """List the sources, newest first."""
        page = await session.api.sources()
        newest = sorted(page.items, key=lambda s: s.created_at, reverse=True)
        held = {state: (await session.api.held(state)).items for state in PassageReview}
        waiting = [(passage, marked(passage)) for passage in held.pop(PassageReview.WAITING)]
        decided = [(passage, marked(passage)) for passages in held.values() for passage in passages]
        main = self._templates.render("held.html", waiting=waiting, decided=decided)
        return Answer(fragments={"main": main + self._templates.render("sources.html", sources=newest)})

    async def act(self, session: PanelSession, payload: Payload) -> Answer:
        """Remove a source, have its page read again, or decide on what is held."""
        ask = SourceAsk.model_validate(payload)
        match ask.do:
            case "remove":
                await session.api.remove_source(ask.id)
            case "sync":
                await session.api.sync_source(ask.id)
            case "allow" | "leave_out":
                await session.api.review_passage(ask.id, ReviewPassage(decision=_DECISIONS[ask.do]))
            case "allow_all" | "leave_out_all":
                await session.api.review_source(ask.id, ReviewPassage(decision=_DECISIONS[ask.do.removesuffix("_all")]))
        said = _SAID[ask.do.removesuffix("_all")]
        shown = await self.show(session, {})
        return shown.model_copy(update={"notice": Notice(level="good", title=said)})

    async def add_files(self, paths: list[str] | None, request: gr.Request) -> tuple[str, None]:
        """Pass uploaded files on to the API and delete them here."""
        session = session_of(request)
        said: list[str] = []
        for path in map(Path, paths or []):
            said.append(await self._said(_add_file(session, path), f"{path.name} is being read."))
            path.unlink(missing_ok=True)
        return "".join(said), None

    async def add_text(self, title: str, text: str, request: gr.Request) -> tuple[str, Any, Any]:
        """Add a typed or pasted text."""
        return await self._add_two(title, text, session_of(request), "text")

    async def add_answer(self, question: str, answer: str, request: gr.Request) -> tuple[str, Any, Any]:
        """Add the exact answer to a question."""
        return await self._add_two(question, answer, session_of(request), "answer")

    async def add_page(self, url: str, pages: float | None, every: str, request: gr.Request) -> tuple[str, Any]:
        """Add a page of the web, or a small crawl that begins there."""
        try:
            body = NewPageSource(
                url=url.strip(), crawl_pages=int(pages) if pages and pages > 1 else None, sync_hours=EVERY[every]
            )
        except ValidationError:
            return self._templates.render(
                "said.html", level="bad", title="Type the address of a page first.", hint=None
            ), gr.skip()
        said = await self._said(session_of(request).api.add_page(body), "The page is being read.")
        return said, gr.skip() if 'class="said bad"' in said else ""

    async def search(self, query: str, request: gr.Request) -> str:
        """Show what a draft would find for a question."""
        try:
            asked = SearchQuery(query=query.strip(), limit=5, include_below_floor=True)
            found = await session_of(request).api.search(asked)
        except ValidationError:
            return self._templates.render("said.html", level="bad", title="Type a question first.", hint=None)
        except WaxosError as error:
            return self._templates.render("said.html", level="bad", title=error.detail, hint=error.hint)
        return self._templates.render("found.html", found=found)

    async def _add_two(self, first: str, second: str, session: PanelSession, kind: str) -> tuple[str, Any, Any]:
        try:
            work: Awaitable[Source] = (
                session.api.add_text(NewTextSource(title=first, text=second))
                if kind == "text"
                else session.api.add_answer(NewCuratedAnswer(question=first, answer=second))
            )
        except ValidationError:
            said = self._templates.render("said.html", level="bad", title="Fill in both fields.", hint=None)
            return said, gr.skip(), gr.skip()
        said = await self._said(work, "Added.")
        kept = gr.skip() if 'class="said bad"' in said else ""
        return said, kept, kept

    async def _said(self, work: Awaitable[Source], good: str) -> str:
        try:
            await work
        except WaxosError as error:
            return self._templates.render("said.html", level="bad", title=error.detail, hint=error.hint)
        return self._templates.render("said.html", level="good", title=good, hint=None)


def marked(passage: HeldPassage) -> list[tuple[str, str]]:
    """Return the text of a passage in pieces, each with why it gives the passage away; what nobody sees is said in words."""
    pieces: list[tuple[str, str]] = []
    at = 0
    for sign in passage.signs:
        start = max(at, sign.start)
        if sign.end <= start:
            continue
        words = passage.text[start : sign.end]
        shown = f"[{len(words)} hidden characters]" if sign.sign == "hidden" else words
        pieces += [(passage.text[at:start], ""), (shown, sign.why)]
        at = sign.end
    return [*pieces, (passage.text[at:], "")]


async def _add_file(session: PanelSession, path: Path) -> Source:
    with path.open("rb") as content:
        return await session.api.add_file(path.name, content)


def build(settings: Settings, templates: Templates) -> None:
    """Lay out the screen inside the open `gr.Blocks`."""
    functions = KnowledgeFunctions(templates)
    direct: dict[str, Any] = {"queue": False, "api_visibility": "private", "show_progress": "hidden"}
    with gr.Column(elem_id="view-knowledge", elem_classes="view"):
        gr.HTML(templates.source("knowledge_head.html"), apply_default_css=False)
        with gr.Column(elem_classes="needs-admin"):
            files = gr.File(
                label=f"Add files: PDF, Word, text, up to {settings.api.max_upload_mb} MB each",
                file_count="multiple",
                height=120,
                elem_id="knowledge-files",
            )
            with gr.Accordion("Add a web page, a text or an exact answer", open=False):
                with gr.Tab("Web page"):
                    url = gr.Textbox(label="Address", placeholder="https://", max_lines=1, elem_id="page-url")
                    with gr.Row():
                        most = gr.Number(
                            label="Pages to read: it and what it links to",
                            value=1,
                            minimum=1,
                            maximum=500,
                            precision=0,
                            elem_id="page-most",
                        )
                        every = gr.Dropdown(
                            label="Read again", choices=list(EVERY), value="Every day", elem_id="page-every"
                        )
                    add_page = gr.Button("Add page", variant="primary", elem_id="page-add")
                with gr.Tab("Text"):
                    title = gr.Textbox(label="Title", max_lines=1, elem_id="text-title")
                    text = gr.Textbox(label="Text", lines=5, elem_id="text-body")
                    add_text = gr.Button("Add text", variant="primary", elem_id="text-add")
                with gr.Tab("Exact answer"):
                    question = gr.Textbox(label="Question", max_lines=1, elem_id="answer-question")
                    answer = gr.Textbox(label="Answer, word for word", lines=3, elem_id="answer-body")
                    add_answer = gr.Button("Add answer", variant="primary", elem_id="answer-add")
            said = gr.HTML("", apply_default_css=False, elem_id="knowledge-said")
        build_list(view="knowledge", event="source.updated", show=functions.show, act=functions.act)
        with gr.Row(equal_height=True):
            query = gr.Textbox(
                label="Try a question",
                placeholder="What would a customer ask?",
                max_lines=1,
                scale=5,
                elem_id="knowledge-query",
            )
            search = gr.Button("Search", scale=0, min_width=110, elem_id="knowledge-search")
        found = gr.HTML("", apply_default_css=False, elem_id="knowledge-found")
    files.upload(functions.add_files, files, [said, files], **direct)
    add_page.click(functions.add_page, [url, most, every], [said, url], **direct)
    add_text.click(functions.add_text, [title, text], [said, title, text], **direct)
    add_answer.click(functions.add_answer, [question, answer], [said, question, answer], **direct)
    gr.on([search.click, query.submit], functions.search, query, found, **direct)

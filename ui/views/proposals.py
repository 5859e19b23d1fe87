"""The screen of suggested answers: decide on what was learnt on the desk and from past chats, and import exports of those."""

from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import gradio as gr
from pydantic import Field

from core.contracts.history import HistoryImport
from core.contracts.proposals import AcceptProposal, ProposalOrigin
from core.errors import WaxosError
from core.settings import Settings
from ui.session import PanelSession
from ui.views.answering import Answer, Ask, Notice, Payload, session_of
from ui.views.render import Templates
from ui.views.screen import build_list

_ORDERS = [
    ("Tell by the file", ""),
    ("Day first (31/12)", "dmy"),
    ("Month first (12/31)", "mdy"),
    ("Year first", "ymd"),
]


class ProposalAsk(Ask):
    """What to do with a proposal; the words are those of an answer's form."""

    do: Literal["accept", "dismiss"]
    id: UUID
    question: str | None = Field(default=None, max_length=500)
    answer: str | None = Field(default=None, max_length=4000)


class PickAsk(Ask):
    """Show only what was learnt in one way."""

    do: Literal["pick"]
    id: ProposalOrigin | Literal["all"]


class ShowAsk(Ask):
    """Show the list, as it was picked last."""

    watch: ProposalOrigin | Literal["all"] = "all"


class ProposalFunctions:
    """What the screen of suggested answers may ask."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates

    async def show(self, session: PanelSession, payload: Payload) -> Answer:
        """List the proposals that wait, the most seen first."""
        return await self._list(session, ShowAsk.model_validate(payload).watch)

    async def act(self, session: PanelSession, payload: Payload) -> Answer:
        """Accept or dismiss a proposal, or show those of one origin."""
        if payload.get("do") == "pick":
            return await self._list(session, PickAsk.model_validate(payload).id)
        ask = ProposalAsk.model_validate(payload)
        if ask.do == "dismiss":
            await session.api.dismiss_proposal(ask.id)
            title = "Dismissed. It is not suggested again."
        else:
            words = {name: value for name in ("question", "answer") if (value := getattr(ask, name))}
            await session.api.accept_proposal(ask.id, AcceptProposal(**words))
            title = "Accepted."
        return Answer(notice=Notice(level="good", title=title))

    async def _list(self, session: PanelSession, picked: ProposalOrigin | Literal["all"]) -> Answer:
        origin = picked if isinstance(picked, ProposalOrigin) else None
        page = await session.api.proposals(origin)
        main = self._templates.render(
            "proposals.html", proposals=page.items, more=page.next_cursor is not None, picked=str(picked)
        )
        return Answer(fragments={"main": main}, facts={"watch": str(picked)})

    async def add_files(
        self, paths: list[str] | None, business: str, order: str, request: gr.Request
    ) -> tuple[str, None]:
        """Pass exports on to the API one by one and delete them here."""
        session = session_of(request)
        form = {"business": business.strip()[:200]} | ({"date_order": order} if order else {})
        said: list[str] = []
        for path in map(Path, paths or []):
            said.append(await self._import(session, path, form))
            path.unlink(missing_ok=True)
        return "".join(said), None

    async def _import(self, session: PanelSession, path: Path, form: dict[str, str]) -> str:
        try:
            with path.open("rb") as content:
                found = await session.api.import_history(path.name, content, form)
        except WaxosError as error:
            return self._said("bad", f"{path.name}: {error.detail}", _asked(error))
        return self._said("good", f"{path.name}: {_found(found)}", None)

    def _said(self, level: str, title: str, hint: str | None) -> str:
        return self._templates.render("said.html", level=level, title=title, hint=hint)


def _asked(error: WaxosError) -> str | None:
    """Return what a person is to do; the two names, where one of them is to be chosen."""
    names = (error.current or {}).get("authors")
    return f"{error.hint} It is one of: {', '.join(names)}." if isinstance(names, list) else error.hint


def _found(found: HistoryImport) -> str:
    if found.repeated:
        return "imported before; nothing was added."
    count = sum(found.proposed.values())
    return f"{found.messages} messages of {found.business} and one customer, {count} new proposals, {found.seen_again} seen again."


def build(settings: Settings, templates: Templates) -> None:
    """Lay out the screen inside the open `gr.Blocks`."""
    functions = ProposalFunctions(templates)
    with gr.Column(elem_id="view-proposals", elem_classes="view"):
        gr.HTML(templates.source("proposals_head.html"), apply_default_css=False)
        build_list(view="proposals", event="proposal.updated", show=functions.show, act=functions.act)
        with gr.Column(elem_classes="needs-admin"):
            gr.HTML(templates.source("proposals_import.html"), apply_default_css=False)
            with gr.Row():
                business = gr.Textbox(
                    label="Name of the business in the chat, where the file does not tell",
                    max_lines=1,
                    elem_id="history-business",
                )
                order = gr.Dropdown(label="Dates", choices=_ORDERS, value="", elem_id="history-order")
            files = gr.File(
                label=f"Add exported chats: .txt or .zip, up to {settings.api.max_upload_mb} MB each",
                file_count="multiple",
                height=120,
                elem_id="history-files",
            )
            said = gr.HTML("", apply_default_css=False, elem_id="history-said")
    direct: dict[str, Any] = {"queue": False, "api_visibility": "private", "show_progress": "hidden"}
    files.upload(functions.add_files, [files, business, order], [said, files], **direct)

"""The desk: chat list, thread and draft card, as one Gradio component whose script asks the functions below."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

import gradio as gr
from pydantic import Field

from core.contracts.channels import AutomationText
from core.contracts.chats import AskDraft, ChangeChat, Chat, ChatContext, Message, NewMessage
from core.contracts.drafts import Approve, Edit, Reject, RetrySend, Rewrite, Send, SettleSend
from core.contracts.states import AutomationState, ChatMode, ChatStatus, Role, SendStatus
from core.errors import Conflict
from ui.session import PanelSession
from ui.views import card, thread
from ui.views.answering import Answer, Ask, Notice, Payload, answering
from ui.views.render import Templates, zone

_ACTIVE = frozenset({ChatStatus.OPEN, ChatStatus.PENDING})
_PAGE = 100


class ListAsk(Ask):
    """Which chats to list."""

    status: Literal["active", "snoozed", "resolved"] = "active"
    assignee: Literal["all", "mine", "unassigned"] = "all"
    q: str = Field(default="", max_length=200)
    pages: int = Field(default=1, ge=1, le=40)


class ChatAsk(Ask):
    """Which chat to show, and how many of its last messages."""

    chat_id: UUID
    depth: int = Field(default=40, ge=1, le=2000)


class ShowAsk(ChatAsk):
    """A chat to show; `read` says that a person is looking at it."""

    read: bool = False


class DecideAsk(ChatAsk):
    """A decision on exactly the draft that was on screen."""

    verb: Literal["approve", "edit", "reject", "rewrite"]
    draft_id: UUID
    version: int
    sha: str
    parts: list[str] = Field(default=[], max_length=3)
    words: str = Field(default="", max_length=500)
    confirm: bool = False


class SayAsk(ChatAsk):
    """Text that a person typed."""

    id: UUID
    text: str
    chat_version: int


class ChangeAsk(ChatAsk):
    """A change of the chat itself."""

    act: Literal["takeover", "resolve", "reopen", "pause", "resume", "unassign", "mode", "ask"]
    value: Annotated[str, Field(max_length=500)] = ""


class SendAsk(ChatAsk):
    """What to do with a send that waits or is stuck."""

    send_id: UUID
    act: Literal["cancel", "retry", "sent", "abandoned"]
    chat_version: int


def build(templates: Templates) -> None:
    """Lay out the desk inside the open `gr.Blocks`. `static/desk.js` draws what the functions answer; the value never changes."""
    functions = DeskFunctions(templates)
    # An instance and not a subclass: Gradio writes a stub file beside every subclass of its components.
    gr.HTML(
        html_template=templates.source("desk.html"),
        js_on_load='import("/static/desk.js").then((m) => m.start(element, server));',
        apply_default_css=False,
        elem_id="desk",
        server_functions=[
            answering(functions.chat_list, "chat_list"),
            answering(functions.chat, "chat"),
            answering(functions.decide, "decide"),
            answering(functions.say, "say"),
            answering(functions.change, "change"),
            answering(functions.send, "send"),
        ],
    )


class DeskFunctions:
    """What the desk's script may ask; each answers with fragments, facts and a notice."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates

    async def chat_list(self, session: PanelSession, payload: Payload) -> Answer:
        """List chats, those that need a person first, and name the sends whose fate is unknown."""
        ask = ListAsk.model_validate(payload)
        (found, more), unknown, automations = await asyncio.gather(
            _chats(session, ask), session.api.sends(status=SendStatus.UNKNOWN), _unjudged(session)
        )
        chats = in_order([c for c in found if ask.status != "active" or c.status in _ACTIVE or ask.q.strip()])
        html = self._templates.render(
            "chat_list.html", chats=chats, me=session.me, tz=zone(session.me.timezone), more=more, ask=ask
        )
        alerts = self._templates.render("alerts.html", unknown=unknown.items, automations=automations)
        return Answer(
            fragments={"list": html, "alerts": alerts},
            facts={
                "order": [str(c.id) for c in chats],
                "waiting": [str(c.id) for c in chats if c.needs_person],
                "needs": sum(c.needs_person for c in chats),
            },
        )

    async def chat(self, session: PanelSession, payload: Payload) -> Answer:
        """Show one chat: head, thread, draft card."""
        ask = ShowAsk.model_validate(payload)
        if ask.read:
            await session.api.mark_read(ask.chat_id)
        return await self._show(session, ask)

    async def decide(self, session: PanelSession, payload: Payload) -> Answer:
        """Decide on a draft. One that has changed meanwhile is shown instead, and nothing is sent."""
        ask = DecideAsk.model_validate(payload)
        try:
            decided = await session.api.decide(ask.draft_id, _decision(ask))
        except Conflict as stale:
            shown = await self._show(session, ask)
            notice = Notice(level="bad", title=stale.detail, hint=stale.hint or "The card shows the newest state.")
            return shown.model_copy(
                update={"notice": notice, "failed": True, "facts": shown.facts | {"code": stale.reason_code}}
            )
        shown = await self._show(session, ask)
        facts = {"send_ids": [str(s) for s in decided.send_ids], "decided": ask.verb}
        return shown.model_copy(update={"facts": shown.facts | facts})

    async def say(self, session: PanelSession, payload: Payload) -> Answer:
        """Send what a person typed: it is checked first, then goes out by itself if it passes."""
        ask = SayAsk.model_validate(payload)
        message = NewMessage(parts=[ask.text], chat_version=ask.chat_version, id=ask.id)
        try:
            await session.api.say(ask.chat_id, message)
        except Conflict as stale:
            shown = await self._show(session, ask)
            notice = Notice(level="bad", title=stale.detail, hint=stale.hint or "Read what is new, then send again.")
            return shown.model_copy(update={"notice": notice, "failed": True})
        return await self._show(session, ask)

    async def change(self, session: PanelSession, payload: Payload) -> Answer:
        """Take over, resolve, reopen, set the mode, or ask for a draft."""
        ask = ChangeAsk.model_validate(payload)
        match ask.act:
            case "takeover":
                await session.api.take_over(ask.chat_id)
                said = "This chat is yours. Nothing is drafted or sent here by itself until you resume it."
            case "ask":
                await session.api.ask_draft(ask.chat_id, AskDraft(hint=ask.value or None))
                said = ""
            case _:
                await session.api.change_chat(ask.chat_id, _change(ask))
                said = {
                    "resolve": "Resolved. It comes back when the customer writes.",
                    "pause": "Paused.",
                    "resume": "Resumed.",
                }.get(ask.act, "")
        shown = await self._show(session, ask)
        return shown.model_copy(update={"notice": Notice(level="good", title=said) if said else None})

    async def send(self, session: PanelSession, payload: Payload) -> Answer:
        """Cancel or repeat a send, or settle one whose fate is unknown."""
        ask = SendAsk.model_validate(payload)
        match ask.act:
            case "cancel":
                await session.api.cancel(ask.send_id)
                said = "Cancelled before it left."
            case "retry":
                await session.api.retry(ask.send_id, RetrySend(chat_version=ask.chat_version))
                said = "Queued once more."
            case _:
                put_back = ask.act == "abandoned"
                await session.api.settle(ask.send_id, SettleSend(outcome=SendStatus(ask.act), put_back=put_back))
                said = "Closed as not sent. Its text waits as a draft." if put_back else "Noted as sent."
        shown = await self._show(session, ask)
        return shown.model_copy(update={"notice": Notice(level="good", title=said)})

    async def _show(self, session: PanelSession, ask: ChatAsk) -> Answer:
        context, (messages, more), sends = await asyncio.gather(
            session.api.context(ask.chat_id),
            _messages(session, ask),
            session.api.sends(chat_id=ask.chat_id),
        )
        tz = zone(session.me.timezone)
        own = [s for s in sends.items if s.chat_id == ask.chat_id]
        draft = card.build_card(context, own)
        fragments = {
            "head": self._templates.render(
                "chat_head.html",
                chat=context.chat,
                automation_at=context.automation_at,
                me=session.me,
                modes=list(ChatMode),
                tz=tz,
            ),
            "thread": self._templates.render(
                "thread.html",
                bubbles=thread.bubbles(messages, tz),
                outgoing=thread.outgoing(own, messages),
                more=more,
                tz=tz,
            ),
            "card": self._templates.render("card.html", card=draft, chat=context.chat, tz=tz),
        }
        return Answer(fragments=fragments, facts=_facts(context, draft, own))


async def _chats(session: PanelSession, ask: ListAsk) -> tuple[list[Chat], bool]:
    """Return the chats of the first pages, and whether there are more."""
    found: list[Chat] = []
    cursor: str | None = None
    for _ in range(ask.pages):
        page = await session.api.chats(
            status=None if ask.status == "active" else ask.status,
            assignee=None if ask.assignee == "all" else ask.assignee,
            q=ask.q.strip() or None,
            cursor=cursor,
        )
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    return found, cursor is not None


async def _unjudged(session: PanelSession) -> list[AutomationText]:
    """Return the automatic texts that wait for the owner's word; nobody else is asked."""
    if session.me.role is not Role.OWNER:
        return []
    return [text for text in (await session.api.automations()).items if text.state is AutomationState.RECOGNISED]


async def _messages(session: PanelSession, ask: ChatAsk) -> tuple[list[Message], bool]:
    """Return the last messages, oldest first, and whether there are earlier ones."""
    found: list[Message] = []
    before: int | None = None
    while True:
        page = await session.api.messages(ask.chat_id, before_seq=before, limit=min(_PAGE, ask.depth - len(found)))
        found += page.items
        more = page.next_cursor is not None
        if not more or not page.items or len(found) >= ask.depth:
            return sorted(found, key=lambda m: m.seq), more
        before = min(m.seq for m in page.items)


def in_order(chats: Sequence[Chat]) -> list[Chat]:
    """Return those that need a person first, who waits longest on top; then the others, newest first."""
    waiting = sorted((c for c in chats if c.needs_person), key=lambda c: _at(c.last_inbound_at or c.last_message_at))
    others = sorted((c for c in chats if not c.needs_person), key=lambda c: -_at(c.last_message_at))
    return waiting + others


def _at(moment: Any) -> float:
    return float(moment.timestamp()) if moment else 0.0


def _facts(context: ChatContext, draft: card.Card, sends: Sequence[Send]) -> dict[str, Any]:
    chat = context.chat
    return {
        "chat_id": str(chat.id),
        "chat_version": chat.version,
        "title": chat.title,
        "status": chat.status.value,
        "unread": chat.unread,
        "draft": draft.facts,
        "card_state": draft.state,
        "sends": {str(s.id): s.status.value for s in sends},
    }


def _decision(ask: DecideAsk) -> Approve | Edit | Reject | Rewrite:
    seen: dict[str, Any] = {"version": ask.version, "text_sha256": ask.sha}
    match ask.verb:
        case "approve":
            return Approve(**seen, confirm=ask.confirm)
        case "edit":
            return Edit(**seen, parts=[p for p in ask.parts if p.strip()], send=True)
        case "reject":
            return Reject(**seen, reason=ask.words)
        case "rewrite":
            return Rewrite(**seen, hint=ask.words)


def _change(ask: ChangeAsk) -> ChangeChat:
    match ask.act:
        case "resolve":
            return ChangeChat(status=ChatStatus.RESOLVED)
        case "reopen":
            return ChangeChat(status=ChatStatus.OPEN)
        case "pause":
            return ChangeChat(pause=True)
        case "resume":
            return ChangeChat(resume=True)
        case "unassign":
            return ChangeChat(unassign=True)
        case _:
            return ChangeChat.model_validate({"mode": ask.value})

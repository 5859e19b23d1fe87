"""A stand-in of the public API for the panel's tests: speaks the contracts, holds a small story in memory, pushes events."""

import asyncio
import base64
import contextlib
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from core.contracts.channels import AutomationText, Channel, Pairing
from core.contracts.chats import Accepted, Chat, ChatContext, Message
from core.contracts.drafts import Decided, Draft, DraftCheck, DraftSource, Send
from core.contracts.events import Event, EventType
from core.contracts.history import DateOrder, HistoryImport, SideReason
from core.contracts.ids import new_id
from core.contracts.knowledge import HeldPassage, SearchResult, Source
from core.contracts.proposals import Proposal, ProposalKind, ProposalState
from core.contracts.reasoning import Claim, Finding, Passage
from core.contracts.sessions import LinkCode, RiskText
from core.contracts.states import (
    AutomationState,
    ChannelKind,
    ChannelState,
    ChatKind,
    ChatMode,
    ChatStatus,
    Direction,
    DraftOrigin,
    DraftStatus,
    MessageKind,
    MessageOrigin,
    PassageReview,
    PauseReason,
    SendStatus,
    SourceKind,
    SourceState,
    Tick,
    Verdict,
)
from core.contracts.texts import text_sha256
from core.contracts.usage import AiBudget, AiCosts, AiDataUse, BudgetState

DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
PASSWORD = "correct horse battery"
TENANT, USER, CHANNEL = new_id(), new_id(), new_id()


def now(minutes_ago: float = 0) -> datetime:
    return datetime.now(UTC) - timedelta(minutes=minutes_ago)


class Refused(Exception):
    def __init__(self, status: int, code: str, detail: str, hint: str | None = None, current: Any = None) -> None:
        self.body = {
            "type": "about:blank",
            "title": code,
            "status": status,
            "code": code,
            "detail": detail,
            "hint": hint,
        }
        self.body["current"] = current
        super().__init__(detail)


class Standin:
    """The story: chats with their messages, drafts and sends, all as contract objects; each change publishes its event."""

    def __init__(self) -> None:
        self.chats: dict[UUID, Chat] = {}
        self.messages: dict[UUID, list[Message]] = {}
        self.drafts: dict[UUID, Draft] = {}
        self.sends: dict[UUID, Send] = {}
        self.sources: dict[UUID, Source] = {}
        self.held: list[HeldPassage] = []
        self.automations: dict[UUID, AutomationText] = {}
        self.automation_at: datetime | None = None
        self.calls: list[tuple[str, str, Any]] = []
        self.files: dict[UUID, tuple[bytes, dict[str, str]]] = {}
        self.role = "owner"
        self.proposals: dict[UUID, Proposal] = {}
        self.history_refuses: Refused | None = None
        self.history_gives: list[Proposal] = []
        self.history_form: dict[str, str] = {}
        self.ai_use = AiDataUse(
            training=False,
            zero_retention=False,
            providers_chosen=None,
            version=0,
            providers=[],
            hidden=["phone numbers"],
        )
        self.ai_money = AiBudget(
            month=now().date(),
            limit_micro=20_000_000,
            house_micro=1_250_000,
            own_micro=0,
            state=BudgetState.OK,
            version=3,
        )
        self.ruled: list[Any] = []
        self.decided_proposals: list[tuple[UUID, str, Any]] = []
        self.answer_later: asyncio.Barrier | None = None
        self.channel: dict[str, Any] = {}
        self.code: str | None = None
        self.hold_events = False
        self._sockets: set[WebSocket] = set()
        self._tokens = 0

    # -- the story -----------------------------------------------------------------------------------------------------

    def chat(self, title: str, **more: Any) -> Chat:
        chat = Chat(
            id=new_id(), channel_id=CHANNEL, channel_name="Shop", kind=ChatKind.PERSON, title=title, status=ChatStatus.OPEN,
            mode=ChatMode.DRAFT, assignee_id=None, assignee_name=None, version=1, unread=0, language="en",
            last_message_at=None, last_inbound_at=None, last_preview=None, last_direction=None, needs_person=False,
            has_pending_draft=False,
            paused_until=None,
        )  # fmt: skip
        self.chats[chat.id] = chat.model_copy(update=more)
        self.messages[chat.id] = []
        return self.chats[chat.id]

    def hear(self, chat_id: UUID, text: str, *, minutes_ago: float = 0, **more: Any) -> Message:
        message = self._message(chat_id, text, Direction.IN, MessageOrigin.CUSTOMER, minutes_ago, more)
        chat = self.chats[chat_id]
        for draft in [d for d in self.drafts.values() if d.chat_id == chat_id and d.status is DraftStatus.PENDING]:
            self.drafts[draft.id] = draft.model_copy(update={"status": DraftStatus.SUPERSEDED})
        self.change(
            chat_id, version=chat.version + 1, unread=chat.unread + 1, needs_person=True, has_pending_draft=False,
            last_inbound_at=message.received_at,
        )  # fmt: skip
        self.publish(EventType.MESSAGE_NEW, chat_id=chat_id, message_id=message.id)
        return message

    def tell(self, chat_id: UUID, text: str, *, tick: Tick = Tick.READ, minutes_ago: float = 0, **more: Any) -> Message:
        update = {"tick": tick, "author": "Ana", **more}
        return self._message(
            chat_id, text, Direction.OUT, update.pop("origin", MessageOrigin.DESK), minutes_ago, update
        )

    def _message(
        self,
        chat_id: UUID,
        text: str,
        direction: Direction,
        origin: MessageOrigin,
        minutes_ago: float,
        more: dict[str, Any],
    ) -> Message:
        at = now(minutes_ago)
        message = Message(
            id=new_id(), chat_id=chat_id, seq=len(self.messages[chat_id]) + 1, direction=direction, origin=origin,
            kind=MessageKind.TEXT, text=text, language="en", received_at=at, wa_at=None, tick=None,
            author=self.chats[chat_id].title, send_id=None, quoted_text=None, edited=False, deleted=False,
        ).model_copy(update=more)  # fmt: skip
        self.messages[chat_id].append(message)
        self.change(chat_id, last_message_at=at, last_preview=text, last_direction=direction)
        return message

    def draft(self, chat_id: UUID, *parts: str, findings: list[Finding] | None = None, **more: Any) -> Draft:
        verdict = max((f.verdict for f in findings or []), key=list(Verdict).index, default=Verdict.PASS)
        passage = new_id()
        draft = Draft(
            id=new_id(), chat_id=chat_id, chat_version=self.chats[chat_id].version, version=1, parent_id=None,
            origin=DraftOrigin.MACHINE, status=DraftStatus.BLOCKED if verdict is Verdict.BLOCK else DraftStatus.PENDING,
            parts=list(parts), text_sha256=text_sha256(parts), language="en",
            claims=[Claim(text="Delivery takes two working days.", passage_ids=[passage])], missing=[], unreadable=[],
            check=DraftCheck(verdict=verdict, score=0.9, findings=findings or [], checker_version="7"),
            sources=[
                DraftSource(
                    passage_id=passage, source_id=new_id(), source_title="Delivery and returns", page=2, score=0.83,
                    text="Orders leave on the same working day when placed before 14:00.\nDelivery inside the country "
                    "takes two working days.", rank=1, cited=True, stale=False,
                ),
                DraftSource(
                    passage_id=new_id(), source_id=new_id(), source_title="Opening hours", page=None, score=0.41,
                    text="Monday to Friday 9:00 to 18:00.", rank=2, cited=False, stale=True,
                ),
            ],
            confidence=0.82, provider="extractive", model=None, prompt_version="drafter/3", created_at=now(),
            decided_at=None, decided_by=None, decision_reason=None,
        ).model_copy(update=more)  # fmt: skip
        self.drafts[draft.id] = draft
        self.change(chat_id, has_pending_draft=True, needs_person=True)
        self.publish(EventType.DRAFT_UPDATED, chat_id=chat_id, draft_id=draft.id)
        return draft

    def queue(self, draft: Draft, status: SendStatus = SendStatus.QUEUED) -> list[Send]:
        rows = [
            Send(
                id=new_id(), chat_id=draft.chat_id, draft_id=draft.id, part=i, parts_total=len(draft.parts), text=text,
                text_sha256=text_sha256([text]), status=status, retry_of=None, error_code=None, error_detail=None,
                queued_at=now(), armed_at=None, sent_at=None, delivered_at=None, read_at=None, message_id=None,
            )
            for i, text in enumerate(draft.parts)
        ]  # fmt: skip
        self.sends.update({row.id: row for row in rows})
        return rows

    def deliver(self, send: Send, tick: Tick) -> None:
        """What the bridge reports: the bubble was read back, or its tick moved on."""
        known = next((m for m in self.messages[send.chat_id] if m.send_id == send.id), None)
        if known is None:
            known = self.tell(send.chat_id, send.text, send_id=send.id, tick=tick)
            self.sends[send.id] = send.model_copy(update={"status": SendStatus.SENT, "message_id": known.id})
        at = self.messages[send.chat_id].index(known)
        self.messages[send.chat_id][at] = known.model_copy(update={"tick": tick})
        self.publish(EventType.MESSAGE_UPDATED, chat_id=send.chat_id, message_id=known.id)

    def change(self, chat_id: UUID, **more: Any) -> None:
        self.chats[chat_id] = self.chats[chat_id].model_copy(update=more)

    def publish(self, kind: EventType, **ids: UUID) -> None:
        event = Event(type=kind, tenant_id=TENANT, ids=ids).model_dump_json()
        for socket in list(self._sockets):
            asyncio.get_running_loop().create_task(self._push(socket, event))

    async def _push(self, socket: WebSocket, event: str) -> None:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            await socket.send_text(event)

    async def drop_sockets(self) -> None:
        """Cut every event connection, as a restart of the API does."""
        for socket in list(self._sockets):
            with contextlib.suppress(RuntimeError):
                await socket.close(1012)

    # -- the routes ----------------------------------------------------------------------------------------------------

    def tokens(self) -> dict[str, Any]:
        self._tokens += 1
        claims = base64.urlsafe_b64encode(json.dumps({"n": self._tokens}).encode()).decode()
        return {"access_token": f"access.{claims}", "refresh_token": f"refresh.{claims}", "expires_in": 900}

    async def login(self, request: Request) -> Any:
        body = await request.json()
        if body != {"email": "ana@shop.example", "password": PASSWORD}:
            raise Refused(401, "not_authenticated", "E-mail address or password is wrong.", "Check both and try again.")
        return self.tokens()

    async def me(self, _: Request) -> Any:
        return {
            "user_id": USER, "tenant_id": TENANT, "tenant_name": "Shop", "timezone": "Europe/Lisbon",
            "email": "ana@shop.example", "name": "Ana Sousa", "role": self.role,
        }  # fmt: skip

    async def list_chats(self, request: Request) -> Any:
        q = request.query_params
        chats = [
            c
            for c in self.chats.values()
            if (not q.get("status") or c.status == q["status"])
            and (not q.get("q") or q["q"].lower() in (c.title + (c.last_preview or "")).lower())
            and {"mine": c.assignee_id == USER, "unassigned": c.assignee_id is None}.get(q.get("assignee", ""), True)
        ]
        return {"items": chats, "next_cursor": None}

    async def change_chat(self, request: Request) -> Any:
        chat_id, body = UUID(request.path_params["id"]), await request.json()
        if body.pop("resume", False):
            self.change(chat_id, paused_until=None, pause_reason=None)
        if body.pop("pause", False):
            self.change(chat_id, paused_until=now(-720), pause_reason=PauseReason.HAND)
        self.change(chat_id, **{k: ChatStatus(v) if k == "status" else v for k, v in body.items()})
        self.publish(EventType.CHAT_UPDATED, chat_id=chat_id)
        return self.chats[chat_id]

    async def context(self, request: Request) -> Any:
        chat_id = UUID(request.path_params["id"])
        drafts = sorted((d for d in self.drafts.values() if d.chat_id == chat_id), key=lambda d: d.id)
        return ChatContext(
            chat=self.chats[chat_id],
            messages=self.messages[chat_id][-10:],
            draft=drafts[-1] if drafts else None,
            run=None,
            automation_at=self.automation_at,
        )

    async def list_messages(self, request: Request) -> Any:
        before = int(request.query_params.get("before_seq", 10**9))
        limit = int(request.query_params.get("limit", 50))
        found = [m for m in self.messages[UUID(request.path_params["id"])] if m.seq < before]
        return {"items": found[-limit:], "next_cursor": "more" if len(found) > limit else None}

    async def read(self, request: Request) -> Any:
        self.change(UUID(request.path_params["id"]), unread=0)
        return None

    async def takeover(self, request: Request) -> Any:
        chat_id = UUID(request.path_params["id"])
        self.change(chat_id, assignee_id=USER, assignee_name="Ana Sousa", paused_until=now(-60))
        self.change(chat_id, pause_reason=PauseReason.TAKEOVER)
        self.publish(EventType.CHAT_UPDATED, chat_id=chat_id)
        return self.chats[chat_id]

    async def say(self, request: Request) -> Any:
        chat_id, body = UUID(request.path_params["id"]), await request.json()
        if body["chat_version"] != self.chats[chat_id].version:
            raise Refused(409, "stale_decision", "The customer wrote meanwhile.")
        draft = self.draft(chat_id, *body["parts"], origin=DraftOrigin.HUMAN, status=DraftStatus.APPROVED)
        self.queue(draft)
        self.change(chat_id, has_pending_draft=False, needs_person=False)
        return Accepted(id=draft.id, kind="draft")

    async def ask_draft(self, request: Request) -> Any:
        return Accepted(id=self.draft(UUID(request.path_params["id"]), "Asked for.").id, kind="run")

    async def decide(self, request: Request) -> Any:
        draft, verb, body = (
            self.drafts[UUID(request.path_params["id"])],
            request.path_params["verb"],
            await request.json(),
        )
        stale = (
            draft.status not in {DraftStatus.PENDING, DraftStatus.BLOCKED} or body["text_sha256"] != draft.text_sha256
        )
        if stale or body["version"] != draft.version:
            raise Refused(
                409, "stale_decision", "This draft is no longer current.", None, draft.model_dump(mode="json")
            )
        if verb == "approve" and draft.check and draft.check.verdict is Verdict.NEEDS_STAFF and not body["confirm"]:
            raise Refused(422, "confirm", "The warnings have to be confirmed.")
        status = {"approve": DraftStatus.APPROVED, "reject": DraftStatus.REJECTED}.get(verb, DraftStatus.SUPERSEDED)
        self.drafts[draft.id] = draft.model_copy(update={"status": status, "version": 2})
        sends: list[Send] = []
        if verb == "approve":
            sends = self.queue(draft)
        elif verb == "edit":
            human = self.draft(draft.chat_id, *body["parts"], origin=DraftOrigin.HUMAN, status=DraftStatus.APPROVED)
            sends = self.queue(human)
        elif verb == "rewrite":
            self.draft(draft.chat_id, f"Rewritten: {body['hint']}")
        self.change(draft.chat_id, has_pending_draft=verb == "rewrite", needs_person=verb == "rewrite")
        self.publish(EventType.DRAFT_UPDATED, chat_id=draft.chat_id, draft_id=draft.id)
        return Decided(draft=self.drafts[draft.id], send_ids=[s.id for s in sends])

    async def list_sends(self, request: Request) -> Any:
        q = request.query_params
        return {
            "items": [
                s
                for s in self.sends.values()
                if q.get("status", s.status) == s.status and q.get("chat_id", str(s.chat_id)) == str(s.chat_id)
            ]
        }

    async def act_on_send(self, request: Request) -> Any:
        send, verb = self.sends[UUID(request.path_params["id"])], request.path_params["verb"]
        status = SendStatus.CANCELLED if verb == "cancel" else SendStatus((await request.json())["outcome"])
        self.sends[send.id] = send.model_copy(update={"status": status})
        self.publish(EventType.SEND_UPDATED, chat_id=send.chat_id, send_id=send.id)
        return self.sends[send.id]

    async def screenshot(self, request: Request) -> Any:
        if not self.sends[UUID(request.path_params["id"])].has_picture:
            raise Refused(404, "not_found", "There is no picture of this send.")
        return Response(DOT, media_type="image/png")

    async def list_channels(self, _: Request) -> Any:
        channel = Channel(
            id=CHANNEL, kind=ChannelKind.SANDBOX, name="Shop", mode=ChatMode.DRAFT, state=ChannelState.LINKED,
            state_detail=None, timezone="Europe/Lisbon", holder_device_id=new_id(), epoch=3, last_seen_at=now(),
        )  # fmt: skip
        return {"items": [channel.model_copy(update=self.channel)]}

    async def risk(self, _: Request) -> Any:
        return RiskText(
            version="7", official=["The official route"], risk=["It can cost the number"], promise=["No bulk"]
        )

    async def link_code(self, request: Request) -> Any:
        return LinkCode(channel_id=UUID(request.path_params["id"]), data=self.code)

    async def act_on_channel(self, request: Request) -> Any:
        if request.path_params["act"] == "risk":
            self.channel = {**self.channel, "risk_accepted_at": now(), "risk_text_version": "7"}
        return (await self.list_channels(request))["items"][0]

    def set_channel(self, **values: Any) -> None:
        self.channel = {**self.channel, **values}
        self.publish(EventType.CHANNEL_UPDATED, channel_id=CHANNEL)

    def automation(self, words: str) -> AutomationText:
        text = AutomationText(
            id=new_id(), channel_id=CHANNEL, text=words, state=AutomationState.RECOGNISED, first_seen_at=now(90),
            last_seen_at=now(5), chats=3,
        )  # fmt: skip
        self.automations[text.id] = text
        self.publish(EventType.CHANNEL_UPDATED, channel_id=CHANNEL)
        return text

    async def list_automations(self, _: Request) -> Any:
        return {"items": list(self.automations.values())}

    async def judge(self, request: Request) -> Any:
        text_id, body = UUID(request.path_params["id"]), await request.json()
        text = self.automations[text_id].model_copy(update={"state": AutomationState(body["state"])})
        self.automations[text_id] = text
        self.publish(EventType.CHANNEL_UPDATED, channel_id=CHANNEL)
        return text

    async def pair(self, _: Request) -> Any:
        return Pairing(code="K7QM-2XPD", expires_at=now(-10))

    async def list_held(self, request: Request) -> Any:
        return {"items": [one for one in self.held if one.review == request.query_params["state"]]}

    async def review_passage(self, request: Request) -> Any:
        decision = PassageReview((await request.json())["decision"])
        self.held = [
            one.model_copy(update={"review": decision}) if str(one.id) == request.path_params["id"] else one
            for one in self.held
        ]
        return None

    async def list_sources(self, _: Request) -> Any:
        return {"items": list(self.sources.values())}

    def source(self, title: str, state: SourceState = SourceState.READY, **more: Any) -> Source:
        source = Source(
            id=new_id(), kind=SourceKind.FILE, title=title, state=state, failure=None, mime="text/plain", size=5120,
            sha256=None, url=None, parent_id=None, crawl_pages=None, sync_hours=None, fetched_at=None, version=1, pages=2,
            chunks_total=12, chunks_done=7, language="en", valid_from=None, valid_until=None,
            created_at=now(), ready_at=None,
        ).model_copy(update=more)  # fmt: skip
        self.sources[source.id] = source
        self.publish(EventType.SOURCE_UPDATED, source_id=source.id)
        return source

    async def add_source(self, request: Request) -> Any:
        form = await request.form()
        return self.source(str(form["title"]), SourceState.QUEUED)

    async def add_page(self, request: Request) -> Any:
        asked = await request.json()
        return self.source(asked["url"], kind=SourceKind.URL, url=asked["url"], sync_hours=asked["sync_hours"])

    async def sync_source(self, request: Request) -> Any:
        source = self.sources[UUID(request.path_params["id"])]
        return self.source(source.title, SourceState.QUEUED, **source.model_dump(include={"id", "kind", "url"}))

    async def remove_source(self, request: Request) -> Any:
        del self.sources[UUID(request.path_params["id"])]

    async def list_proposals(self, request: Request) -> Any:
        origin = request.query_params.get("origin")
        found = {"items": [one for one in self.proposals.values() if origin in (None, one.origin)]}
        if (barrier := self.answer_later) is not None:
            self.answer_later = None
            await barrier.wait()  # the test knows that it was asked
            await barrier.wait()
        return found

    async def import_history(self, request: Request) -> Any:
        form = await request.form()
        self.history_form = {name: str(value) for name, value in form.items() if name != "file"}
        if self.history_refuses is not None:
            raise self.history_refuses
        self.proposals |= {proposal.id: proposal for proposal in self.history_gives}
        self.publish(EventType.PROPOSAL_UPDATED, import_id=new_id())
        return HistoryImport(
            id=new_id(), business="Shop", business_known_by=SideReason.NAMED, date_order=DateOrder.DMY, language="en",
            messages=9, first_on=now().date(), last_on=now().date(), redacted={"name": 1},
            proposed={ProposalKind.ANSWER: len(self.history_gives)}, seen_again=0, created_at=now(),
        )  # fmt: skip

    async def decide_proposal(self, request: Request) -> Any:
        raw = await request.body()
        found = self.proposals.pop(UUID(request.path_params["id"]))
        verb = request.path_params["verb"]
        self.decided_proposals.append((found.id, verb, json.loads(raw) if raw else None))
        self.publish(EventType.PROPOSAL_UPDATED, proposal_id=found.id)
        state = ProposalState.ACCEPTED if verb == "accept" else ProposalState.DISMISSED
        return found.model_copy(update={"state": state})

    async def ai_providers(self, request: Request) -> Any:
        if request.method == "PUT":
            said = await request.json()
            self.ruled.append(said)
            known = self.ai_use.model_dump() | {name: said[name] for name in ("training", "zero_retention")}
            self.ai_use = AiDataUse.model_validate(known | {"version": self.ai_use.version + 1})
        return self.ai_use

    async def read_ai_budget(self, request: Request) -> Any:
        if request.method == "PUT":
            said = await request.json()
            self.ruled.append(said)
            self.ai_money = self.ai_money.model_copy(update={"limit_micro": said["monthly_micro"]})
        return self.ai_money

    async def read_ai_costs(self, _: Request) -> Any:
        return AiCosts(
            month=self.ai_money.month, calls=9, cost_micro=5, drafts=4, sent_replies=2, cost_per_draft_micro=6250,
            cost_per_sent_reply_micro=12_500, wasted_share=0.14,
        )  # fmt: skip

    async def search(self, request: Request) -> Any:
        query = (await request.json())["query"]
        passage = Passage(id=new_id(), source_id=new_id(), source_title="Delivery", text=f"About {query}", score=0.7)
        return SearchResult(query=query, floor=0.35, passages=[passage], took_ms=4.2)

    async def events(self, socket: WebSocket) -> None:
        if self.hold_events or not socket.headers.get("authorization", "").startswith("Bearer access."):
            await socket.close(4401)
            return
        await socket.accept()
        self._sockets.add(socket)
        try:
            await socket.receive_text()
        except WebSocketDisconnect:
            pass
        finally:
            self._sockets.discard(socket)

    def app(self) -> Starlette:
        """Return the application."""
        api = "/api/v1"
        routes = [
            ("POST", "/auth/login", self.login), ("POST", "/auth/logout", self.read_nothing), ("GET", "/me", self.me),
            ("GET", "/chats", self.list_chats), ("PATCH", "/chats/{id}", self.change_chat),
            ("GET", "/chats/{id}/context", self.context), ("GET", "/chats/{id}/messages", self.list_messages),
            ("POST", "/chats/{id}/messages", self.say), ("POST", "/chats/{id}/read", self.read),
            ("POST", "/chats/{id}/takeover", self.takeover), ("POST", "/chats/{id}/drafts", self.ask_draft),
            ("POST", "/drafts/{id}/{verb}", self.decide), ("GET", "/sends", self.list_sends),
            ("GET", "/sends/{id}/screenshot", self.screenshot),
            ("POST", "/sends/{id}/{verb}", self.act_on_send), ("GET", "/channels", self.list_channels),
            ("GET", "/channels/automations", self.list_automations),
            ("POST", "/channels/automations/{id}/judge", self.judge),
            ("GET", "/channels/risk", self.risk), ("GET", "/channels/{id}/link-code", self.link_code),
            ("POST", "/channels/{id}/{act}", self.act_on_channel),
            ("POST", "/devices/pairings", self.pair), ("GET", "/knowledge/sources", self.list_sources),
            ("POST", "/knowledge/sources", self.add_source), ("DELETE", "/knowledge/sources/{id}", self.remove_source),
            ("POST", "/knowledge/search", self.search), ("POST", "/knowledge/pages", self.add_page),
            ("POST", "/knowledge/sources/{id}/sync", self.sync_source), ("GET", "/knowledge/held", self.list_held),
            ("POST", "/knowledge/held/{id}/review", self.review_passage),
            ("POST", "/history/imports", self.import_history), ("GET", "/proposals", self.list_proposals),
            ("POST", "/proposals/{id}/{verb}", self.decide_proposal),
            ("GET", "/usage/providers", self.ai_providers), ("PUT", "/usage/providers", self.ai_providers),
            ("GET", "/usage/budget", self.read_ai_budget), ("PUT", "/usage/budget", self.read_ai_budget),
            ("GET", "/usage/costs", self.read_ai_costs),
        ]  # fmt: skip
        return Starlette(
            routes=[
                *(Route(api + path, self._answer(call), methods=[verb]) for verb, path, call in routes),
                Route(api + "/chats/{id:uuid}/files/{file:uuid}", self._file),
                WebSocketRoute(api + "/events", self.events),
            ]
        )

    async def read_nothing(self, _: Request) -> Any:
        return None

    async def _file(self, request: Request) -> Response:
        found = self.files.get(request.path_params["file"])
        if found is None:
            return JSONResponse(Refused(404, "not_found", "There is no such file.").body, status_code=404)
        return Response(found[0], headers=found[1])

    def _answer(self, call: Callable[[Request], Awaitable[Any]]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            public = request.url.path.endswith("/auth/login")
            if not public and not request.headers.get("authorization", "").startswith("Bearer access."):
                return JSONResponse(Refused(401, "not_authenticated", "Sign in first.").body, 401)
            raw = await request.body()
            body = json.loads(raw) if raw.startswith(b"{") else None
            self.calls.append((request.method, request.url.path.removeprefix("/api/v1"), body))
            try:
                answer = await call(request)
            except Refused as refused:
                return JSONResponse(refused.body, refused.body["status"], media_type="application/problem+json")
            if isinstance(answer, Response):
                return answer
            return (
                Response(_dump(answer), media_type="application/json")
                if answer is not None
                else Response(status_code=204)
            )

        return endpoint


def _dump(answer: Any) -> str:
    return json.dumps(answer, default=lambda v: v.model_dump(mode="json") if isinstance(v, BaseModel) else str(v))

"""A small desk in the database: one channel held by one bridge, and customers who write on it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from core.contracts.bridge import (
    Arm,
    Armed,
    ChatSeen,
    MessageSeen,
    NextSend,
    Observations,
    ObservationsStored,
    SendOrder,
    SendOutcome,
    SendReport,
    SendReported,
)
from core.contracts.drafts import Approve, RetrySend
from core.contracts.drafts import Send as WireSend
from core.contracts.ids import TenantId, new_id
from core.contracts.principal import Principal
from core.contracts.reasoning import CheckReport, Claim, DraftProposal, Passage, Retrieval
from core.contracts.states import Direction, DraftStatus, Role, SendStatus, Verdict
from core.contracts.texts import text_sha256
from core.db.session import Database
from core.errors import Conflict
from core.settings import DeskSettings
from domain.accounts.models import User
from domain.channels.models import Channel
from domain.chats.ingest import ingest_observations
from domain.chats.models import Chat
from domain.drafts import results, runs
from domain.drafts import service as drafts
from domain.drafts.models import Draft, DraftRun
from domain.drafts.runs import ClaimedRun
from domain.sends import people, reports
from domain.sends import service as sends
from domain.sends.models import Send


@dataclass
class Desk:
    """Drives the services as API, worker and bridge would, each call in its own transaction."""

    db: Database
    tenant: UUID
    settings: DeskSettings = field(default_factory=lambda: DeskSettings(quiet_seconds=0))
    channel_id: UUID = field(default_factory=new_id)
    device_id: UUID = field(default_factory=new_id)
    installation: UUID = field(default_factory=new_id)
    user_id: UUID = field(default_factory=new_id)
    epoch: int = 1
    armings: dict[UUID, UUID] = field(default_factory=dict)
    _bubbles: int = 0

    @property
    def bridge(self) -> Principal:
        return Principal(TenantId(self.tenant), self.device_id, Role.DEVICE, channel_id=self.channel_id)

    @property
    def staff(self) -> Principal:
        return Principal(TenantId(self.tenant), self.user_id, Role.STAFF)

    async def open(self) -> "Desk":
        async with self.db.unit_of_work(self.tenant) as session:
            session.add(
                Channel(
                    tenant_id=self.tenant,
                    id=self.channel_id,
                    kind="sandbox",
                    name="Shop",
                    mode="draft",
                    holder_device_id=self.device_id,
                    holder_installation_id=self.installation,
                    epoch=self.epoch,
                    lease_until=datetime.now(UTC) + timedelta(hours=1),
                )
            )
            session.add(
                User(
                    tenant_id=self.tenant,
                    id=self.user_id,
                    email=f"{self.user_id}@shop.test",
                    name="Sam",
                    role="staff",
                    password_hash="-",
                )
            )
        return self

    def bubble(self) -> str:
        """Return a fresh bare message id."""
        self._bubbles += 1
        return f"3EB0{self._bubbles:016X}"

    async def observe(self, chat_id: UUID, *messages: MessageSeen, title: str = "Anna") -> ObservationsStored:
        async with self.db.unit_of_work(self.tenant) as session:
            body = Observations(epoch=self.epoch, chats=[ChatSeen(id=chat_id, title=title)], messages=list(messages))
            return await ingest_observations(session, self.bridge, body, self.settings)

    def seen(self, chat_id: UUID, text: str | None, direction: Direction = Direction.IN, **more: Any) -> MessageSeen:
        more.setdefault("external_id", self.bubble())
        more.setdefault("wa_at", datetime.now(UTC))
        return MessageSeen(chat_id=chat_id, text=text, direction=direction, **more)

    async def customer_writes(self, text: str, chat_id: UUID | None = None) -> UUID:
        chat_id = chat_id or new_id()
        await self.observe(chat_id, self.seen(chat_id, text))
        return chat_id

    async def claim(self, chat_id: UUID) -> ClaimedRun:
        async with self.db.unit_of_work(self.tenant) as session:
            run_id = (
                await session.execute(select(DraftRun.id).where(DraftRun.chat_id == chat_id, DraftRun.state == "due"))
            ).scalar_one()
            claimed = await runs.claim_run(session, run_id, new_id(), 20)
        assert claimed is not None
        return claimed

    async def store(
        self,
        claimed: ClaimedRun,
        *parts: str,
        verdict: Verdict = Verdict.PASS,
        source_id: UUID | None = None,
        source_version: int | None = None,
    ) -> DraftStatus | None:
        passage = Passage(
            id=new_id(), source_id=source_id or new_id(), source_title="Prices", source_version=source_version,
            text="Tea costs 4 EUR.",
        )  # fmt: skip
        result = results.RunResult(
            proposal=DraftProposal(parts=list(parts), claims=[Claim(text=p, passage_ids=[passage.id]) for p in parts]),
            parts=parts,
            report=CheckReport(verdict=verdict, text_sha256=text_sha256(parts), checker_version="test"),
            retrieval=Retrieval(query="q", passages=[passage], floor=0.1),
            calls=[],
            timings_ms={},
            language="en",
        )
        async with self.db.unit_of_work(self.tenant) as session:
            return await results.store_result(session, claimed, result, self.settings)

    async def draft_for(self, chat_id: UUID, *parts: str) -> Draft:
        """Let the worker make a draft of these parts for what the customer wrote."""
        assert await self.store(await self.claim(chat_id), *parts) == DraftStatus.PENDING
        return await self.pending(chat_id)

    async def pending(self, chat_id: UUID) -> Draft:
        async with self.db.unit_of_work(self.tenant) as session:
            return (
                await session.execute(
                    select(Draft).where(Draft.chat_id == chat_id, Draft.status == DraftStatus.PENDING)
                )
            ).scalar_one()

    async def approve(self, draft: Draft) -> list[UUID]:
        async with self.db.unit_of_work(self.tenant) as session:
            body = Approve(version=draft.version, text_sha256=draft.text_sha256)
            return (await drafts.approve(session, self.staff, draft.id, body, self.settings)).send_ids

    async def next(self) -> SendOrder | None:
        async with self.db.unit_of_work(self.tenant) as session:
            return await sends.lease_next(session, self.bridge, NextSend(epoch=self.epoch), self.settings)

    async def arm(self, order: SendOrder, tail: str | None = None, **change: Any) -> Armed | Conflict:
        body = Arm(
            epoch=self.epoch,
            installation_id=change.get("installation", self.installation),
            arming=change.get("arming") or self.armings.setdefault(order.send_id, new_id()),
            text_sha256=change.get("text_sha256", order.text_sha256),
            tail_external_id=tail or order.previous_part_external_id or order.known_external_ids[0],
        )
        async with self.db.unit_of_work(self.tenant) as session:
            return await sends.arm(session, self.bridge, order.send_id, body, self.settings)

    async def report(
        self, order: SendOrder, outcome: SendOutcome, caller: Principal | None = None, **more: Any
    ) -> SendReported:
        more.setdefault("installation_id", self.installation)
        more.setdefault("arming", order.arming or self.armings.get(order.send_id))
        more.setdefault("epoch", self.epoch)
        if outcome == SendOutcome.SENT:
            more.setdefault("external_id", self.bubble())
        async with self.db.unit_of_work(self.tenant) as session:
            body = SendReport(outcome=outcome, **more)
            answer = await reports.report(session, caller or self.bridge, order.send_id, body)
        if answer.status != SendStatus.ARMED:
            self.armings.pop(order.send_id, None)  # a new attempt asks under a new name
        return answer

    async def retry(self, send_id: UUID, seen: int | None = None) -> WireSend:
        """Let staff send again what they look at: the chat as it is, or at the version `seen`."""
        send = await self.send(send_id)
        body = RetrySend(chat_version=seen or (await self.chat(send.chat_id)).version)
        async with self.db.unit_of_work(self.tenant) as session:
            return await people.retry(session, self.staff, send_id, body, self.settings)

    async def all(self, model: type[Any], **where: Any) -> list[Any]:
        async with self.db.unit_of_work(self.tenant) as session:
            return list(await session.scalars(select(model).filter_by(**where).order_by(model.id)))

    async def chat(self, chat_id: UUID) -> Chat:
        return (await self.all(Chat, id=chat_id))[0]

    async def send(self, send_id: UUID) -> Send:
        return (await self.all(Send, id=send_id))[0]

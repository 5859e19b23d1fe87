"""A small desk in the test's database: writes as a customer would, makes runs due, and reads what became of them."""

from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from core.contracts.ids import new_id
from core.contracts.states import Direction, DraftIntent, DraftStatus, MessageKind, RunReason
from core.db.session import Database
from core.settings import DeskSettings
from domain.channels.models import Channel
from domain.chats.models import Chat, Message
from domain.chats.repository import lock_chat
from domain.drafts import runs, store
from domain.drafts.models import Draft, DraftPassage, DraftRun
from domain.usage.models import AiInteraction

QUESTION = "When do you open on Saturday?"


@dataclass
class Desk:
    db: Database
    tenant: UUID
    rules: DeskSettings
    channel_id: UUID = field(default_factory=new_id)
    chat_id: UUID = field(default_factory=new_id)

    @classmethod
    async def open(cls, db: Database, tenant: UUID, rules: DeskSettings) -> "Desk":
        desk = cls(db, tenant, rules)
        async with db.unit_of_work(tenant) as session:
            session.add(Channel(tenant_id=tenant, id=desk.channel_id, kind="sandbox", name="Front desk"))
            await session.flush()
            session.add(Chat(tenant_id=tenant, id=desk.chat_id, channel_id=desk.channel_id, title="Ana"))
        return desk

    async def another_chat(self) -> "Desk":
        desk = Desk(self.db, self.tenant, self.rules, channel_id=self.channel_id)
        async with self.db.unit_of_work(self.tenant) as session:
            session.add(Chat(tenant_id=self.tenant, id=desk.chat_id, channel_id=self.channel_id, title="Ben"))
        return desk

    async def change_chat(self, **values: object) -> None:
        async with self.db.unit_of_work(self.tenant) as session:
            chat = await lock_chat(session, self.chat_id)
            for name, value in values.items():
                setattr(chat, name, value)

    async def says(self, words: str | None, *, kind: MessageKind = MessageKind.TEXT, out: bool = False) -> None:
        """Add a bubble and bump the chat's version, as the inbound service does."""
        async with self.db.unit_of_work(self.tenant) as session:
            chat = await lock_chat(session, self.chat_id)
            session.add(
                Message(
                    tenant_id=self.tenant,
                    chat_id=chat.id,
                    channel_id=chat.channel_id,
                    seq=chat.next_seq,
                    direction=Direction.OUT if out else Direction.IN,
                    origin="desk" if out else "customer",
                    kind=kind,
                    text=words,
                    received_at=func.now(),
                    wa_at=func.now(),
                )
            )
            chat.next_seq += 1
            chat.version += 1
            chat.last_inbound_at = chat.last_inbound_at if out else func.now()

    async def due(self, reason: RunReason = RunReason.INBOUND, **more: object) -> UUID:
        """Make a run due now and return its id."""
        async with self.db.unit_of_work(self.tenant) as session:
            chat = await lock_chat(session, self.chat_id)
            run = await runs.schedule(session, chat, self.rules, reason=reason, quiet=False, **more)  # type: ignore[arg-type]
            return run.id

    async def asks(self, words: str = QUESTION) -> UUID:
        """Let the customer ask, and return the run that is due for it."""
        await self.says(words)
        return await self.due()

    async def typed(self, words: str) -> tuple[UUID, UUID]:
        """Let a person type a reply; returns (draft, the run that checks it)."""
        async with self.db.unit_of_work(self.tenant) as session:
            chat = await lock_chat(session, self.chat_id)
            draft = store.add_human_draft(
                session, chat, draft_id=None, author_id=None, parts=[words], parent=None,
                status=DraftStatus.CHECKING, intent=DraftIntent.SEND_IF_PASSES,
            )  # fmt: skip
            await session.flush()
            return draft.id, (await runs.schedule_check(session, chat, draft.id)).id

    async def run(self, run_id: UUID) -> DraftRun:
        async with self.db.unit_of_work(self.tenant) as session:
            return (await session.execute(select(DraftRun).where(DraftRun.id == run_id))).scalar_one()

    async def drafts(self) -> list[Draft]:
        """Drafts of the chat, oldest first."""
        async with self.db.unit_of_work(self.tenant) as session:
            rows = await session.scalars(select(Draft).where(Draft.chat_id == self.chat_id).order_by(Draft.id))
            return list(rows)

    async def draft(self) -> Draft:
        """The one draft of the chat."""
        (draft,) = await self.drafts()
        return draft

    async def passages(self, draft_id: UUID) -> list[DraftPassage]:
        async with self.db.unit_of_work(self.tenant) as session:
            return list(await session.scalars(select(DraftPassage).where(DraftPassage.draft_id == draft_id)))

    async def ai_calls(self) -> list[AiInteraction]:
        async with self.db.unit_of_work(self.tenant) as session:
            return list(await session.scalars(select(AiInteraction).order_by(AiInteraction.created_at)))

    async def runs_due(self) -> list[UUID]:
        async with self.db.unit_of_work(self.tenant) as session:
            return list(await session.scalars(select(DraftRun.id).where(DraftRun.state == "due")))


async def checkpoint_rows(admin: AsyncEngine, tenant: UUID) -> int:
    """Count what is left of a tenant's checkpoints, whatever the policy says."""
    async with admin.connect() as connection:
        return sum(
            [
                (
                    await connection.execute(
                        text(f"select count(*) from graph.{table} where thread_id like :prefix"),  # noqa: S608
                        {"prefix": f"{tenant}:%"},
                    )
                ).scalar_one()
                for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
            ]
        )

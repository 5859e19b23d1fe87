"""Scenes in which two sides meet on one chat, and what each side may do there.

A scene is laid out once and copied for each order of the two: the same rows under a fresh tenant.
"""

from collections.abc import Awaitable, Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from core.contracts.bridge import NEVER_CLICKED, Armed, LeaseRequest, SendOrder, SendOutcome
from core.contracts.chats import AskDraft, NewMessage
from core.contracts.drafts import Edit, Reject, Rewrite, SettleSend
from core.contracts.ids import new_id
from core.contracts.states import ChannelState, Direction, SendStatus, Tick
from core.db.session import Database
from core.errors import WaxosError
from domain.channels import service as channels
from domain.chats import service as chats
from domain.chats.models import Chat, Message
from domain.drafts import service as drafts
from domain.drafts.models import Draft, DraftRun
from domain.drafts.runs import ClaimedRun
from domain.sends import people, watch
from domain.sends.models import Send
from tests.domain.desk import Desk

PARTS = ("Tea costs 4 EUR.", "Shall I keep some for you?")
OTHER = ("We open at nine.",)
NEWS = "And coffee?"
RESULT = "Coffee costs 3 EUR."


@dataclass(frozen=True)
class Scene:
    """A chat at one moment: a draft that waits, a run in a worker's hands, and the first of two parts on its way, if any."""

    desk: Desk
    chat_id: UUID
    draft: Draft
    run: ClaimedRun
    order: SendOrder | None = None


Operation = Callable[[Desk, Scene], Awaitable[object]]


async def waiting(desk: Desk) -> Scene:
    """Nothing is on its way."""
    chat_id = await desk.customer_writes("How much is tea?")
    draft = await desk.draft_for(chat_id, *PARTS)
    return Scene(desk, chat_id, draft, await _asked(desk, chat_id))


async def leased(desk: Desk) -> Scene:
    """A bridge types the first of two parts; another draft waits."""
    chat_id = await desk.customer_writes("How much is tea?")
    await desk.approve(await desk.draft_for(chat_id, *PARTS))
    order = await desk.next()
    assert order is not None
    await desk.store(await _asked(desk, chat_id), *OTHER)
    return Scene(desk, chat_id, await desk.pending(chat_id), await _asked(desk, chat_id), order)


async def armed(desk: Desk) -> Scene:
    """The click on the first of two parts was allowed a while ago: no order of two acts may end otherwise because of the clock."""
    scene = await leased(desk)
    assert scene.order is not None
    assert isinstance(await desk.arm(scene.order), Armed)
    async with desk.db.unit_of_work(desk.tenant) as session:
        await session.execute(
            text("update sends set click_deadline_at = click_deadline_at - interval '20 s' where status = 'armed'")
        )
    return scene


async def unknown(desk: Desk) -> Scene:
    """Nobody can tell whether the first of two parts left."""
    scene = await armed(desk)
    assert scene.order is not None
    arming = desk.armings[scene.order.send_id]
    await desk.report(scene.order, SendOutcome.UNKNOWN)
    desk.armings[scene.order.send_id] = arming
    return scene


async def failed(desk: Desk) -> Scene:
    """The first of two parts could not be sent, and the second came back."""
    scene = await leased(desk)
    assert scene.order is not None
    await desk.report(scene.order, SendOutcome.FAILED, code="restricted")
    return replace(scene, draft=await desk.pending(scene.chat_id))


async def _asked(desk: Desk, chat_id: UUID) -> ClaimedRun:
    async with desk.db.unit_of_work(desk.tenant) as session:
        await drafts.ask_draft(session, desk.staff, chat_id, AskDraft(), desk.settings)
    return await desk.claim(chat_id)


SCENES = {"waiting": waiting, "leased": leased, "armed": armed, "unknown": unknown, "failed": failed}

# -- what a person does -----------------------------------------------------------------------------------------------


async def approve(desk: Desk, scene: Scene) -> object:
    return len(await desk.approve(scene.draft))


async def edit(desk: Desk, scene: Scene) -> object:
    body = Edit(version=scene.draft.version, text_sha256=scene.draft.text_sha256, parts=["Edited."])
    async with desk.db.unit_of_work(desk.tenant) as session:
        return (await drafts.edit(session, desk.staff, scene.draft.id, body)).draft.status


async def reject(desk: Desk, scene: Scene) -> object:
    body = Reject(version=scene.draft.version, text_sha256=scene.draft.text_sha256)
    async with desk.db.unit_of_work(desk.tenant) as session:
        return (await drafts.reject(session, desk.staff, scene.draft.id, body)).draft.status


async def rewrite(desk: Desk, scene: Scene) -> object:
    body = Rewrite(version=scene.draft.version, text_sha256=scene.draft.text_sha256)
    async with desk.db.unit_of_work(desk.tenant) as session:
        return (await drafts.rewrite(session, desk.staff, scene.draft.id, body, desk.settings)).draft.status


async def say(desk: Desk, scene: Scene) -> object:
    body = NewMessage(parts=["Typed by hand."], chat_version=scene.draft.chat_version, id=new_id())
    async with desk.db.unit_of_work(desk.tenant) as session:
        return (await drafts.type_message(session, desk.staff, scene.chat_id, body, desk.settings)).kind


async def take_over(desk: Desk, scene: Scene) -> object:
    async with desk.db.unit_of_work(desk.tenant) as session:
        return (await chats.take_over(session, desk.staff, scene.chat_id, desk.settings)).status


async def cancel(desk: Desk, scene: Scene) -> object:
    async with desk.db.unit_of_work(desk.tenant) as session:
        return (await people.cancel(session, desk.staff, _order(scene).send_id)).status


async def is_there(desk: Desk, scene: Scene) -> object:
    return await _settled(desk, scene, SendStatus.SENT)


async def is_not_there(desk: Desk, scene: Scene) -> object:
    return await _settled(desk, scene, SendStatus.ABANDONED)


async def _settled(desk: Desk, scene: Scene, outcome: SendStatus) -> object:
    async with desk.db.unit_of_work(desk.tenant) as session:
        return (await people.settle(session, desk.staff, _order(scene).send_id, SettleSend(outcome=outcome))).status


async def retry(desk: Desk, scene: Scene) -> object:
    return (await desk.retry(_order(scene).send_id, seen=scene.draft.chat_version)).status


# -- what the page shows ----------------------------------------------------------------------------------------------


async def news(desk: Desk, scene: Scene) -> object:
    return await desk.customer_writes(NEWS, scene.chat_id)


async def phone(desk: Desk, scene: Scene) -> object:
    seen = desk.seen(scene.chat_id, "I answer from the phone.", Direction.OUT)
    return (await desk.observe(scene.chat_id, seen)).new_messages


async def own_bubble(desk: Desk, scene: Scene) -> object:
    seen = desk.seen(scene.chat_id, PARTS[0], Direction.OUT, external_id="3EB0OURS", tick=Tick.DELIVERED)
    return (await desk.observe(scene.chat_id, seen)).new_messages


# -- what worker and bridge do ----------------------------------------------------------------------------------------


async def store(desk: Desk, scene: Scene) -> object:
    return await desk.store(replace(scene.run, tenant_id=desk.tenant), RESULT)


async def next_send(desk: Desk, _: Scene) -> object:
    order = await desk.next()
    return None if order is None else (order.text, order.settle_only)


async def arm(desk: Desk, scene: Scene) -> object:
    answer = await desk.arm(_order(scene))
    return "armed" if isinstance(answer, Armed) else answer


async def sent(desk: Desk, scene: Scene) -> object:
    return (await desk.report(_order(scene), SendOutcome.SENT, external_id="3EB0OURS")).status


async def returned(desk: Desk, scene: Scene) -> object:
    return (await desk.report(_order(scene), SendOutcome.RETURNED, code="box_not_empty")).status


async def fails(desk: Desk, scene: Scene) -> object:
    return (await desk.report(_order(scene), SendOutcome.FAILED, code="restricted")).status


async def postponed(desk: Desk, scene: Scene) -> object:
    return (await desk.report(_order(scene), SendOutcome.POSTPONED, wait_seconds=60)).status


async def disarmed(desk: Desk, scene: Scene) -> object:
    return (await desk.report(_order(scene), SendOutcome.DISARMED)).status


async def absent(desk: Desk, scene: Scene) -> object:
    return (await desk.report(_order(scene), SendOutcome.ABSENT, evidence={NEVER_CLICKED: True})).status


async def in_doubt(desk: Desk, scene: Scene) -> object:
    return (await desk.report(_order(scene), SendOutcome.UNKNOWN)).status


async def renew(desk: Desk, _: Scene) -> object:
    body = LeaseRequest(
        installation_id=desk.installation, epoch=desk.epoch, state=ChannelState.LINKED, app_version="1", protocol=1
    )
    async with desk.db.unit_of_work(desk.tenant) as session:
        return (await channels.lease(session, desk.bridge, body, desk.settings)).epoch


async def look(desk: Desk, scene: Scene) -> object:
    async with desk.db.unit_of_work(desk.tenant) as session:
        return await watch.watch(session, _order(scene).send_id)


def _order(scene: Scene) -> SendOrder:
    assert scene.order is not None
    return scene.order


ANYWHERE: tuple[Operation, ...] = (approve, edit, reject, rewrite, say, take_over, news, phone, store, next_send)
OPERATIONS: dict[str, tuple[Operation, ...]] = {
    "waiting": ANYWHERE,
    "leased": (*ANYWHERE, cancel, arm, sent, returned, fails, postponed, renew, look),
    "armed": (*ANYWHERE, cancel, arm, own_bubble, sent, disarmed, absent, in_doubt, renew, look),
    "unknown": (*ANYWHERE, own_bubble, sent, in_doubt, is_there, is_not_there, retry, look),
    "failed": (*ANYWHERE, retry, fails, sent),
}
"""What may happen in each scene, early or late: a report may come twice, and an act on what is settled is refused."""


# -- copies -----------------------------------------------------------------------------------------------------------


class Copier:
    """Copies all rows of a tenant to a fresh one: every key begins with the tenant, so nothing else has to change."""

    def __init__(self, superuser: AsyncEngine) -> None:
        self._engine = superuser
        self._tables: dict[UUID, dict[str, tuple[str, str]]] = {}

    async def copy(self, scene: Scene) -> UUID:
        """Return the tenant of a fresh copy."""
        async with self._engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            if scene.desk.tenant not in self._tables:
                self._tables[scene.desk.tenant] = await _filled(connection, scene.desk.tenant)
            tenant = new_id()
            copies = [
                f"insert into {table} ({column}, {columns}) select '{tenant}', {columns} "  # noqa: S608 - of the catalog
                f"from {table} where {column} = '{scene.desk.tenant}'"
                for table, (column, columns) in self._tables[scene.desk.tenant].items()
            ]
            await connection.exec_driver_sql("; ".join(["set session_replication_role = replica", *copies]))
        return tenant


async def _filled(connection: AsyncConnection, tenant: UUID) -> dict[str, tuple[str, str]]:
    """Return the tables that hold rows of a tenant: the column that names it, and all the others."""
    rows = await connection.execute(
        text(
            "select c.table_name, c.key, string_agg(quote_ident(o.column_name), ', ' order by o.ordinal_position)"
            " from (select table_name, column_name as key from information_schema.columns where table_schema = 'public'"
            "  and (column_name = 'tenant_id' or (table_name = 'tenants' and column_name = 'id'))) c"
            " join information_schema.columns o on o.table_schema = 'public' and o.table_name = c.table_name"
            "  and o.column_name <> c.key and o.is_generated = 'NEVER'"
            " join pg_class on relname = c.table_name and not relispartition group by 1, 2"
        )
    )
    found: dict[str, tuple[str, str]] = {}
    for table, key, columns in rows:
        present = text(f"select exists (select from {table} where {key} = :tenant)")  # noqa: S608 - of the catalog
        if (await connection.execute(present, {"tenant": tenant})).scalar():
            found[table] = (key, columns)
    return found


def act_on(scene: Scene, tenant: UUID, operation: Operation, name: str) -> Callable[[Database], Awaitable[object]]:
    """Return an operation as one side of an order on the copy of a scene that is `tenant`'s."""

    async def act(db: Database) -> object:
        desk = replace(scene.desk, db=db, tenant=tenant, armings=deepcopy(scene.desk.armings))
        desk._bubbles = 1000 if name == "A" else 2000  # so that the two sides see bubbles of different ids
        return await operation(desk, scene)

    return act


# -- views ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rows:
    """All that the laws speak of, after an order."""

    chat: Chat
    drafts: list[Draft]
    sends: list[Send]
    messages: list[Message]
    runs: list[DraftRun]


async def rows_of(scene: Scene, db: Database, tenant: UUID) -> Rows:
    """Read a copy of a scene."""
    desk = replace(scene.desk, db=db, tenant=tenant)
    return Rows(
        await desk.chat(scene.chat_id),
        await desk.all(Draft),
        await desk.all(Send),
        await desk.all(Message),
        await desk.all(DraftRun),
    )


def view(rows: Rows) -> dict[str, object]:
    """Return what a person could tell of it: no ids, no times."""
    draft_of = {draft.id: draft for draft in rows.drafts}
    send_of = {send.id: send for send in rows.sends}
    return {
        "chat": (rows.chat.version, rows.chat.status, rows.chat.paused_until is not None, rows.chat.unread),
        "drafts": sorted((d.parts, d.origin, d.status, d.chat_version, d.intent or "") for d in rows.drafts),
        "sends": sorted(
            (draft_of[s.draft_id].parts, s.part, s.status, s.error_code or "", s.external_id or "", bool(s.retry_of))
            for s in rows.sends
        ),
        "messages": sorted(
            (m.text or "", m.direction, m.origin, m.tick or "", send_of[m.send_id].text if m.send_id else "")
            for m in rows.messages
        ),
        "runs": sorted((r.reason, r.state) for r in rows.runs),
    }


def answer_of(ended: object) -> str:
    """Return what a side ended in, as a caller of the API would know it."""
    if isinstance(ended, WaxosError):
        return f"refused {ended.status} {ended.reason_code}"
    if isinstance(ended, BaseException):
        return f"broke {type(ended).__name__}"
    return "none" if ended is None else ("ok" if isinstance(ended, UUID) else str(ended))

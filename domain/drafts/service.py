"""Decisions on drafts: each a compare-and-set on status, version, text hash and chat version (design section 3.3)."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts import drafts as wire
from core.contracts.chats import Accepted, AskDraft, NewMessage
from core.contracts.principal import Principal
from core.contracts.states import DraftIntent, DraftStatus, PauseReason, RunReason, Verdict
from core.errors import Conflict, InvalidInput, StaleDecision
from core.settings import DeskSettings
from domain.audit.service import record
from domain.chats import pausing
from domain.chats.models import Chat
from domain.chats.repository import database_now, lock_chat
from domain.drafts import runs, store
from domain.drafts.models import Draft
from domain.sends import outbox

_DECIDABLE = (DraftStatus.PENDING, DraftStatus.HELD)
_CHANGEABLE = (*_DECIDABLE, DraftStatus.BLOCKED)


async def get_draft(session: AsyncSession, draft_id: UUID) -> wire.Draft:
    """Return one draft.

    Raises:
        NotFound: no such draft in the tenant.
    """
    row = await store.find(session, draft_id)
    return await store.to_wire(session, row)


async def approve(
    session: AsyncSession, caller: Principal, draft_id: UUID, body: wire.Approve, desk: DeskSettings
) -> wire.Decided:
    """Approve exactly the text that was seen, and queue it.

    Raises:
        StaleDecision: the draft, its text or its chat is not what it was; `current` is the draft as it stands.
        Conflict: `needs_confirmation` where the check wants a person's eye, or is missing, and `confirm` is not set.
        InvalidInput: there is nothing to send, or no channel takes the text as it is.
    """
    chat, draft = await _decidable(session, draft_id, body, _DECIDABLE)
    if not draft.parts:
        raise InvalidInput("This draft has no text: the knowledge has no answer.", hint="Type the answer yourself.")
    if (draft.check or {}).get("verdict") != Verdict.PASS and not body.confirm:
        raise Conflict(
            "The check marked something in this text." if draft.check else "This text was not checked.",
            code="needs_confirmation",
            hint="Read what is marked; approve again to send it as it is.",
            current=await _current(session, draft),
        )
    store.move(draft, DraftStatus.APPROVED, by=caller.subject_id, at=await database_now(session))
    sends = await outbox.queue(session, chat, draft, desk, automatic=False)
    await runs.call_off(session, chat, "a reply was approved")
    record(
        session, caller, "draft.approved", "draft", draft.id, {"text_sha256": draft.text_sha256, "parts": len(sends)}
    )
    store.changed(session, draft, chat)
    return await _decided(session, draft, [send.id for send in sends])


async def edit(session: AsyncSession, caller: Principal, draft_id: UUID, body: wire.Edit) -> wire.Decided:
    """Replace a draft by a person's own text, which is checked and then sent if it passes and `send` is set.

    Raises:
        StaleDecision: see `approve`.
    """
    chat, draft = await _decidable(session, draft_id, body, _CHANGEABLE)
    store.move(draft, DraftStatus.SUPERSEDED, by=caller.subject_id, at=await database_now(session), reason="edited")
    await session.flush()
    await runs.call_off(session, chat, "a person wrote the reply")
    revision = await _human(session, chat, caller, body.parts, parent=draft, send=body.send, draft_id=None)
    record(session, caller, "draft.edited", "draft", revision.id, {"parent_id": str(draft.id)})
    store.changed(session, draft, chat)
    return await _decided(session, revision, [])


async def reject(session: AsyncSession, caller: Principal, draft_id: UUID, body: wire.Reject) -> wire.Decided:
    """Put a draft aside; nothing is sent.

    Raises:
        StaleDecision: see `approve`.
    """
    chat, draft = await _decidable(session, draft_id, body, _CHANGEABLE)
    reason = body.reason or "rejected"
    store.move(draft, DraftStatus.REJECTED, by=caller.subject_id, at=await database_now(session), reason=reason)
    record(session, caller, "draft.rejected", "draft", draft.id)
    store.changed(session, draft, chat)
    return await _decided(session, draft, [])


async def rewrite(
    session: AsyncSession, caller: Principal, draft_id: UUID, body: wire.Rewrite, desk: DeskSettings
) -> wire.Decided:
    """Ask for another draft with a hint; the present one stays until the new one is there.

    Raises:
        StaleDecision: see `approve`.
    """
    chat, draft = await _decidable(session, draft_id, body, _CHANGEABLE)
    await runs.schedule(
        session, chat, desk, reason=RunReason.REWRITE, quiet=False, hint=body.hint or None, parent_draft_id=draft.id
    )
    record(session, caller, "draft.rewrite_asked", "draft", draft.id)
    return await _decided(session, draft, [])


async def ask_draft(
    session: AsyncSession, caller: Principal, chat_id: UUID, body: AskDraft, desk: DeskSettings
) -> Accepted:
    """Ask for a draft now, without the quiet time.

    Raises:
        NotFound: no such chat.
    """
    chat = await lock_chat(session, chat_id)
    run = await runs.schedule(session, chat, desk, reason=RunReason.ASKED, quiet=False, hint=body.hint)
    record(session, caller, "draft.asked", "chat", chat.id)
    return Accepted(id=run.id, kind="run")


async def type_message(
    session: AsyncSession, caller: Principal, chat_id: UUID, body: NewMessage, desk: DeskSettings, *, rest: bool = True
) -> Accepted:
    """Take text that a person typed: checked like any other, then sent if it passes. A repeat with the same id is the same message.

    A person answers, so the machine rests on the chat from here on (law 9), but where they only said yes to a suggestion (`rest`).

    Raises:
        StaleDecision: the chat has a newer version than the person saw. Conflict: nobody wrote first.
    """
    chat = await lock_chat(session, chat_id)
    if body.id is not None and await store.exists(session, body.id):
        return Accepted(id=body.id, kind="draft")
    if body.chat_version != chat.version:
        raise StaleDecision(
            "Something new came into this chat while you were typing.",
            hint="Read it, then send again.",
            current={"chat_version": chat.version},
        )
    outbox.refuse_cold(chat)
    await store.retire_open(session, chat, "a person answered", but_checking=True)
    await runs.call_off(session, chat, "a person answered")
    draft = await _human(session, chat, caller, body.parts, parent=None, send=True, draft_id=body.id)
    if rest:
        await pausing.pause(session, chat, desk, PauseReason.PANEL)
    record(session, caller, "message.typed", "draft", draft.id, {"text_sha256": draft.text_sha256})
    return Accepted(id=draft.id, kind="draft")


async def expire(session: AsyncSession, draft_id: UUID) -> None:
    """End a waiting draft whose time is over, and take it off the list of due work once it needs no watching."""
    chat = await lock_chat(session, await store.chat_of_draft(session, draft_id))
    draft = await store.lock_draft(session, draft_id)
    over = draft.expires_at is not None and draft.expires_at <= await database_now(session)
    if draft.status in _DECIDABLE and over:
        store.move(draft, DraftStatus.EXPIRED, reason="nobody decided in time")
        store.changed(session, draft, chat)
    if draft.status not in _DECIDABLE:
        await store.stop_watching(session, draft)


async def _decidable(
    session: AsyncSession, draft_id: UUID, body: wire.Decision, statuses: Sequence[DraftStatus]
) -> tuple[Chat, Draft]:
    chat = await lock_chat(session, await store.chat_of_draft(session, draft_id))
    draft = await store.lock_draft(session, draft_id)
    fits = (
        draft.status in statuses
        and draft.version == body.version
        and draft.text_sha256 == body.text_sha256
        and draft.chat_version == chat.version
    )
    if not fits:
        raise StaleDecision(
            f"This draft is {draft.status} now, or not the text that you saw.",
            hint="Look at the present draft and decide again.",
            current=await _current(session, draft),
        )
    return chat, draft


async def _human(
    session: AsyncSession,
    chat: Chat,
    caller: Principal,
    parts: Sequence[str],
    *,
    parent: Draft | None,
    send: bool,
    draft_id: UUID | None,
) -> Draft:
    draft = store.add_human_draft(
        session,
        chat,
        draft_id=draft_id,
        author_id=caller.subject_id,
        parts=parts,
        parent=parent,
        status=DraftStatus.CHECKING,
        intent=DraftIntent.SEND_IF_PASSES if send else None,
    )
    await session.flush()
    if parent is not None:
        await store.copy_passages(session, parent.id, draft)
    await runs.schedule_check(session, chat, draft.id)
    store.changed(session, draft, chat)
    return draft


async def _current(session: AsyncSession, draft: Draft) -> dict[str, object]:
    return (await store.to_wire(session, draft)).model_dump(mode="json")


async def _decided(session: AsyncSession, draft: Draft, send_ids: list[UUID]) -> wire.Decided:
    await session.flush()
    return wire.Decided(draft=await store.to_wire(session, draft), send_ids=send_ids)

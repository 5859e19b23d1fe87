"""Drafts with the owner's own key: wanted here, made on the owner's computer, and known here by their numbers until one is approved."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts import byok as wire
from core.contracts.bridge import BridgeHintType
from core.contracts.channels import Channel as WireChannel
from core.contracts.chats import Chat as WireChat
from core.contracts.ids import new_id
from core.contracts.principal import Principal
from core.contracts.reasoning import AiCall
from core.contracts.states import OwnerDraftState, RunReason, RunState
from core.errors import Conflict, NotFound
from core.settings import DeskSettings
from domain.audit import service as audit
from domain.byok.models import OwnerDraft
from domain.byok.repository import OPEN, OwnerDraftRepository
from domain.channels.repository import ChannelRepository
from domain.channels.service import changed, ring_holder
from domain.channels.service import to_wire as channel_to_wire
from domain.chats.models import Chat
from domain.chats.repository import lock_chat, newest_external_ids
from domain.drafts import results, runs
from domain.drafts.runs import ClaimedRun
from domain.usage import service as usage

WAITS = "The draft is made on the owner's computer, with the owner's own AI key."
"""What staff read of a run that ended so."""

_MADE = (OwnerDraftState.READY, OwnerDraftState.FAILED, OwnerDraftState.NOTHING)


async def want(session: AsyncSession, claimed: ClaimedRun, language: str | None) -> None:
    """End a run in which the owner's computer has to make the draft, and ring there. Nothing where the claim was lost."""
    held = await runs.hold_claim(session, claimed)
    if held is None:
        return
    chat, run = held
    chat.language = language or chat.language
    await _supersede(session, chat.id)
    if chat.version == claimed.chat_version:
        draft = OwnerDraft(
            tenant_id=chat.tenant_id,
            id=new_id(),
            chat_id=chat.id,
            channel_id=chat.channel_id,
            run_id=run.id,
            chat_version=chat.version,
            state=OwnerDraftState.WAITING,
            tokens_used=0,
        )
        OwnerDraftRepository(session).add(draft)
        await ring_holder(session, chat.channel_id, BridgeHintType.DRAFT_WANTED, chat_id=chat.id)
    await runs.end(session, run, chat, RunState.DONE, error=WAITS)


async def current(session: AsyncSession, chat: WireChat) -> wire.OwnerDraft | None:
    """Return the draft of a chat that waits on the owner's computer; one that the chat has left behind does not."""
    draft = await OwnerDraftRepository(session).open_of(chat.id)
    return _to_wire(draft) if draft is not None and draft.chat_version == chat.version else None


async def work(session: AsyncSession, caller: Principal) -> wire.OwnerWork:
    """Return whose key drafts on the caller's channel, and the drafts that its computer has to make or to decide on."""
    channel = await ChannelRepository(session).get(_channel_of(caller))
    rows = await OwnerDraftRepository(session).open_on(_channel_of(caller))
    drafts = [
        wire.OwnerDraftSeen.model_validate({**_to_wire(draft).model_dump(), "title": chat.title or ""})
        for draft, chat in rows
    ]
    return wire.OwnerWork(on=channel is not None and channel.own_key, drafts=drafts)


async def case(session: AsyncSession, caller: Principal, draft_id: UUID, desk: DeskSettings) -> wire.OwnerCase:
    """Return what a draft is made of.

    Raises:
        NotFound: no such draft on the caller's channel. Conflict: it is decided on, or its chat has moved on.
    """
    chat, draft = await _locked(session, caller, draft_id)
    run = await OwnerDraftRepository(session).run_of(draft)
    newest = await newest_external_ids(session, chat.id, 1)
    if draft.state not in OPEN or draft.chat_version != chat.version or run is None or not newest:
        raise Conflict("This chat has moved on.", hint="Look at what waits now.", code="chat_moved_on")
    found = await results.load_input(session, runs.as_claimed(run), desk)
    return wire.OwnerCase(
        id=draft.id,
        conversation=found.conversation,
        tone=found.tone,
        hint=run.hint,
        parent_parts=found.parent_parts,
        newest_external_id=newest[0],
    )


async def take_usage(session: AsyncSession, caller: Principal, body: wire.ByokUsage) -> wire.ByokUsageTaken:
    """Keep what a call with the owner's key took. It costs the desk nothing, so it counts to no limit.

    Raises:
        NotFound: no such draft on the caller's channel.
    """
    found = await _locked(session, caller, body.suggestion_id) if body.suggestion_id else None
    chat_id = found[0].id if found else None
    await usage.record_calls(session, caller.tenant_id, None, chat_id, [_call(body)])
    if found is None:
        return wire.ByokUsageTaken(id=body.id, state=None)
    chat, draft = found
    if draft.state in OPEN and draft.chat_version != chat.version:
        await _move(session, draft, chat, OwnerDraftState.SUPERSEDED)
    elif draft.state in OPEN and body.outcome in _MADE:
        draft.text_sha256, draft.verdict, draft.code = body.text_sha256, body.verdict, body.code
        draft.provider, draft.model, draft.tokens_used = body.provider, body.model, body.tokens_used
        await _move(session, draft, chat, body.outcome)
    return wire.ByokUsageTaken(id=body.id, state=OwnerDraftState(draft.state))


async def dismiss(session: AsyncSession, caller: Principal, draft_id: UUID) -> wire.ByokUsageTaken:
    """Note that the owner wants nothing of this draft; once more changes nothing.

    Raises:
        NotFound: no such draft on the caller's channel.
    """
    chat, draft = await _locked(session, caller, draft_id)
    if draft.state in OPEN:
        await _move(session, draft, chat, OwnerDraftState.DISMISSED)
        audit.record(session, caller, "owner_draft.dismissed", "owner_draft", draft.id)
    return wire.ByokUsageTaken(id=draft.id, state=OwnerDraftState(draft.state))


async def approved(session: AsyncSession, caller: Principal, chat: Chat, draft_id: UUID) -> bool:
    """Tell whether a text with this id is a draft of the owner's computer, and close that draft: the text is an ordinary message now."""
    draft = await OwnerDraftRepository(session).lock(draft_id)
    if draft is None or draft.chat_id != chat.id:
        return False
    if draft.state in OPEN:
        await _move(session, draft, chat, OwnerDraftState.APPROVED)
        audit.record(session, caller, "owner_draft.approved", "owner_draft", draft.id)
    return True


async def switch(
    session: AsyncSession, caller: Principal, channel_id: UUID, desk: DeskSettings, *, on: bool
) -> WireChannel:
    """Say whose key drafts on a channel. Switched off, the chats that wait get their drafts from the desk.

    Raises:
        NotFound: no such channel.
    """
    channels = ChannelRepository(session)
    if not on:
        await _take_back(session, channel_id, desk)  # chats are locked before their channel, as a send does it
    channel = await channels.lock(channel_id)
    if channel is None:
        raise NotFound("there is no such channel", hint="reload the list of channels")
    if channel.own_key != on:
        channel.own_key = on
        audit.record(session, caller, f"channel.own_key_{'on' if on else 'off'}", "channel", channel.id)
        changed(session, channel)
        await ring_holder(session, channel.id, BridgeHintType.DRAFT_WANTED)
    return channel_to_wire(channel, await channels.now())


def own_channel(caller: Principal) -> UUID:
    """Return the channel of a device."""
    return _channel_of(caller)


async def _take_back(session: AsyncSession, channel_id: UUID, desk: DeskSettings) -> None:
    for draft, _ in await OwnerDraftRepository(session).open_on(channel_id):
        chat = await lock_chat(session, draft.chat_id)
        await _move(session, draft, chat, OwnerDraftState.SUPERSEDED)
        await runs.schedule(session, chat, desk, reason=RunReason.INBOUND, quiet=False)


async def _supersede(session: AsyncSession, chat_id: UUID) -> None:
    before = await OwnerDraftRepository(session).open_of(chat_id)
    if before is not None:
        before.state = OwnerDraftState.SUPERSEDED
        await session.flush()


async def _move(session: AsyncSession, draft: OwnerDraft, chat: Chat, state: OwnerDraftState) -> None:
    """Change the state of a locked draft and tell open panels, which look at the chat again."""
    draft.state = state
    run = await OwnerDraftRepository(session).run_of(draft)
    if run is not None:
        runs.run_changed(session, run, chat)


async def _locked(session: AsyncSession, caller: Principal, draft_id: UUID) -> tuple[Chat, OwnerDraft]:
    drafts = OwnerDraftRepository(session)
    found = await drafts.find(draft_id)
    if found is None or found.channel_id != _channel_of(caller):
        raise NotFound("There is no such draft.", hint="Look at what waits now.")
    chat = await lock_chat(session, found.chat_id)  # before the draft: one order for all
    draft = await drafts.lock(draft_id)
    if draft is None:
        raise NotFound("There is no such draft.", hint="Look at what waits now.")
    await session.refresh(draft)
    return chat, draft


def _channel_of(caller: Principal) -> UUID:
    if caller.channel_id is None:
        raise NotFound("the channel of this device does not exist any more", hint="pair the device again")
    return caller.channel_id


def _to_wire(draft: OwnerDraft) -> wire.OwnerDraft:
    return wire.OwnerDraft.model_validate(draft)


def _call(body: wire.ByokUsage) -> AiCall:
    known = body.tokens_in + body.tokens_out
    return AiCall(
        id=body.id,
        purpose="draft",
        provider=body.provider,
        model=body.model,
        tokens_in=body.tokens_in if known else body.tokens_used,
        tokens_out=body.tokens_out,
        latency_ms=body.latency_ms,
        outcome=body.code or "ok",
        paid_by="own",
    )

"""Chats: list, read, change, write."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query

from api.deps import ChatsRead, ChatsWrite, Db, DraftsDecide, Res
from api.refusals import problems
from api.routes.chats.waiting import context_with_draft
from core.contracts.base import Page
from core.contracts.chats import Accepted, AskDraft, ChangeChat, Chat, ChatContext, Message, NewMessage
from core.contracts.states import ChatStatus
from domain.chats import service as chats
from domain.drafts import service as drafts

router = APIRouter(prefix="/chats", tags=["chats"])

Cursor = Annotated[str | None, Query(max_length=200, description="`next_cursor` of the page before")]


@router.get("", summary="List chats", responses=problems(401, 403, 422, 429, 503))
async def list_chats(
    caller: ChatsRead,
    db: Db,
    status: Annotated[ChatStatus | None, Query(description="only chats in this status")] = None,
    assignee: Annotated[
        Literal["mine", "unassigned"] | UUID | None, Query(description="`mine`, `unassigned`, or a member's id")
    ] = None,
    q: Annotated[str | None, Query(max_length=200, description="words in the title or in a message")] = None,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> Page[Chat]:
    """Return a page of chats: those in which a customer waits come first, the longest waiting on top."""
    return await chats.list_chats(
        db,
        status=status,
        assignee=caller.subject_id if assignee == "mine" else assignee if isinstance(assignee, UUID) else None,
        unassigned=assignee == "unassigned",
        words=q,
        cursor=cursor,
        limit=limit,
    )


@router.get("/{chat_id}", summary="Read a chat", responses=problems(401, 403, 404, 422, 429, 503))
async def get_chat(_caller: ChatsRead, db: Db, chat_id: UUID) -> Chat:
    """Return one chat as lists show it."""
    return await chats.get_chat(db, chat_id)


@router.patch("/{chat_id}", summary="Change a chat", responses=problems(401, 403, 404, 409, 422, 429, 503))
async def change_chat(caller: ChatsWrite, db: Db, res: Res, chat_id: UUID, body: ChangeChat) -> Chat:
    """Change status, mode or assignee, pause or resume; only the fields that are set change.

    When the machine is resumed and the customer has the last word, a draft is made.
    """
    return await chats.change_chat(db, caller, chat_id, body, res["settings"].desk)


@router.get("/{chat_id}/messages", summary="Read messages", responses=problems(401, 403, 404, 422, 429, 503))
async def list_messages(
    _caller: ChatsRead,
    db: Db,
    chat_id: UUID,
    before_seq: Annotated[int | None, Query(ge=1, description="only messages above this one")] = None,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 40,
) -> Page[Message]:
    """Return a page of the chat, oldest first; `next_cursor` leads to the older page above it."""
    if before_seq is None and cursor is not None and cursor.isdecimal():
        before_seq = int(cursor)
    return await chats.list_messages(db, chat_id, before_seq, limit)


@router.get(
    "/{chat_id}/context", summary="Read what is needed to decide", responses=problems(401, 403, 404, 422, 429, 503)
)
async def context(
    caller: ChatsRead,
    res: Res,
    chat_id: UUID,
    wait_ms: Annotated[int, Query(ge=0, le=2000, description="wait so long for a draft that is being made")] = 0,
) -> ChatContext:
    """Return the last ten messages, and the current draft with its passages or the state of the run that makes one. Changes nothing."""
    return await context_with_draft(res, caller, chat_id, wait_ms)


@router.post("/{chat_id}/read", summary="Mark as read", responses=problems(401, 403, 404, 422, 429, 503))
async def mark_read(_caller: ChatsWrite, db: Db, chat_id: UUID) -> Chat:
    """Set the desk's own unread count to nothing; the customer's phone is not told."""
    return await chats.mark_read(db, chat_id)


@router.post(
    "/{chat_id}/messages",
    summary="Write to the customer",
    status_code=202,
    responses=problems(401, 403, 404, 409, 422, 429, 503),
)
async def type_message(caller: DraftsDecide, db: Db, res: Res, chat_id: UUID, body: NewMessage) -> Accepted:
    """Take text that a person typed: it is checked like any other, then sent if it passes. Events tell how it goes on.

    The machine rests on the chat from then on, as after a reply from the phone, until its time is over or a person resumes it.
    """
    return await drafts.type_message(db, caller, chat_id, body, res["settings"].desk)


@router.post(
    "/{chat_id}/drafts",
    summary="Ask for a draft",
    status_code=202,
    responses=problems(401, 403, 404, 409, 422, 429, 503),
)
async def ask_draft(caller: ChatsWrite, db: Db, res: Res, chat_id: UUID, body: AskDraft) -> Accepted:
    """Begin a run for this chat at once, with an optional hint."""
    return await drafts.ask_draft(db, caller, chat_id, body, res["settings"].desk)


@router.post("/{chat_id}/takeover", summary="Take a chat over", responses=problems(401, 403, 404, 422, 429, 503))
async def take_over(caller: ChatsWrite, db: Db, res: Res, chat_id: UUID) -> Chat:
    """Give the chat to the caller and let the machine rest on it; its pending draft and its due run are retired."""
    return await chats.take_over(db, caller, chat_id, res["settings"].desk)

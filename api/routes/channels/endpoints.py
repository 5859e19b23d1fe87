"""Channels: the numbers of the business, and what answers on them by itself."""

from uuid import UUID

from fastapi import APIRouter

from api.deps import ChannelsRead, ChannelsWrite, Db
from api.refusals import problems
from core.contracts.base import Page
from core.contracts.channels import AutomationText, Channel, JudgeAutomation, NewChannel
from domain.channels import service as channels
from domain.chats import automation

router = APIRouter(prefix="/channels", tags=["channels"])


@router.get("", summary="List channels", responses=problems(401, 403, 429, 503))
async def list_channels(_caller: ChannelsRead, db: Db) -> Page[Channel]:
    """Return every channel with its state; one whose bridge has gone silent is offline."""
    return await channels.list_channels(db)


@router.post("", summary="Make a channel", status_code=201, responses=problems(401, 403, 409, 422, 429, 503))
async def create_channel(caller: ChannelsWrite, db: Db, body: NewChannel) -> Channel:
    """Make a channel; pair a device with it next."""
    return await channels.create_channel(db, caller, body)


@router.get("/automations", summary="List automatic texts", responses=problems(401, 403, 429, 503))
async def list_automations(_caller: ChannelsRead, db: Db) -> Page[AutomationText]:
    """Return the own texts that WhatsApp Business seems to send by itself; those that no owner has judged come first."""
    return Page(items=await automation.list_automations(db))


@router.post(
    "/automations/{automation_id}/judge",
    summary="Judge an automatic text",
    responses=problems(401, 403, 404, 422, 429, 503),
)
async def judge_automation(caller: ChannelsWrite, db: Db, automation_id: UUID, body: JudgeAutomation) -> AutomationText:
    """Say that a text is automatic (`kept`), or that a person typed it (`person`): then it never counts as automatic again.

    With `person` its messages of the last days become replies from the phone, and the machine rests on their chats after all.
    """
    return await automation.judge(db, caller, automation_id, body)

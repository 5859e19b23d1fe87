"""Channels: the numbers of the business, how they are linked, what keeps them from sending, and what answers on them by itself."""

from uuid import UUID

from fastapi import APIRouter, Response

from api.deps import ChannelsRead, ChannelsRun, ChannelsWrite, Db, Res
from api.linkcodes import LinkCodes
from api.refusals import problems
from core.contracts.base import Page
from core.contracts.byok import OwnKey
from core.contracts.channels import AutomationText, Channel, JudgeAutomation, NewChannel
from core.contracts.sessions import AcceptRisk, LinkCode, RiskText
from domain.byok import service as owner_drafts
from domain.channels import acts, codes, risk
from domain.channels import service as channels
from domain.chats import automation

router = APIRouter(prefix="/channels", tags=["channels"])
_ACTS = problems(401, 403, 404, 409, 422, 429, 503)


@router.get("", summary="List channels", responses=problems(401, 403, 429, 503))
async def list_channels(_caller: ChannelsRead, db: Db) -> Page[Channel]:
    """Return every channel with its state and what it can do now; one whose bridge has gone silent is offline."""
    return await channels.list_channels(db)


@router.post("", summary="Make a channel", status_code=201, responses=problems(401, 403, 409, 422, 429, 503))
async def create_channel(caller: ChannelsWrite, db: Db, body: NewChannel) -> Channel:
    """Make a channel; accept its risk where it has one, and pair a device with it next."""
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


@router.get("/risk", summary="Read the risk of WhatsApp Web", responses=problems(401, 403, 429, 503))
async def read_risk(_caller: ChannelsRead) -> RiskText:
    """Return the text that an owner accepts before a number is linked, with its version."""
    return risk.risk_text()


@router.post("/{channel_id}/risk", summary="Accept the risk of WhatsApp Web", responses=_ACTS)
async def accept_risk(caller: ChannelsWrite, db: Db, channel_id: UUID, body: AcceptRisk) -> Channel:
    """Note that the owner typed the number and accepts the text of this version. Only then may a bridge open the page."""
    return await acts.accept_risk(db, caller, channel_id, body)


@router.get("/{channel_id}/link-code", summary="Look at the linking code", responses=_ACTS)
async def read_link_code(caller: ChannelsWrite, res: Res, channel_id: UUID, response: Response) -> LinkCode:
    """Return the code that links the number, if the bridge has handed one in; each look asks it to, for a minute more.

    The code is kept in Redis for seconds only. Look again when `channel.updated` comes.
    """
    response.headers["Cache-Control"] = "no-store"
    async with res["db"].unit_of_work(caller.tenant_id) as session:
        await codes.may_look(session, channel_id)
    code, first = await LinkCodes(res["redis"], caller.tenant_id).look(channel_id)
    if first or code.data is None:
        async with res["db"].unit_of_work(caller.tenant_id) as session:
            await codes.looked(session, caller, channel_id, first=first)
    return code


@router.put("/{channel_id}/own-key", summary="Say whose AI key drafts", responses=_ACTS)
async def switch_own_key(caller: ChannelsWrite, db: Db, res: Res, channel_id: UUID, body: OwnKey) -> Channel:
    """Let drafts on this channel be made on the owner's computer, or by the desk again. The key itself never comes here."""
    return await owner_drafts.switch(db, caller, channel_id, res["settings"].desk, on=body.on)


@router.post("/{channel_id}/use-here", summary="Take the session back", responses=_ACTS)
async def use_here(caller: ChannelsWrite, db: Db, channel_id: UUID) -> Channel:
    """Ask the bridge to press “Use here” once. The other window loses the session; it is never pressed without this."""
    return await acts.use_here(db, caller, channel_id)


@router.post("/{channel_id}/try-again", summary="Try to send again", responses=_ACTS)
async def try_again(caller: ChannelsRun, db: Db, channel_id: UUID) -> Channel:
    """Ask the bridge to start its page again, and to take sends if it finds everything there."""
    return await acts.try_again(db, caller, channel_id)


@router.post("/{channel_id}/resume", summary="Resume a stopped channel", responses=_ACTS)
async def resume(caller: ChannelsRun, db: Db, channel_id: UUID) -> Channel:
    """Let a channel send again that was stopped by a restriction. Refused while WhatsApp still shows it."""
    return await acts.resume(db, caller, channel_id)

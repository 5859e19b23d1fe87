"""Drafts with the owner's own key, for the computer that makes them. No address here takes a prompt or a text that was made with it."""

from uuid import UUID

from fastapi import APIRouter

from api.deps import BridgeDevice, Db, Res
from api.refusals import problems
from core.contracts.byok import ByokUsage, ByokUsageTaken, OwnerCase, OwnerWork, OwnKey
from domain.byok import service as owner_drafts

router = APIRouter(tags=["bridge"])
_REFUSALS = problems(401, 403, 404, 409, 422, 429, 503)


@router.get("/bridge/byok", summary="Look at what waits on the owner's computer", responses=_REFUSALS)
async def look(caller: BridgeDevice, db: Db) -> OwnerWork:
    """Return whose AI key drafts on the channel, and the drafts that are to be made or decided on here."""
    return await owner_drafts.work(db, caller)


@router.put("/bridge/byok", summary="Say whose AI key drafts, from the owner's computer", responses=_REFUSALS)
async def switch(caller: BridgeDevice, db: Db, res: Res, body: OwnKey) -> OwnerWork:
    """Let drafts be made on this computer, or by the desk again. The key itself stays here."""
    await owner_drafts.switch(db, caller, owner_drafts.own_channel(caller), res["settings"].desk, on=body.on)
    return await owner_drafts.work(db, caller)


@router.get("/bridge/byok/{draft_id}", summary="Read what a draft is made of", responses=_REFUSALS)
async def case(caller: BridgeDevice, db: Db, res: Res, draft_id: UUID) -> OwnerCase:
    """Return the conversation; its passages come from POST /knowledge/search. 409 where the chat has moved on."""
    return await owner_drafts.case(db, caller, draft_id, res["settings"].desk)


@router.post("/bridge/byok/{draft_id}/dismiss", summary="Want nothing of a draft", responses=_REFUSALS)
async def dismiss(caller: BridgeDevice, db: Db, draft_id: UUID) -> ByokUsageTaken:
    """Put a draft aside. To send one, post its text to /bridge/messages with the draft's id."""
    return await owner_drafts.dismiss(db, caller, draft_id)


@router.post("/ai/byok-usage", summary="Tell what a call with the owner's key took", responses=_REFUSALS)
async def take_usage(caller: BridgeDevice, db: Db, body: ByokUsage) -> ByokUsageTaken:
    """Keep provider, model, token counts, verdict and hash. The same `id` again is the same report."""
    return await owner_drafts.take_usage(db, caller, body)

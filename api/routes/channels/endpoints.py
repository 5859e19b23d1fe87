"""Channels: the numbers of the business."""

from fastapi import APIRouter

from api.deps import ChannelsRead, ChannelsWrite, Db
from api.refusals import problems
from core.contracts.base import Page
from core.contracts.channels import Channel, NewChannel
from domain.channels import service as channels

router = APIRouter(prefix="/channels", tags=["channels"])


@router.get("", summary="List channels", responses=problems(401, 403, 429, 503))
async def list_channels(_caller: ChannelsRead, db: Db) -> Page[Channel]:
    """Return every channel with its state; one whose bridge has gone silent is offline."""
    return await channels.list_channels(db)


@router.post("", summary="Make a channel", status_code=201, responses=problems(401, 403, 409, 422, 429, 503))
async def create_channel(caller: ChannelsWrite, db: Db, body: NewChannel) -> Channel:
    """Make a channel; pair a device with it next."""
    return await channels.create_channel(db, caller, body)

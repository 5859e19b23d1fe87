"""Devices: pair a bridge with a channel, see what is paired, end a device."""

from uuid import UUID

from fastapi import APIRouter, Response

from api.deps import ChannelsRead, ChannelsWrite, ClientAddress, Db, Res
from api.limits import PAIRING_PER_ADDRESS
from api.refusals import problems
from core.contracts.base import Page
from core.contracts.channels import Device, NewPairing, PairDevice, PairedDevice, Pairing
from domain.devices import service as devices

router = APIRouter(prefix="/devices", tags=["devices"])


@router.get("", summary="List devices", responses=problems(401, 403, 429, 503))
async def list_devices(_caller: ChannelsRead, db: Db) -> Page[Device]:
    """Return every device that was ever paired, the newest first."""
    return await devices.list_devices(db)


@router.post(
    "/pairings", summary="Make a pairing code", status_code=201, responses=problems(401, 403, 404, 409, 422, 429, 503)
)
async def create_pairing(caller: ChannelsWrite, db: Db, res: Res, body: NewPairing) -> Pairing:
    """Make a code that pairs one computer with a channel, once, within ten minutes."""
    return await devices.create_pairing(db, res["directory"], caller, body)


@router.post("/pair", summary="Pair this device", status_code=201, responses=problems(410, 422, 429, 503))
async def pair(body: PairDevice, res: Res, address: ClientAddress) -> PairedDevice:
    """Turn a code into a device and its token, which is shown this once. Needs no token: the code is the right."""
    await res["limiter"].guard(PAIRING_PER_ADDRESS, address)
    return await devices.pair(res["db"], res["directory"], body)


@router.delete(
    "/{device_id}", summary="Revoke a device", status_code=204, responses=problems(401, 403, 404, 422, 429, 503)
)
async def revoke(caller: ChannelsWrite, db: Db, device_id: UUID) -> Response:
    """End a device: its token is refused from this moment, its channel is free for another."""
    await devices.revoke(db, caller, device_id)
    return Response(status_code=204)

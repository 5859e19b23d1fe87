"""Devices: bridges that were paired with a channel by a code, and hold a token until they are revoked."""

import secrets
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.base import Page
from core.contracts.bridge import PROTOCOL, BridgeHint, BridgeHintType
from core.contracts.channels import Device as WireDevice
from core.contracts.channels import NewPairing, PairDevice, PairedDevice
from core.contracts.channels import Pairing as WirePairing
from core.contracts.events import Event, EventType
from core.contracts.ids import TenantId, new_id
from core.contracts.principal import Principal
from core.contracts.states import Role
from core.db.session import Database, DeviceHint, after_commit
from core.errors import Gone, InvalidInput, NotAuthenticated, NotFound
from core.security.tokens import new_opaque, opaque_sha256, opaque_tenant
from domain.audit import service as audit
from domain.channels import service as channels
from domain.channels.repository import ChannelRepository
from domain.devices.models import Device, Pairing
from domain.devices.repository import DeviceRepository
from domain.directory.service import Directory, Kind, Whose

CODE_LIFE = timedelta(minutes=10)
_ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
_CODE_CHARS = 10


async def create_pairing(
    session: AsyncSession, directory: Directory, caller: Principal, body: NewPairing
) -> WirePairing:
    """Make a code that pairs one device with a channel within ten minutes, once.

    Raises:
        NotFound: no such channel.
    """
    if await ChannelRepository(session).get(body.channel_id) is None:
        raise NotFound("there is no such channel", hint="reload the list of channels")
    devices = DeviceRepository(session)
    code = "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_CHARS))
    pairing = Pairing(
        tenant_id=caller.tenant_id,
        id=new_id(),
        channel_id=body.channel_id,
        code_hash=directory.hasher(Kind.PAIRING, code),
        created_by=caller.subject_id,
        expires_at=await devices.now() + CODE_LIFE,
    )
    devices.add(pairing)
    await directory.register(session, Kind.PAIRING, code, Whose(caller.tenant_id, pairing.id))
    audit.record(session, caller, "pairing.created", "channel", body.channel_id)
    return WirePairing(code=f"{code[:5]}-{code[5:]}", expires_at=pairing.expires_at)


async def pair(db: Database, directory: Directory, body: PairDevice) -> PairedDevice:
    """Turn a code into a device and its token, which is shown this once.

    Raises:
        Gone: the code is unknown, used or over; which of them is not told. InvalidInput: unknown protocol.
    """
    if not PROTOCOL - 1 <= body.protocol <= PROTOCOL:
        raise InvalidInput(
            f"this server does not serve bridge protocol {body.protocol}",
            hint="update the bridge or the server, whichever is older",
            code="protocol_unsupported",
        )
    code = normal_code(body.code)
    async with db.without_tenant() as session:
        found = await directory.find(session, Kind.PAIRING, code)
    for whose in found:
        async with db.unit_of_work(whose.tenant_id) as session:
            paired = await _use(session, whose, body)
            await directory.remove(session, Kind.PAIRING, code, whose.tenant_id)
        if paired is not None:
            return paired
    raise Gone(
        "this code is unknown, was used already, or is older than ten minutes", hint="make a new one and type it soon"
    )


async def authenticate(db: Database, token: str) -> Principal:
    """Return the device that a token speaks for; a revoked one is refused from that moment on.

    Raises:
        NotAuthenticated: unknown or revoked.
    """
    tenant_id = opaque_tenant("device", token)
    async with db.unit_of_work(tenant_id) as session:
        device = await DeviceRepository(session).by_token(opaque_sha256("device", token))
    if device is None or device.revoked_at is not None:
        raise NotAuthenticated("this device is not paired any more", hint="pair it again", code="device_revoked")
    return Principal(TenantId(tenant_id), device.id, Role.DEVICE, channel_id=device.channel_id)


async def require_paired(db: Database, caller: Principal) -> None:
    """See that a device that came in is still paired.

    Raises:
        NotAuthenticated: no more.
    """
    async with db.unit_of_work(caller.tenant_id) as session:
        if not await DeviceRepository(session).is_paired(caller.subject_id):
            raise NotAuthenticated("this device is not paired any more", hint="pair it again", code="device_revoked")


async def list_devices(session: AsyncSession) -> Page[WireDevice]:
    """Return every device that was ever paired, the newest first."""
    return Page(items=[WireDevice.model_validate(device) for device in await DeviceRepository(session).all()])


async def note_seen(session: AsyncSession, caller: Principal, app_version: str, protocol: int) -> None:
    """Note that a device was heard of now, and what it runs."""
    await DeviceRepository(session).seen(caller.subject_id, app_version, protocol)


async def revoke(session: AsyncSession, caller: Principal, device_id: UUID) -> None:
    """End a device: its token is refused from now on and its channel is free for another. Doing it twice is harmless.

    Raises:
        NotFound: no such device.
    """
    devices = DeviceRepository(session)
    channel_id = await devices.channel_of(device_id)
    if channel_id is None:
        raise NotFound("there is no such device", hint="reload the list of devices")
    await channels.end_lease(session, channel_id, device_id)  # channel before device, as everywhere
    device = await devices.lock(device_id)
    if device.revoked_at is not None:
        return
    device.revoked_at = await devices.now()
    audit.record(session, caller, "device.revoked", "device", device.id)
    _changed(session, device)
    after_commit(session, DeviceHint(device.id, BridgeHint(type=BridgeHintType.REVOKED)))


def normal_code(text: str) -> str:
    """Return a code as it was made, whatever case, spaces and dashes it was typed with."""
    return "".join(char for char in text.upper() if char.isalnum())


async def _use(session: AsyncSession, whose: Whose, body: PairDevice) -> PairedDevice | None:
    devices = DeviceRepository(session)
    pairing = await devices.lock_pairing(whose.subject_id)
    now = await devices.now()
    if pairing is None or pairing.used_at is not None or pairing.expires_at <= now:
        return None
    token = new_opaque("device", whose.tenant_id)
    device = Device(
        tenant_id=whose.tenant_id,
        id=new_id(),
        channel_id=pairing.channel_id,
        name=body.name,
        token_sha256=token.sha256,
        app_version=body.app_version,
        protocol=body.protocol,
        paired_at=now,
    )
    devices.add(device)
    pairing.used_at, pairing.device_id = now, device.id
    caller = Principal(TenantId(whose.tenant_id), device.id, Role.DEVICE, channel_id=device.channel_id)
    audit.record(session, caller, "device.paired", "device", device.id, {"by_code_of": str(pairing.created_by)})
    _changed(session, device)
    return PairedDevice(device_id=device.id, tenant_id=whose.tenant_id, channel_id=device.channel_id, token=token.text)


def _changed(session: AsyncSession, device: Device) -> None:
    after_commit(
        session,
        Event(
            type=EventType.DEVICE_UPDATED,
            tenant_id=device.tenant_id,
            ids={"device_id": device.id, "channel_id": device.channel_id},
        ),
    )

"""Storage of devices and of the codes that pair them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.devices.models import Device, Pairing


@dataclass(frozen=True, slots=True)
class DeviceRepository:
    """Devices of the tenant of the session."""

    session: AsyncSession

    def add(self, row: Device | Pairing) -> None:
        """Write a row with the transaction."""
        self.session.add(row)

    async def by_token(self, sha256: str) -> Device | None:
        """Return the device of a token, revoked or not."""
        return await self.session.scalar(select(Device).where(Device.token_sha256 == sha256))

    async def is_paired(self, device_id: UUID) -> bool:
        """Tell whether a device is there and not revoked."""
        query = select(Device.id).where(Device.id == device_id, Device.revoked_at.is_(None))
        return await self.session.scalar(query) is not None

    async def channel_of(self, device_id: UUID) -> UUID | None:
        """Return the channel that a device was paired with."""
        return await self.session.scalar(select(Device.channel_id).where(Device.id == device_id))

    async def lock(self, device_id: UUID) -> Device:
        """Return one device that is there, kept from changes of others."""
        return (await self.session.execute(select(Device).where(Device.id == device_id).with_for_update())).scalar_one()

    async def all(self) -> Sequence[Device]:
        """Return every device, the newest first."""
        return (await self.session.scalars(select(Device).order_by(Device.paired_at.desc(), Device.id))).all()

    async def seen(self, device_id: UUID, app_version: str, protocol: int) -> None:
        """Note that a device was heard of now, and what it runs."""
        await self.session.execute(
            update(Device)
            .where(Device.id == device_id)
            .values(last_seen_at=func.now(), app_version=app_version, protocol=protocol)
        )

    async def lock_pairing(self, pairing_id: UUID) -> Pairing | None:
        """Return one pairing, kept from a second use at the same moment."""
        return await self.session.scalar(select(Pairing).where(Pairing.id == pairing_id).with_for_update())

    async def now(self) -> datetime:
        """Return the database's clock at this moment."""
        now: datetime = (await self.session.execute(select(func.clock_timestamp()))).scalar_one()
        return now

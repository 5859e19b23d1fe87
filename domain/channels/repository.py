"""Storage of channels."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.states import SendStatus
from domain.channels.models import Channel
from domain.sends.models import Send


@dataclass(frozen=True, slots=True)
class ChannelRepository:
    """Channels of the tenant of the session."""

    session: AsyncSession

    def add(self, channel: Channel) -> None:
        """Write a channel with the transaction."""
        self.session.add(channel)

    async def get(self, channel_id: UUID) -> Channel | None:
        """Return one channel."""
        return await self.session.scalar(select(Channel).where(Channel.id == channel_id))

    async def holder(self, channel_id: UUID) -> UUID | None:
        """Return the device that holds a channel, or held it last."""
        return await self.session.scalar(select(Channel.holder_device_id).where(Channel.id == channel_id))

    async def lock(self, channel_id: UUID) -> Channel | None:
        """Return one channel, kept from every other lease and armed send until the transaction ends."""
        return await self.session.scalar(
            select(Channel)
            .where(Channel.id == channel_id)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )

    async def with_address(self, address: str) -> Channel | None:
        """Return the channel that has this number, if any."""
        return await self.session.scalar(select(Channel).where(Channel.address == address))

    async def has_armed_send(self, channel_id: UUID) -> bool:
        """Tell whether a send of the channel was armed and is not settled yet."""
        armed = select(Send.id).where(Send.channel_id == channel_id, Send.status == SendStatus.ARMED).limit(1)
        return await self.session.scalar(armed) is not None

    async def all(self) -> Sequence[Channel]:
        """Return every channel, by name."""
        return (await self.session.scalars(select(Channel).order_by(Channel.name, Channel.id))).all()

    async def now(self) -> datetime:
        """Return the database's clock at this moment, not at the transaction's start: a lock may have been waited for."""
        now: datetime = (await self.session.execute(select(func.clock_timestamp()))).scalar_one()
        return now

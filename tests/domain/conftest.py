"""A business with an owner, channels and bridges, for the suites of the nouns."""

from uuid import UUID

import pytest
from pydantic import SecretStr

from core.contracts.channels import Channel, NewChannel, NewPairing, PairDevice
from core.contracts.ids import TenantId
from core.contracts.principal import Principal
from core.contracts.states import ChannelKind, Role
from core.db.session import Database
from core.security.keys import DirectoryHasher
from domain.accounts.service import NewMember, create_desk
from domain.channels import service as channels
from domain.devices import service as devices
from domain.directory.service import Directory
from tests.domain.desk import Desk


@pytest.fixture
def directory() -> Directory:
    """The directory under a key of the tests."""
    return Directory(DirectoryHasher(b"k" * 32))


@pytest.fixture
async def owner(db: Database, directory: Directory) -> Principal:
    """The owner of a fresh business."""
    who = NewMember("owner@example.com", "Olga Owner", Role.OWNER, SecretStr("a good long password"))
    desk = await create_desk(db, directory, name="A business", timezone="Europe/Lisbon", members=[who])
    return Principal(TenantId(desk.tenant_id), desk.user_ids[0], Role.OWNER, session_version=1)


@pytest.fixture
async def channel(db: Database, owner: Principal) -> Channel:
    """A sandbox channel of the owner's business."""
    async with db.unit_of_work(owner.tenant_id) as session:
        return await channels.create_channel(session, owner, NewChannel(kind=ChannelKind.SANDBOX, name="Front desk"))


async def pair_device(db: Database, directory: Directory, owner: Principal, channel: Channel) -> Principal:
    """Pair one more bridge with a channel and return who it is."""
    async with db.unit_of_work(owner.tenant_id) as session:
        code = (await devices.create_pairing(session, directory, owner, NewPairing(channel_id=channel.id))).code
    body = PairDevice(code=code, name="Computer", app_version="1.0", protocol=1)
    return await devices.authenticate(db, (await devices.pair(db, directory, body)).token)


@pytest.fixture
async def bridge(db: Database, directory: Directory, owner: Principal, channel: Channel) -> Principal:
    """A bridge paired with the channel."""
    return await pair_device(db, directory, owner, channel)


@pytest.fixture
async def other_bridge(db: Database, directory: Directory, owner: Principal, channel: Channel) -> Principal:
    """Another bridge paired with the same channel."""
    return await pair_device(db, directory, owner, channel)


@pytest.fixture
async def desk(db: Database, tenant: UUID) -> Desk:
    """An open desk of a fresh tenant: a held channel on which customers write."""
    return await Desk(db, tenant).open()

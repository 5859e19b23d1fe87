"""The first business of a desk on one machine: a tenant, an owner, an admin and a staff member, and a channel to practise on.

Their passwords are random and lie in `logins.json` (0600), which is written before the rows: after a crash in between, the same
business is made with the same passwords.
"""

import asyncio
import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.channels import NewChannel, NewPairing
from core.contracts.ids import TenantId, new_id
from core.contracts.principal import Principal
from core.contracts.states import ChannelKind, Role
from core.db.session import Database, Effects, create_engine
from core.embedded.vault import write_private
from core.errors import SetupError
from core.security.keys import DirectoryHasher
from core.settings import Settings
from domain.accounts.repository import AccountsRepository
from domain.accounts.service import NewMember, create_desk
from domain.channels import service as channels
from domain.devices import service as devices
from domain.directory.service import Directory, Kind

LOGINS_FILE = "logins.json"
_WORD_CHARS = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True, slots=True)
class Login:
    """How one member signs in."""

    role: Role
    name: str
    email: str
    password: str


@dataclass(frozen=True, slots=True)
class FirstBusiness:
    """The first tenant and its members' logins."""

    tenant_id: UUID
    logins: tuple[Login, ...]


def seed(settings: Settings, home: Path) -> str | None:
    """Make the first business where there is none, and return a pairing code, which a bridge that is paired already ignores.

    Raises:
        SetupError: `logins.json` was damaged.
    """
    return asyncio.run(_seed(settings, home))


def read_logins(home: Path) -> FirstBusiness | None:
    """Return the logins that were made on this machine, none where there are none.

    Raises:
        SetupError: the file was damaged.
    """
    path = home / LOGINS_FILE
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        logins = tuple(Login(**{**item, "role": Role(item["role"])}) for item in found["logins"])
        return FirstBusiness(UUID(found["tenant_id"]), logins)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SetupError(
            f"{path} cannot be used ({type(error).__name__})",
            hint="put the file back from a backup, or delete it: members and data are in the database and stay",
        ) from None


async def _seed(settings: Settings, home: Path) -> str | None:
    if settings.database_url is None:
        raise SetupError("WAXOS_DATABASE_URL is not set", hint="set it to a Postgres, or use: waxos up")
    directory = Directory(DirectoryHasher.from_setting(settings.auth.directory_key))
    db = Database(create_engine(settings.database_url.get_secret_value(), pool_size=1), Effects())
    try:
        business = await _ensure(db, directory, home)
        return None if business is None else await _pairing_code(db, directory, business)
    finally:
        await db.close()


async def _ensure(db: Database, directory: Directory, home: Path) -> FirstBusiness | None:
    business = read_logins(home)
    if business is None:
        business = _invented()
        async with db.without_tenant() as session:
            if await directory.find(session, Kind.EMAIL, business.logins[0].email):
                return None
        _keep(home / LOGINS_FILE, business)
    async with db.unit_of_work(business.tenant_id) as session:
        if await AccountsRepository(session).tenant(business.tenant_id) is not None:
            return business
    await create_desk(
        db,
        directory,
        name="My business",
        timezone="UTC",
        members=[NewMember(one.email, one.name, one.role, SecretStr(one.password)) for one in business.logins],
        tenant_id=business.tenant_id,
    )
    return business


async def _pairing_code(db: Database, directory: Directory, business: FirstBusiness) -> str | None:
    async with db.unit_of_work(business.tenant_id) as session:
        owner = await _owner(session, directory, business)
        if owner is None:
            return None
        found = [
            channel for channel in (await channels.list_channels(session)).items if channel.kind is ChannelKind.SANDBOX
        ]
        channel = (
            found[0]
            if found
            else await channels.create_channel(
                session, owner, NewChannel(kind=ChannelKind.SANDBOX, name="Practice page")
            )
        )
        pairing = await devices.create_pairing(session, directory, owner, NewPairing(channel_id=channel.id))
        return pairing.code


async def _owner(session: AsyncSession, directory: Directory, business: FirstBusiness) -> Principal | None:
    for whose in await directory.find(session, Kind.EMAIL, business.logins[0].email):
        if whose.tenant_id == business.tenant_id:
            return Principal(TenantId(whose.tenant_id), whose.subject_id, Role.OWNER)
    return None


def _invented() -> FirstBusiness:
    people = ((Role.OWNER, "Owner"), (Role.ADMIN, "Admin"), (Role.STAFF, "Staff"))
    return FirstBusiness(
        new_id(), tuple(Login(role, name, f"{role.value}@desk.local", _password()) for role, name in people)
    )


def _password() -> str:
    """Three groups of five: 74 random bits that a person can still type."""
    return "-".join("".join(secrets.choice(_WORD_CHARS) for _ in range(5)) for _ in range(3))


def _keep(path: Path, business: FirstBusiness) -> None:
    text = json.dumps(
        {"tenant_id": str(business.tenant_id), "logins": [asdict(one) for one in business.logins]}, indent=1
    )
    write_private(path, text)

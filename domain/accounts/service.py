"""Businesses and their members."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import SecretStr, TypeAdapter, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.accounts import Email, Me, Member
from core.contracts.base import Page
from core.contracts.ids import new_id
from core.contracts.principal import Principal
from core.contracts.states import Role
from core.db.session import Database
from core.errors import InvalidInput, NotFound
from core.security.passwords import hash_password
from domain.accounts.models import Tenant, User
from domain.accounts.repository import AccountsRepository
from domain.audit import service as audit
from domain.directory.service import Directory, Kind, Whose

SHORTEST_PASSWORD = 10


@dataclass(frozen=True, slots=True)
class NewMember:
    """A person to be made a member."""

    email: str
    name: str
    role: Role
    password: SecretStr


@dataclass(frozen=True, slots=True)
class Desk:
    """A business that was just made, and its members in the order they were given."""

    tenant_id: UUID
    user_ids: tuple[UUID, ...]


async def create_desk(
    db: Database,
    directory: Directory,
    *,
    name: str,
    timezone: str,
    members: Sequence[NewMember],
    tenant_id: UUID | None = None,
) -> Desk:
    """Make a business with its members in one transaction. `timezone` is an IANA name.

    Raises:
        InvalidInput: no such timezone, an e-mail twice or unusable, a password under 10 characters, no owner.
    """
    if timezone not in available_timezones():
        raise InvalidInput(f"there is no timezone {timezone!r}", hint="use an IANA name such as Europe/Lisbon")
    emails = [normal_email(member.email) for member in members]
    if len(set(emails)) != len(emails):
        raise InvalidInput("the same e-mail address is given twice", hint="give each member an address of their own")
    if not any(member.role is Role.OWNER for member in members):
        raise InvalidInput("a business needs an owner", hint="give at least one member the role owner")
    hashes = [await _hashed(member.password) for member in members]
    tenant = Tenant(id=tenant_id or new_id(), name=name, timezone=timezone, locale="en", tone={})
    ids = []
    async with db.unit_of_work(tenant.id) as session:
        accounts = AccountsRepository(session)
        await accounts.add_tenant(tenant)
        audit.record_machine(session, tenant.id, "tenant.created", "tenant", tenant.id, {"members": len(members)})
        for member, email, password_hash in zip(members, emails, hashes, strict=True):
            user = User(
                tenant_id=tenant.id,
                id=new_id(),
                email=email,
                name=member.name,
                role=member.role,
                password_hash=password_hash,
            )
            accounts.add_user(user)
            await directory.register(session, Kind.EMAIL, email, Whose(tenant.id, user.id))
            ids.append(user.id)
    return Desk(tenant.id, tuple(ids))


def normal_email(value: str) -> str:
    """Return an address as it is stored and looked up.

    Raises:
        InvalidInput: not an e-mail address.
    """
    try:
        return TypeAdapter(Email).validate_python(value)
    except ValidationError:
        raise InvalidInput("this is not an e-mail address", hint="write it like name@example.com") from None


async def me(session: AsyncSession, caller: Principal) -> Me:
    """Return who the caller is.

    Raises:
        NotFound: the member or the business is no more.
    """
    accounts = AccountsRepository(session)
    user, tenant = await accounts.user(caller.subject_id), await accounts.tenant(caller.tenant_id)
    if user is None or tenant is None:
        raise NotFound("this member does not exist any more", hint="sign in again")
    return Me(
        user_id=user.id,
        tenant_id=tenant.id,
        tenant_name=tenant.name,
        timezone=tenant.timezone,
        email=user.email,
        name=user.name,
        role=Role(user.role),
    )


async def list_members(session: AsyncSession) -> Page[Member]:
    """Return every member of the caller's business, by name."""
    return Page(items=[Member.model_validate(user) for user in await AccountsRepository(session).users()])


async def _hashed(password: SecretStr) -> str:
    text = password.get_secret_value()
    if len(text) < SHORTEST_PASSWORD:
        raise InvalidInput(
            f"a password needs at least {SHORTEST_PASSWORD} characters", hint="a few words in a row do well"
        )
    return await asyncio.to_thread(hash_password, text)

"""Policies of a tenant: read with safe defaults, changed only on top of the version that was seen."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.policies import Policy
from core.contracts.principal import Principal
from core.errors import Conflict
from domain.audit.service import record
from domain.policies.repository import PolicyRepository

Kind = TypeVar("Kind", bound=Policy)


@dataclass(frozen=True, slots=True)
class Standing(Generic[Kind]):
    """A policy as it stands; version 0 is the default that nobody has changed."""

    value: Kind
    version: int


async def read(session: AsyncSession, kind: type[Kind]) -> Standing[Kind]:
    """Return a policy of the tenant, its default where none was set."""
    row = await PolicyRepository(session).find(kind.kind)
    return Standing(kind(), 0) if row is None else Standing(kind.model_validate(row.value), row.version)


async def write(session: AsyncSession, caller: Principal, policy: Policy, version: int) -> int:
    """Set a policy over the version that the caller saw, note in the audit log which fields changed, and return the new version.

    Raises:
        Conflict: somebody changed it since; `current` is the policy as it stands.
    """
    before = await read(session, type(policy))
    value = policy.model_dump(mode="json")
    written = await PolicyRepository(session).put(caller.tenant_id, policy.kind, value, version, caller.subject_id)
    if not written:
        current = await read(session, type(policy))
        raise Conflict(
            "This policy was changed by somebody else in the meantime.",
            hint="Look at it again and repeat the change if it is still wanted.",
            current={"version": current.version, **current.value.model_dump(mode="json")},
        )
    old = before.value.model_dump(mode="json")
    changed = sorted(name for name in value if value[name] != old[name])
    record(
        session,
        caller,
        "policy.changed",
        "policy",
        None,
        {"kind": policy.kind, "version": version + 1, "fields": changed},
    )
    return version + 1

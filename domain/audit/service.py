"""Writing the audit log: in the act's own transaction, so that an act without its entry cannot be (decision 11)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.principal import Principal
from core.contracts.states import Role
from domain.audit.models import AuditEntry
from domain.audit.repository import AuditRepository


def record(
    session: AsyncSession,
    actor: Principal,
    action: str,
    subject_kind: str,
    subject_id: UUID | None,
    fields: Mapping[str, object] | None = None,
) -> None:
    """Add one entry to the transaction. `action` is `noun.past` (`draft.approved`); `fields` holds ids, states and counts only."""
    _add(
        session,
        actor.tenant_id,
        "device" if actor.role is Role.DEVICE else "member",
        actor.subject_id,
        action,
        subject_kind,
        subject_id,
        fields,
    )


def record_machine(
    session: AsyncSession,
    tenant_id: UUID,
    action: str,
    subject_kind: str,
    subject_id: UUID | None,
    fields: Mapping[str, object] | None = None,
) -> None:
    """Add an entry for something that the desk did by itself: set-up, the gate of an auto mode, a sweep."""
    _add(session, tenant_id, "system", None, action, subject_kind, subject_id, fields)


def _add(
    session: AsyncSession,
    tenant_id: UUID,
    actor_kind: str,
    actor_id: UUID | None,
    action: str,
    subject_kind: str,
    subject_id: UUID | None,
    fields: Mapping[str, object] | None,
) -> None:
    AuditRepository(session).add(
        AuditEntry(
            tenant_id=tenant_id,
            at=datetime.now(UTC),
            actor_kind=actor_kind,
            actor_id=actor_id,
            action=action,
            subject_kind=subject_kind,
            subject_id=subject_id,
            fields=dict(fields or {}),
        )
    )

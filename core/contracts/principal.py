"""Who acts: made from a verified token, never from a request's body (law 11)."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from core.contracts.ids import TenantId
from core.contracts.states import Role


class Scope(StrEnum):
    """What a principal may do; endpoints name the one they need."""

    CHATS_READ = "chats:read"
    CHATS_WRITE = "chats:write"
    DRAFTS_DECIDE = "drafts:decide"
    KNOWLEDGE_READ = "knowledge:read"
    KNOWLEDGE_WRITE = "knowledge:write"
    CHANNELS_READ = "channels:read"
    CHANNELS_WRITE = "channels:write"
    CHANNELS_RUN = "channels:run"
    MEMBERS_READ = "members:read"
    USAGE_READ = "usage:read"
    USAGE_WRITE = "usage:write"
    ORDERS_READ = "orders:read"
    CALENDAR_READ = "calendar:read"
    BRIDGE = "bridge"


_STAFF = {
    Scope.CHATS_READ,
    Scope.CHATS_WRITE,
    Scope.DRAFTS_DECIDE,
    Scope.KNOWLEDGE_READ,
    Scope.CHANNELS_READ,
    Scope.MEMBERS_READ,
    Scope.ORDERS_READ,
    Scope.CALENDAR_READ,
}
_ADMIN = _STAFF | {Scope.KNOWLEDGE_WRITE, Scope.USAGE_READ, Scope.CHANNELS_RUN}

ROLE_SCOPES: dict[Role, frozenset[Scope]] = {
    Role.STAFF: frozenset(_STAFF),
    Role.ADMIN: frozenset(_ADMIN),
    Role.OWNER: frozenset(_ADMIN | {Scope.CHANNELS_WRITE, Scope.USAGE_WRITE}),
    Role.DEVICE: frozenset({Scope.BRIDGE}),
}


@dataclass(frozen=True, slots=True)
class Principal:
    """A verified caller: a member (`subject_id` = user) or a device (`subject_id` = device, with its channel)."""

    tenant_id: TenantId
    subject_id: UUID
    role: Role
    session_version: int = 0
    channel_id: UUID | None = None

    @property
    def scopes(self) -> frozenset[Scope]:
        """Scopes of the role."""
        return ROLE_SCOPES[self.role]

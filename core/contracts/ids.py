"""Identifiers: time-ordered UUIDs that any side may make before it speaks to another (design decision 8)."""

from typing import NewType
from uuid import UUID

from uuid_utils.compat import uuid7

TenantId = NewType("TenantId", UUID)


def new_id() -> UUID:
    """Return a fresh UUIDv7 (RFC 9562): sorts by the time it was made, safe to choose on any machine."""
    return uuid7()

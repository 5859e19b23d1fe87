"""`directory`: finds the tenant of a login, a device or a webhook before a tenant is known. No content (decision 3)."""

from uuid import UUID

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base


class DirectoryEntry(Base):
    """A keyed hash of an address or token, and whose it is. Without row-level security, so it holds nothing readable."""

    __tablename__ = "directory"

    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    key_hash: Mapped[str] = mapped_column(Text, primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    subject_id: Mapped[UUID]

"""Runs migrations on the connection that the caller passes in `config.attributes["connection"]`."""

import re

from alembic import context

from domain.tables import METADATA

_PARTITION = re.compile(r"_p\d\d$")


def _ours(_object: object, name: str | None, type_: str, _reflected: bool, _compare_to: object) -> bool:
    """Partitions are made by SQL in the migrations and are not models."""
    return not (type_ == "table" and name is not None and _PARTITION.search(name))


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    compare_type=True,
    include_object=_ours,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()

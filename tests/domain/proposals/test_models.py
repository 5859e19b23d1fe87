"""A worker knows every table that its own tables refer to: it imports what its tasks need, and no list of all tables."""

import subprocess
import sys

KNOWS = "from core.jobs.registry import load_registry; from core.db.base import Base; load_registry(); Base.metadata.sorted_tables"


def test_the_keys_of_a_workers_tables_lead_to_tables_that_it_imports() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error::sqlalchemy.exc.SAWarning", "-c", KNOWS],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-600:]

"""Every module with tables can be used by itself: a worker imports some nouns and not others."""

import subprocess
import sys
from pathlib import Path

import pytest

MODELS = sorted(".".join(path.with_suffix("").parts) for path in Path("domain").glob("*/models.py"))


@pytest.mark.parametrize(
    "module", [name for name in MODELS if name in {"domain.proposals.models", "domain.history.models"}]
)
def test_the_keys_of_its_tables_lead_to_tables_that_it_imports(module: str) -> None:
    code = f"import {module}, domain.accounts.models; from core.db.base import Base; Base.metadata.sorted_tables"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-600:]

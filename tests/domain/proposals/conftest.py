"""Desks that learn."""

from pathlib import Path

import pytest

from core.storage.blobs import LocalBlobs
from tests.domain.desk import Desk
from tests.domain.proposals.school import School


@pytest.fixture
def school(desk: Desk, tmp_path: Path) -> School:
    return School(desk, LocalBlobs(tmp_path))

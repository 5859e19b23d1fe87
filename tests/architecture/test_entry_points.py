"""What pyproject.toml announces to the command line and to the workers is installed and can be used."""

from importlib.metadata import EntryPoint, distribution

import pytest

from tests.architecture.tree import project

POINTS = sorted(distribution("waxos").entry_points, key=str)


@pytest.mark.parametrize("point", POINTS, ids=lambda point: f"{point.group}:{point.name}")
def test_entry_points_load(point: EntryPoint) -> None:
    """What is announced is there and can be called."""
    assert callable(point.load())


def test_the_installed_entry_points_are_the_announced_ones() -> None:
    """An entry point that was added and not installed would be missed in silence: run `make setup`."""
    announced = {("console_scripts", name) for name in project()["project"]["scripts"]}
    announced |= {(group, name) for group, names in project()["project"]["entry-points"].items() for name in names}
    installed = {(point.group, point.name) for point in distribution("waxos").entry_points}
    assert installed == announced, "run: make setup"

"""Failpoints: planned ones, and those that take their orders while the bridge runs."""

from pathlib import Path

from desktop_bridge.failpoints import no_failpoint, planned


def test_a_plan_acts_at_its_points_only() -> None:
    done: list[str] = []
    hit = planned("send.armed=kill,send.typed=20", done.append)
    for point in ("send.leased", "send.typed", "send.armed"):
        hit(point)
    assert done == ["20", "kill"]
    assert planned("") is no_failpoint


def test_an_order_is_carried_out_once_at_its_point_and_every_point_is_traced(tmp_path: Path) -> None:
    done: list[str] = []
    hit = planned(f"@{tmp_path}", done.append)
    hit("send.leased")
    (tmp_path / "order").write_text("send.armed=kill:1234")
    for point in ("send.typed", "send.armed", "send.armed"):
        hit(point)
    assert done == ["kill:1234"]
    assert (tmp_path / "taken").exists()
    points = [line.split()[2] for line in (tmp_path / "trace").read_text().splitlines()]
    assert points == ["send.leased", "send.typed", "send.armed", "send.armed"]

"""How long typing takes by design; `waxos bench send` measures what it takes on a machine."""

import pytest

from desktop_bridge.sends.pacing import typing_pace


@pytest.mark.parametrize(("characters", "least", "most"), [(1, 0.5, 0.6), (200, 2.0, 3.0), (4096, 4.0, 4.6)])
def test_typing_is_readable_and_bounded(characters: int, least: float, most: float) -> None:
    pause, char_ms = typing_pace("x" * characters, on=True)
    assert least <= pause + characters * char_ms / 1000 <= most


def test_without_pacing_nothing_waits() -> None:
    assert typing_pace("x" * 200, on=False) == (0.0, 0.0)

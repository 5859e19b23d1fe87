"""The graph as drawn: nothing is out of reach, nothing waits for a person, and the README shows it as it is."""

import inspect
from pathlib import Path

import pytest

from graph import nodes
from graph.build import build_graph, graph_version

README = Path(__file__).parents[2] / "graph" / "README.md"


def edges() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for edge in build_graph().compile().get_graph().edges:
        found.setdefault(edge.source, set()).add(edge.target)
    return found


def reach(start: str, steps: dict[str, set[str]]) -> set[str]:
    seen, ahead = {start}, [start]
    while ahead:
        fresh = steps.get(ahead.pop(), set()) - seen
        seen |= fresh
        ahead += fresh
    return seen


def test_every_node_is_reached_and_comes_to_the_end() -> None:
    steps = edges()
    names = set(build_graph().compile().get_graph().nodes)
    assert reach("__start__", steps) == names
    assert all("__end__" in reach(name, steps) for name in names)
    assert {source for source, targets in steps.items() if "__end__" in targets} == {"store"}


def test_the_one_way_back_is_the_repair() -> None:
    order = ["triage", "retrieve", "draft", "humanize", "check", "store"]
    back = [
        (a, b)
        for a, targets in edges().items()
        for b in targets
        if a in order and b in order and order.index(b) <= order.index(a)
    ]
    assert back == [("check", "draft")]


def test_nothing_waits_for_a_person() -> None:
    assert "interrupt" not in inspect.getsource(nodes)
    compiled = build_graph().compile()
    assert not compiled.interrupt_before_nodes
    assert not compiled.interrupt_after_nodes


def test_version_changes_with_the_topology() -> None:
    other = build_graph()
    other.add_edge("humanize", "store")
    assert (
        graph_version(other.compile())
        != graph_version(build_graph().compile())
        == graph_version(build_graph().compile())
    )


@pytest.mark.parametrize("name", ["triage", "retrieve", "draft", "humanize", "check", "store"])
def test_readme_draws_every_edge(name: str) -> None:
    drawing = README.read_text()
    for target in edges()[name]:
        to = {"__end__": "done"}.get(target, target)
        assert any(
            f"{name} {arrow} " in line and to in line for line in drawing.splitlines() for arrow in ("-->", "-.->")
        ), (name, to)

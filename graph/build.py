"""The topology, whole. The graph ends when the draft is stored: decisions are rows, sends are outside (decision 1)."""

import hashlib
import json

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from graph import nodes, routing
from graph.context import RunContext
from graph.state import State

GRAPH_VERSION = "1"
"""Raise it when a key of the state changes its meaning; a changed topology or state is noticed by itself."""

Draft = CompiledStateGraph[State, RunContext, State, State]


def build_graph() -> StateGraph[State, RunContext, State, State]:
    """Return the graph of one run, not yet compiled."""
    graph = StateGraph(State, context_schema=RunContext)

    graph.add_node("triage", nodes.timed("triage", nodes.triage))
    graph.add_node("retrieve", nodes.timed("retrieve", nodes.retrieve))
    graph.add_node("draft", nodes.timed("draft", nodes.draft))
    graph.add_node("humanize", nodes.timed("humanize", nodes.humanize))
    graph.add_node("check", nodes.timed("check", nodes.check))
    graph.add_node("store", nodes.store)

    graph.add_edge(START, "triage")
    graph.add_conditional_edges("triage", routing.after_triage)
    graph.add_conditional_edges("retrieve", routing.after_retrieve)
    graph.add_conditional_edges("draft", routing.after_draft)
    graph.add_edge("humanize", "check")
    graph.add_conditional_edges("check", routing.after_check)
    graph.add_edge("store", END)
    return graph


def graph_version(graph: Draft) -> str:
    """Return the version that checkpoints are marked with: a run begun by another graph starts again instead of resuming to nothing."""
    drawn = graph.get_graph()
    shape = {
        "nodes": sorted(drawn.nodes),
        "edges": sorted((edge.source, edge.target) for edge in drawn.edges),
        "state": sorted(State.__annotations__),
    }
    return f"{GRAPH_VERSION}-{hashlib.sha256(json.dumps(shape).encode()).hexdigest()[:12]}"

"""Which variables of an iteration are parameters."""

from __future__ import annotations

from nndiag.program.execution.snapshot import Leaf
from nndiag.program.graph.adjoints import ancestors, descendants
from nndiag.program.graph.nodes import Graph
from nndiag.program.roles.losses import residuals_in
from nndiag.program.roles.recording import Iteration


def parameter_leaves(iteration: Iteration, literal: frozenset[int]) -> list[Leaf]:
    """The variables that are parameters.

    Args:
        iteration: One iteration.
        literal: Serials of differences with a literal number.
    """
    graph = iteration.graph
    assigned = assigned_leaves(iteration)
    used = {item for node in graph for item in node.inputs}
    ends = {
        end
        for leaf in assigned
        if any(head in used for head in iteration.heads[leaf])  # a cache's old value is not
        for end in iteration.ends[leaf]
        if end is not None
    }
    heads = {head for leaf in assigned for head in iteration.heads[leaf]}
    acted = descendants(graph, heads)
    outputs = {item.node for item in residuals_in(graph, acted, literal)} - ends
    outputs |= _looked_at(graph, acted, ends)
    outputs = {index for index in outputs if index >= iteration.start}
    before: set[int] = set(outputs)  # what some output is made from, on ways that pass no end
    for index in range(len(graph) - 1, -1, -1):
        if index in before:
            before.update(item for item in graph[index].inputs if item not in ends)
    return [leaf for leaf in assigned if any(head in before for head in iteration.heads[leaf])]


def assigned_leaves(iteration: Iteration) -> list[Leaf]:
    """The variables that hold another node at the end than at the head."""
    found = []
    for leaf, heads in iteration.heads.items():
        ends = iteration.ends.get(leaf, ())
        if heads and iteration.graph[heads[0]].is_real and ends:
            changed = any(end != head for head, end in zip(heads, ends)) or len(heads) != len(ends)
            if changed:
                found.append(leaf)
    return found


def _looked_at(graph: Graph, acted: set[int], ends: set[int]) -> set[int]:
    """The single numbers that lead to no assignment, or are shown."""
    leading: set[int] = set()
    for end in ends:
        if end not in leading:
            leading |= ancestors(graph, end)
    return {
        node.index
        for node in graph
        if node.index in acted
        and node.function is not None
        and node.size == 1
        and node.is_real
        and (node.index not in leading or node.index in graph.shown)
        and node.index not in ends
    }

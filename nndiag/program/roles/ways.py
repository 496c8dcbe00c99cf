"""What an iteration does between one of its values and a parameter's next value."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from nndiag.program.graph.adjoints import ancestors, descendants
from nndiag.program.graph.nodes import Graph, Node, Ref
from nndiag.program.roles.reading import Reading

DIVISIONS = frozenset({"truediv", "divide", "true_divide"})
"""Names of the operations that divide."""


def ways_between(graph: Graph, start: int | None, end: int | None) -> list[Node]:
    """The operations between two values, in order; none where one of them is missing."""
    if start is None or end is None:
        return []
    between = descendants(graph, [start]) & ancestors(graph, end)
    return [graph[index] for index in sorted(between) if index != start]


def takes_root(graph: Graph, ways: Iterable[Node]) -> bool:
    """Whether a square root is taken on the way."""
    return any(node.operation == "sqrt" or _is_half_power(graph, node) for node in ways)


def dividing(graph: Graph, start: int | None, ways: Iterable[Node]) -> Node | None:
    """The first operation on the way that divides by what is made of a value; None without one."""
    made = set() if start is None else descendants(graph, [start])
    for node in ways:
        if node.operation in DIVISIONS and len(node.arguments) > 1:
            under = node.arguments[1]
            if isinstance(under, Ref) and under.node in made:
                return node
    return None


def _is_half_power(graph: Graph, node: Node) -> bool:
    if node.operation not in ("pow", "power", "float_power") or len(node.arguments) < 2:
        return False
    power = node.arguments[1]
    value = graph[power.node].value if isinstance(power, Ref) else power
    return np.ndim(value) == 0 and abs(abs(float(value)) - 0.5) < 1e-12


def update_node_id(reading: Reading, name: str) -> int:
    """The expression or statement that gives a parameter its next value; −1 where there is none."""
    parameter = next((item for item in reading.parameters if item.name == name), None)
    leaves = () if parameter is None else parameter.tensor.leaves
    every = [end for leaf in leaves for end in reading.iteration.ends.get(leaf, ())]
    if parameter is not None and (parameter.is_held or parameter.entries is not None):
        every = list(parameter.ends)
    ends = [end for end in every if end is not None]
    node = reading.graph[ends[0]] if ends else None
    while node is not None and node.node_id < 0 and node.inputs:
        node = reading.graph[node.inputs[-1]]
    return -1 if node is None else node.node_id

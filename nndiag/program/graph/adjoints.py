"""The derivative of one value of an iteration by all others: reverse mode through its graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from nndiag.program.graph.derivatives import SHAPED, pulled_back
from nndiag.program.graph.nodes import Graph


@dataclass(eq=False)
class Adjoints:
    """The derivatives of a loss.

    Attributes:
        values: Node → derivative of the loss by it, of the node's shape.
        unknown: Nodes of which some operation could not be differentiated.
    """

    values: dict[int, np.ndarray]
    unknown: set[int] = field(default_factory=set)

    def __getitem__(self, node: int) -> np.ndarray:
        return self.values[node]

    def __contains__(self, node: int) -> bool:
        return node in self.values and node not in self.unknown

    def get(self, node: int) -> np.ndarray | None:
        """The derivative by a node; None where the loss does not depend on it."""
        return self.values[node] if node in self else None


def descendants(graph: Graph, sources: Iterable[int], *, real: bool = True) -> set[int]:
    """The nodes that are made from some others, themselves included.

    What takes the shape of another value alone, as `zeros_like` does, is not made from it.

    Args:
        graph: The iteration.
        sources: Where to start.
        real: Whether to go through real numbers only, not through comparisons and counts.
    """
    found = set(sources)
    for node in graph:
        made = node.index in found or (
            node.operation not in SHAPED and any(index in found for index in node.inputs)
        )
        if made and (node.is_real or not real):
            found.add(node.index)
    return found


def ancestors(graph: Graph, node: int) -> set[int]:
    """The nodes that one was made from, itself included."""
    found = {node}
    for index in range(node, -1, -1):
        if index in found:
            found.update(graph[index].inputs)
    return found


def adjoints_from(graph: Graph, seeds: Mapping[int, np.ndarray], *, within: set[int]) -> Adjoints:
    """Derivatives of a loss by all that it was made from.

    Args:
        graph: The iteration.
        seeds: Node → derivative of the loss by it, where the loss is no node itself; a loss that is
            one has the derivative 1 by itself.
        within: Nodes that are of interest: those that the parameters act on, and the parameters.
    """
    found = Adjoints(dict(seeds))
    for index in range(max(seeds), -1, -1):
        if index not in found.values or not graph[index].inputs:
            continue
        node = graph[index]
        parts = pulled_back(graph, node, found.values[index])
        if parts is None or index in found.unknown:
            found.unknown.update(item for item in node.inputs if item in within)
            parts = parts or {item: np.zeros(graph[item].shape) for item in node.inputs}
        for item, part in parts.items():
            if item in within:
                before = found.values.get(item)
                found.values[item] = part if before is None else before + part
    return found

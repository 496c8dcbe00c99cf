"""Where the numbers of parameters go in an iteration before anything is computed from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nndiag.program.graph.derivatives import CASTS, MOVES
from nndiag.program.graph.nodes import Graph, Node, Ref, evaluated

Array = Any

PRODUCTS = frozenset(
    {"matmul", "dot", "inner", "vdot", "outer", "einsum", "tensordot", "mul", "multiply"}
)
"""Names of the operations that are products of their two arguments, some with a sum."""


@dataclass(frozen=True, eq=False)
class Use:
    """An operation that takes numbers of a parameter.

    Attributes:
        node: The operation.
        place: Which of its arguments holds them; −1 where that is none of the first level.
        operand: The node of that argument.
        tensor: Name of the parameter.
        labels: Which of its numbers they are, counted from 0, of the operand's shape; −1 for
            others.
    """

    node: int
    place: int
    operand: int
    tensor: str
    labels: Array


def uses_of(graph: Graph, heads: Mapping[str, tuple[int, ...]], within: set[int]) -> list[Use]:
    """The operations that take numbers of parameters, in order, through all that only moves them.

    Args:
        graph: The iteration.
        heads: Parameter → its nodes at the head.
        within: The nodes that are looked at.
    """
    held: dict[int, tuple[str, Array]] = {}
    for name, nodes in heads.items():
        start = 0
        for index in nodes:
            size = graph[index].size
            labels = np.arange(start, start + size, dtype=float).reshape(graph[index].shape)
            held[index] = name, labels
            start += size
    found: list[Use] = []
    for node in graph:
        known = [index for index in node.inputs if index in held]
        if not known or node.index not in within:
            continue
        moved = _moved(graph, node, held) if len(known) == 1 else None
        if moved is not None:
            held[node.index] = held[known[0]][0], moved
            continue
        for index in known:
            own = [isinstance(x, Ref) and x.node == index for x in node.arguments]
            places = [place for place, is_own in enumerate(own) if is_own]
            name, labels = held[index]
            place = places[0] if places else -1
            found.append(Use(node.index, place, index, name, labels.astype(int)))
    return found


def _moved(graph: Graph, node: Node, held: Mapping[int, tuple[str, Array]]) -> Array | None:
    """The labels behind an operation that only moves entries; None behind any other."""
    if node.operation not in MOVES | CASTS or node.operation == "with_item":
        return None

    def value(index: int) -> Any:
        if index in held:
            return held[index][1]
        other = graph[index]
        return np.full(other.shape, -1.0) if other.is_real else other.value

    try:
        labels = np.asarray(evaluated(node, value), dtype=float)
    except Exception:  # labels may be of no use to a function
        return None
    return labels if labels.shape == node.shape else None

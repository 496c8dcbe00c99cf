"""Values of a layer for all examples and units, wherever an iteration computes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nndiag.program.graph.nodes import Graph

Array = Any
Value = Callable[[int], Any]
"""Gives the value of a node."""

_SAME = 1e-7
_ORDERS = ("rows", "columns", "units")


@dataclass(frozen=True, eq=False)
class Table:
    """The nodes that hold the values of a layer, together.

    Attributes:
        nodes: In order: one for all examples, one for each of them, or one for each number.
        order: "rows" where examples come one behind the other, "columns" where each node has them
            as columns, "units" where the units come one behind the other.
        shape: Number of examples and of units.
    """

    nodes: tuple[int, ...]
    order: str
    shape: tuple[int, int]

    def read(self, value: Value) -> Array | None:
        """The numbers, shape (examples, units); None where they have other shapes."""
        parts = [np.asarray(value(node), dtype=float) for node in self.nodes]
        if self.order == "columns":
            if any(part.ndim != 2 for part in parts):
                return None
            parts = [part.T for part in parts]
        whole = np.concatenate([part.ravel() for part in parts])
        if whole.size != self.shape[0] * self.shape[1]:
            return None
        return (
            whole.reshape(self.shape[::-1]).T
            if self.order == "units"
            else whole.reshape(self.shape)
        )

    def written(self, graph: Graph, numbers: Array) -> dict[int, Array]:
        """What the nodes hold where the numbers are others.

        Args:
            graph: The iteration.
            numbers: Shape (examples, units).
        """
        flat = np.ravel(numbers.T if self.order == "units" else numbers)
        found, start = {}, 0
        for node in self.nodes:
            shape, size = graph[node].shape, graph[node].size
            part = flat[start : start + size]
            part = part.reshape(shape[::-1]).T if self.order == "columns" else part.reshape(shape)
            found[node] = part if shape else float(part)
            start += size
        return found


def table_of(graph: Graph, nodes: Iterable[int], wanted: Array) -> Table | None:
    """The first nodes that hold some numbers, of one expression; None where none do.

    Args:
        graph: The iteration.
        nodes: Those that are looked at.
        wanted: The numbers, shape (examples, units).
    """
    for family in families(graph, nodes, wanted.size):
        for table in tables(family, wanted.shape):
            found = table.read(lambda index: graph[index].value)
            if found is not None and is_same(found, wanted):
                return table
    return None


def families(graph: Graph, nodes: Iterable[int], size: int) -> list[tuple[int, ...]]:
    """The nodes of one expression each that hold so many numbers together.

    Of a sum that grows number by number only its last values count.
    """
    found: dict[tuple[int, int | None], list[int]] = {}
    for index in nodes:
        node = graph[index]
        if node.is_real and 0 < node.size <= size:
            key = (node.node_id if node.node_id >= 0 else -1 - index, node.part)
            found.setdefault(key, []).append(index)
    every = []
    for family in found.values():
        total = sum(graph[index].size for index in family)
        times, rest = divmod(total, size)
        if rest or (times > 1 and (len(family) % times or graph[family[0]].size > 1)):
            continue
        every.append(tuple(family[times - 1 :: times]))
    return sorted(every)


def tables(family: Sequence[int], shape: tuple[int, int]) -> list[Table]:
    """The ways to read some nodes as a table."""
    return [Table(tuple(family), order, shape) for order in _ORDERS]


def is_same(one: Array, other: Array) -> bool:
    """Whether two arrays are the same but for rounding."""
    with np.errstate(all="ignore"):
        size = np.max(np.abs(other), initial=0.0)
        return bool(np.max(np.abs(one - other), initial=0.0) <= _SAME * size + 1e-300)


def region(
    graph: Graph, starts: Iterable[int], *, within: set[int], stops: Mapping[int, Any] | set[int]
) -> list[int]:
    """The nodes that are made from some others, in order, up to those at which a walk stops.

    Args:
        graph: The iteration.
        starts: Where to begin; part of what is given.
        within: The nodes that are looked at.
        stops: The nodes that are not entered.
    """
    found = set(starts)
    for node in graph:
        entered = node.index in within and node.index not in stops and node.is_real
        if entered and any(index in found for index in node.inputs):
            found.add(node.index)
    return sorted(found)

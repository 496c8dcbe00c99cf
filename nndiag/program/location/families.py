"""What the values of a backward pass may be due to be: derivatives of the loss, family by family.

All values that one expression of the forward pass came to in an iteration, for each layer, step of
time, example or unit, have derivatives of one kind: a family. So have the contributions that the
results of one expression make to the derivative by one of its operands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nndiag.program.graph.derivatives import pulled_back
from nndiag.program.graph.nodes import Graph

_SAME = 1e-7


@dataclass(frozen=True, eq=False)
class Family:
    """Derivatives of one kind.

    Attributes:
        key: Serial of the expression, part of its result, and the operand that it contributes to
            (−1 for the derivative by its result itself); for a variable its number.
        targets: The nodes by which it is the derivative, in the order of the iteration.
        nodes: The values of the expression that they are the derivatives by, or contribute to.
        values: The derivatives.
    """

    key: tuple[int, int, int]
    targets: tuple[int, ...]
    nodes: tuple[int, ...]
    values: tuple[np.ndarray, ...]

    @property
    def tells(self) -> bool:
        """Whether some derivative is more than one number, repeated: a constant fits anywhere."""
        return any(value.size == 1 or np.ptp(value) > 0 for value in self.values)


def families_of(
    graph: Graph, adjoints: Mapping[int, np.ndarray], heads: Sequence[int]
) -> dict[tuple[int, int, int], Family]:
    """The families of an iteration by their keys.

    Args:
        graph: The iteration.
        adjoints: Node → derivative of the loss by it.
        heads: The nodes of parameters.
    """
    members: dict[tuple[int, int, int], list[tuple[int, int, np.ndarray]]] = {}
    users: dict[int, int] = {}
    counts = Counter(graph[index].node_id for index in adjoints)
    for index in adjoints:
        for item in graph[index].inputs:
            users[item] = users.get(item, 0) + 1
    for index in sorted(adjoints):
        node, value = graph[index], np.asarray(adjoints[index], float)
        if node.function is None:
            if index in heads:
                members.setdefault((-1, heads.index(index), -1), []).append((index, index, value))
            continue
        members.setdefault((node.node_id, node.part or 0, -1), []).append((index, index, value))
        parted = {
            item
            for item in node.inputs
            if users.get(item, 0) > 1  # that the loss is made of it in several ways
            or item in heads
            or counts[graph[item].node_id] != counts[node.node_id]  # the last of several sums
        }
        if parted & set(adjoints):
            parts = pulled_back(graph, node, value) or {}
            for slot, item in enumerate(node.inputs):
                if item in parts and item in adjoints and item in parted:
                    key = (node.node_id, node.part or 0, slot)
                    members.setdefault(key, []).append(
                        (item, index, np.asarray(parts[item], float))
                    )
    return {
        key: Family(key, *(tuple(column) for column in zip(*found)))
        for key, found in members.items()
        if any(np.any(value) for _, _, value in found)
    }


class Explained:
    """Tells of a value whether it is a derivative, times a factor, whatever its layout."""

    def __init__(self, families: Mapping[tuple[int, int, int], Family]) -> None:
        rows: dict[int, list[tuple[np.ndarray, int, float]]] = {}
        for family in families.values():
            for target, value in zip(family.targets, family.values):
                size = float(np.linalg.norm(value))
                if np.isfinite(size) and size > 0:
                    row = np.sort(value.ravel()) / size
                    rows.setdefault(value.size, []).append((row, target, size))
        self._tables = {
            count: (np.stack([row for row, _, _ in found]), found) for count, found in rows.items()
        }

    def factors(self, value: np.ndarray, *, singles: bool = False) -> list[tuple[int, float]]:
        """The targets whose derivative a value is, with its factor.

        Args:
            value: Numbers.
            singles: Whether a single number is told by its size, too: it is a multiple of any.
        """
        size = float(np.linalg.norm(value))
        if value.size == 1 and not singles:
            return []
        if value.size not in self._tables or not np.isfinite(size) or size == 0:
            return []
        table, found = self._tables[value.size]
        if value.size == 1:
            ratios = value.ravel()[0] / (np.array([known for _, _, known in found]) * table[:, 0])
            same = np.flatnonzero(np.abs(np.abs(ratios) - 1) <= _SAME)
            return [(found[place][1], float(np.sign(ratios[place]))) for place in same]
        row = np.sort(np.ravel(value)) / size
        told: list[tuple[int, float]] = []
        for sign, own in ((1.0, row), (-1.0, -row[::-1])):
            for place in np.flatnonzero(np.max(np.abs(table - own), axis=1) < _SAME):
                told.append((found[place][1], sign * size / found[place][2]))
        return told

"""A parameter multiplied with inputs, whatever operation an iteration does it with.

One product of arrays, one for each example, one for each unit, or one for each number: all are read
as (examples, inputs) @ (inputs, units). Whether a reading holds is told by what comes of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nndiag.program.graph.nodes import Graph, Ref, filled, refs_in
from nndiag.program.network.tables import Value
from nndiag.program.network.uses import Use

Array = Any

_MOST_PAIRS = 200_000


@dataclass(frozen=True, eq=False)
class Product:
    """One way to read the products of a parameter.

    Attributes:
        tensor: Name of the parameter.
        nodes: The products.
        places: Which of the parameter's numbers stands where, shape (inputs, units).
        operands: What is multiplied, as arguments of the products.
        layout: How an operand is read: "rows", "columns", "row", "column", or "pairs".
        picked: For pairs: per example and input the operand, and its number that is meant.
    """

    tensor: str
    nodes: tuple[int, ...]
    places: Array
    operands: tuple[Any, ...]
    layout: str
    picked: Array | None = None

    def inputs(self, value: Value) -> Array:
        """What is multiplied, shape (examples, inputs), by the values of nodes."""
        arrays = [np.asarray(filled(item, value), dtype=float) for item in self.operands]
        if self.picked is not None:
            flat = [array.ravel() for array in arrays]
            return np.array([[flat[i][j] for i, j in row] for row in self.picked])
        return np.concatenate([self.laid_out(array) for array in arrays])

    def laid_out(self, operand: Array) -> Array:
        """What one operand holds, shape (examples, inputs)."""
        return _LAYOUTS[self.layout](np.asarray(operand, dtype=float))

    @property
    def sources(self) -> list[int]:
        """The nodes that are multiplied with the parameter."""
        return list(dict.fromkeys(refs_in(list(self.operands))))


_LAYOUTS = {
    "rows": lambda array: array,
    "columns": lambda array: array.T,
    "row": lambda array: array.reshape(1, -1),
    "column": lambda array: array.reshape(-1, 1),
}


def products_of(graph: Graph, uses: Sequence[Use], size: int) -> Iterator[Product]:
    """The ways to read the products of one parameter, the likeliest first.

    Args:
        graph: The iteration.
        uses: Its products.
        size: How many numbers it has.
    """
    whole: dict[int, list[Use]] = {}
    partial = []
    for use in uses:
        if use.place < 0:
            continue
        if np.array_equal(np.sort(use.labels, axis=None), np.arange(size)):
            whole.setdefault(graph[use.node].node_id, []).append(use)
        else:
            partial.append(use)
    for family in whole.values():
        yield from _of_arrays(graph, family)
    if size > 1 and not whole:
        yield from _of_pairs(graph, partial, size)


def _of_arrays(graph: Graph, family: Sequence[Use]) -> Iterator[Product]:
    first = family[0]
    operands = [_other(graph, use) for use in family]
    if any(item is None for item in operands):
        return
    shapes = {np.ndim(filled(item, lambda i: graph[i].value)) for item in operands}
    if len(shapes) > 1:
        return
    nodes = tuple(use.node for use in family)
    for layout, places in _readings(shapes.pop(), first.labels, right=first.place > 0):
        yield Product(first.tensor, nodes, places, tuple(operands), layout)


def _identity(operand: Any) -> Any:
    """What tells an operand from others: the node, or the number where it stands in the text."""
    return ("node", operand.node) if isinstance(operand, Ref) else operand


def _other(graph: Graph, use: Use) -> Any:
    """The other argument of a product; None where there is not exactly one."""
    arguments = list(enumerate(graph[use.node].arguments))
    rest = [x for place, x in arguments if place != use.place and not isinstance(x, str)]
    return rest[0] if len(rest) == 1 else None


def _readings(axes: int, labels: Array, *, right: bool) -> Iterator[tuple[str, Array]]:
    """The layouts of an operand with the matrix that the parameter is then."""
    sides = ("rows", "columns") if right else ("columns", "rows")
    flats = ("row", "column")
    if labels.ndim == 2:
        for side in sides if axes == 2 else ():
            yield side, labels if side == "rows" else labels.T
        for flat in flats if axes < 2 else ():
            yield flat, labels if right else labels.T
            yield flat, labels.T if right else labels
    elif labels.ndim < 2:
        for matrix in (labels.reshape(-1, 1), labels.reshape(1, -1)):
            for layout in sides if axes == 2 else flats:
                yield layout, matrix


def _of_pairs(graph: Graph, uses: Sequence[Use], size: int) -> Iterator[Product]:
    """Products number by number, or row by row."""
    operands: list[Any] = []
    pairs: list[list[tuple[int, int]]] = [[] for _ in range(size)]
    count = 0
    for use in uses:
        other = _other(graph, use)
        length = np.size(filled(other, lambda i: graph[i].value))
        labels = np.ravel(use.labels)
        count += labels.size
        if other is None or count > _MOST_PAIRS or length not in (1, labels.size):
            return
        for position, label in enumerate(labels):
            if label >= 0:
                pairs[label].append((len(operands), position if length > 1 else 0))
        operands.append(other)
    if len({len(items) for items in pairs}) != 1 or not pairs[0]:
        return
    table = np.array(pairs).transpose(1, 0, 2)  # (examples, numbers, 2)
    known: dict[Any, int] = {}
    values = np.array(
        [[known.setdefault((_identity(operands[i]), j), len(known)) for i, j in x] for x in table]
    )
    nodes = tuple(use.node for use in uses)
    for units in (n for n in range(size, 0, -1) if size % n == 0):
        for by_unit in (True, False):
            shape = (units, size // units) if by_unit else (size // units, units)
            axis = 1 if by_unit else 2
            parted = values.reshape(len(values), *shape)
            if np.array_equal(parted, np.broadcast_to(parted.take([0], axis=axis), parted.shape)):
                places = np.arange(size).reshape(shape)
                picked = table.reshape(len(table), *shape, 2).take(0, axis=axis)
                yield Product(
                    uses[0].tensor,
                    nodes,
                    places.T if by_unit else places,
                    tuple(operands),
                    "pairs",
                    picked,
                )

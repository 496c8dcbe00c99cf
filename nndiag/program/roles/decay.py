"""The decay of a parameter: a multiple of itself that its step has beside the gradient.

A vector that holds several parameters, each cut out of it, may decay in each part by another share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nndiag.program.graph.nodes import Graph, evaluated
from nndiag.program.graph.operations import VIEWS
from nndiag.program.roles.parameters import Parameter

_SAME = 1e-5
_LEAST = 1e-6  # of the other: a smaller share of decay or gradient is rounding


@dataclass(frozen=True, eq=False)
class Fit:
    """`factor · (gradient + shares · parameter)`, part by part.

    Attributes:
        factor: Of the gradient.
        shares: For each part, the multiple of the parameter.
    """

    factor: float
    shares: tuple[float, ...]


def decayed(
    value: np.ndarray, gradient: np.ndarray, start: np.ndarray, parts: Sequence[np.ndarray]
) -> Fit | None:
    """A value as a gradient and a decay; None where it is something else, or too short to tell.

    Args:
        value: Flat, such as a step.
        gradient: As many numbers.
        start: The parameter.
        parts: Which of its numbers belong together.
    """
    columns = [gradient, *(_only(start, part) for part in parts)]
    if value.size <= len(columns) or value.size != gradient.size:
        return None
    sizes = [float(np.linalg.norm(column)) for column in columns]
    whole = float(np.linalg.norm(value))
    if not np.isfinite([*sizes, whole]).all() or sizes[0] == 0 or whole == 0:
        return None
    table = np.stack([column / (size or 1.0) for column, size in zip(columns, sizes)], axis=1)
    weights, *_ = np.linalg.lstsq(table, value, rcond=None)
    gap = float(np.linalg.norm(value - table @ weights))
    if gap > _SAME * whole or abs(weights[0]) <= _LEAST * float(np.abs(weights).max()):
        return None
    factor = float(weights[0]) / sizes[0]
    shares = [
        float(weight) / size / factor if size and abs(weight) > _LEAST * abs(weights[0]) else 0.0
        for weight, size in zip(weights[1:], sizes[1:])
    ]
    return Fit(factor, tuple(shares))


def _only(values: np.ndarray, part: np.ndarray) -> np.ndarray:
    found = np.zeros(values.size)
    found[part] = values[part]
    return found


def parts_of(graph: Graph, parameter: Parameter) -> tuple[np.ndarray, ...]:
    """Which entries of a parameter belong together: those that one cut takes out of a vector.

    Args:
        graph: That of the iteration.
        parameter: The parameter.
    """
    size = parameter.tensor.size
    whole = (np.arange(size),)
    if len(parameter.heads) != 1 or graph[parameter.heads[0]].size != size:
        return whole
    head = graph[parameter.heads[0]]
    places = np.arange(size, dtype=float).reshape(head.shape)
    found: dict[tuple[int, ...], np.ndarray] = {}
    for node in graph:
        if head.index in node.inputs and node.operation in VIEWS and 1 < node.size < size:
            taken = evaluated(node, lambda index: places if index == head.index else None)
            cut = np.ravel(np.asarray(taken)).astype(int)
            found[tuple(cut[:2])] = cut
    taken_once = sum(len(cut) for cut in found.values())
    every = {int(place) for cut in found.values() for place in cut}
    if len(found) < 2 or len(every) != taken_once:
        return whole
    return tuple(found.values())

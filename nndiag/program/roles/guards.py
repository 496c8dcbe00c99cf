"""Guards of a loss: the small number in a logarithm, the bounds of its argument.

Where an output is saturated, a guard decides: the program's loss is then another function than the
one whose gradient it takes, as p − y is the derivative of −log p and not of −log(p + 1e-9). What is
compared there tells nothing of the gradient.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nndiag.program.graph.adjoints import Adjoints
from nndiag.program.graph.nodes import Graph, Ref, single

_SMALL = 1e-3  # the largest number that is added as a guard, or by which a bound lies inside 0…1
_SHARE = 1e-3  # of its argument, by which a guard changes it: more and it decides
_LOGARITHMS = ("log", "log2", "log10")
_BOUNDS = ("clip", "maximum", "minimum", "fmax", "fmin", "max", "min")


def is_guarded(graph: Graph, adjoints: Adjoints, acted: set[int]) -> bool:
    """Whether a guard decides the value of some entry that the loss feels.

    Args:
        graph: The iteration.
        adjoints: The derivatives of the loss by its values.
        acted: The nodes that the parameters act on.
    """
    for index in acted:
        felt = adjoints.get(index)
        if felt is None or not np.any(felt):
            continue
        operation = graph[index].operation
        if operation in _LOGARITHMS and _is_raised(graph, index, felt, acted):
            return True
        if operation in _BOUNDS and _is_bounded(graph, index, felt, acted):
            return True
    return False


def _is_raised(graph: Graph, index: int, felt: np.ndarray, acted: set[int]) -> bool:
    """Whether a small number makes up some entry of a logarithm's argument."""
    inside = graph[index].inputs[0]
    if inside not in acted or graph[inside].operation != "add":
        return False
    parts = [_value(graph, item) for item in graph[inside].arguments[:2]]
    numbers = [x for x in map(single, parts) if x is not None and 0 < abs(x) <= _SMALL]
    own = [part for part in parts if np.shape(part) == felt.shape]
    if not numbers or not own:
        return False
    guard, value = abs(float(numbers[-1])), np.abs(np.asarray(own[0], float))
    return bool(np.any((felt != 0) & (guard > _SHARE * value)))


def _is_bounded(graph: Graph, index: int, felt: np.ndarray, acted: set[int]) -> bool:
    """Whether some entry stands at a bound just inside of 0 or 1."""
    node = graph[index]
    if not any(item in acted for item in node.inputs):
        return False
    value = np.asarray(node.value, float)
    numbers = [_value(graph, item) for item in (*node.arguments, *node.keywords.values())]
    bounds = [bound for bound in map(single, numbers) if bound is not None]
    inner = [bound for bound in bounds if 0 < bound <= _SMALL or 0 < 1 - bound <= _SMALL]
    return any(bool(np.any((felt != 0) & (value == bound))) for bound in inner)


def _value(graph: Graph, argument: Any) -> Any:
    return graph[argument.node].value if isinstance(argument, Ref) else argument

"""A bias that has a row for each example, all alike, is the one bias that it stands for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nndiag.program.graph.nodes import Ref
from nndiag.program.loop.tensors import Tensor
from nndiag.program.roles.losses import Residual
from nndiag.program.roles.parameters import Parameter
from nndiag.program.roles.reading import Reading

_FEWEST = 3  # rows
_PRODUCTS = frozenset({"matmul", "dot", "einsum", "tensordot", "mul", "multiply"})


def without_copies(reading: Reading, tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The parameters, each row that is kept once for each example as one.

    Args:
        reading: One iteration.
        tensors: The parameters.
    """
    found = []
    for tensor in tensors:
        rows = _rows(reading, tensor)
        alike = rows is not None and np.ptp(rows, axis=1).max() == 0
        one = replace(tensor, shape=tensor.shape[1:], copies=tensor.shape[0]) if alike else tensor
        found.append(one)
    return tuple(found)


def _rows(reading: Reading, tensor: Tensor) -> np.ndarray | None:
    """Value and step of a parameter, row by row; None where it has no rows, or does not move."""
    item = next((p for p in reading.parameters if p.tensor is tensor), None)
    if item is None or len(tensor.shape) != 2 or tensor.shape[0] < _FEWEST or not item.moves:
        return None
    if _is_multiplied(reading, item) or _is_spread(reading, item):
        return None  # equal weights, or biases, of several units are another matter
    examples = {
        len(reading.forward[r.node].value) for r in reading.residuals if _is_table(reading, r)
    }
    if not np.isfinite(item.step).all() or tensor.shape[0] not in examples:
        return None
    start = reading.iteration.values_at(item.heads)
    return np.stack([start.reshape(tensor.shape), item.step.reshape(tensor.shape)])


def _is_multiplied(reading: Reading, item: Parameter) -> bool:
    """Whether a product of a parameter with more than one number is made."""
    graph = reading.graph
    products = [
        graph[user]
        for head in item.heads
        for user in reading.users[head]
        if graph[user].operation in _PRODUCTS
    ]
    return any(
        np.size(graph[x.node].value if isinstance(x, Ref) else x) > 1
        for node in products
        for x in node.arguments[:2]
        if not (isinstance(x, Ref) and x.node in item.heads)
    )


def _is_spread(reading: Reading, item: Parameter) -> bool:
    """Whether a parameter is added to more numbers than it has: its rows are units."""
    graph = reading.graph
    users = [graph[user] for head in item.heads for user in reading.users[head]]
    return any(node.size > item.tensor.size for node in users)


def _is_table(reading: Reading, residual: Residual) -> bool:
    return len(reading.forward[residual.node].shape) > 0

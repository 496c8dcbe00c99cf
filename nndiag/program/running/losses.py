"""The loss of a program, computed again from its output and its targets."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Callable

import numpy as np

from nndiag.program.running.events import Events
from nndiag.program.running.layers import Link, activation_between
from nndiag.program.text.instrument import node_id_of

Array = Any

_SAME = 1e-6
_TINY = 1e-300


def _squares(outputs: Array, targets: Array) -> float:
    return float(np.sum((outputs - targets) ** 2))


def _absolute(outputs: Array, targets: Array) -> float:
    return float(np.sum(np.abs(outputs - targets)))


def _binary(outputs: Array, targets: Array) -> float:
    logs = np.log(np.maximum(outputs, _TINY)), np.log(np.maximum(1 - outputs, _TINY))
    return -float(np.sum(targets * logs[0] + (1 - targets) * logs[1]))


def _classes(outputs: Array, targets: Array) -> float:
    return -float(np.sum(targets * np.log(np.maximum(outputs, _TINY))))


TOTALS: dict[str, Callable[[Array, Array], float]] = {
    "mean_squared_error": _squares,
    "binary_cross_entropy": _binary,
    "softmax_cross_entropy": _classes,
    "mean_absolute_error": _absolute,
}
"""The sums over all outputs and examples that losses are multiples of, by the losses' names."""


@dataclass(frozen=True, eq=False)
class Output:
    """What the network gives, and what it is to give.

    Attributes:
        node_id: The output's expression.
        target: The target's expression.
        residual: Line of the difference of the two.
        text: The target as the program writes it.
        activation: Activation of the last layer.
        slope: Of a leaky rectifier below zero.
        targets: Shape (examples, units).
        values: Per point: the outputs, shape (examples, units).
    """

    node_id: int
    target: int
    residual: int
    text: str
    activation: str
    slope: float | None
    targets: Array
    values: list[Array]


def output_of(events: Events, last: Link, nodes: Mapping[int, ast.AST]) -> Output | None:
    """The output that a difference compares with targets; None where none is the last layer's.

    Args:
        events: One iteration.
        last: The last layer.
        nodes: The program's syntax tree by node_id.
    """
    for event, node_id in enumerate(events.node_ids):
        node = nodes.get(node_id)
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Sub):
            continue
        sides = [(node.left, node.right), (node.right, node.left)]
        for one, other in sides:
            found = _compared(events, event, last, node_id_of(one), node_id_of(other))
            if found is not None:
                return replace(found, residual=node.lineno, text=ast.unparse(other))
    return None


def call_of(
    events: Events, output: Output, last: Link, nodes: Mapping[int, ast.AST]
) -> tuple[ast.expr, ast.expr] | None:
    """The call that gives the output, and its argument, the last pre-activations; None without one.

    Args:
        events: One iteration.
        output: The network's output.
        last: The last layer.
        nodes: The program's syntax tree by node_id.
    """
    for event, node_id in enumerate(events.node_ids):
        node = nodes.get(node_id)
        if not isinstance(node, ast.Call) or len(node.args) != 1:
            continue
        place = events.last_before(event, node_id_of(node.args[0]))
        if place is None or not _is_all(events, event, output.values, last):
            continue
        if _is_all(events, place, last.after, last):
            return node, node.args[0]
    return None


def _is_all(events: Events, event: int, wanted: list[Array], link: Link) -> bool:
    found = [_rows(values[event], link) for values in events.values]
    return all(one is not None and np.array_equal(one, two) for one, two in zip(found, wanted))


def _compared(events: Events, event: int, last: Link, output: int, target: int) -> Output | None:
    """An output and its targets, where the one is the last layer's and the other is given."""
    places = events.last_before(event, output), events.last_before(event, target)
    if places[0] is None or places[1] is None or events.is_acted(places[1]):
        return None
    values = [_rows(item[places[0]], last) for item in events.values]
    targets = _rows(events.values[0][places[1]], last)
    if targets is None or any(value is None for value in values):
        return None
    found = activation_between(last.after, values)
    if found is None:
        return None
    return Output(output, target, 0, "", found[0], found[1], targets, values)


def _rows(value: Array, link: Link) -> Array | None:
    """A value with examples as rows; None where it is not of the layer's size."""
    count = len(link.after[0])
    if value.size != count * link.units:
        return None
    turned = value.ndim == 2 and not link.rows
    return value.T if turned and value.shape[0] == link.units else value.reshape(count, link.units)


def factor_of(output: Output, losses: list[float], kinds: list[str]) -> tuple[str, float] | None:
    """The loss by name, and what its sum is multiplied by; None where it is none of them.

    Args:
        output: What is compared.
        losses: The program's loss at each point.
        kinds: Names to try, in order.
    """
    for kind in kinds:
        with np.errstate(all="ignore"):
            totals = [TOTALS[kind](value, output.targets) for value in output.values]
            factors = np.array(losses) / np.array(totals)
        if not np.isfinite(factors).all() or not np.all(factors > 0):
            continue
        if np.ptp(factors) <= _SAME * factors[0] and np.ptp(totals) > 0:
            return kind, float(factors[0])
    return None


def penalised(
    output: Output, losses: list[float], squares: list[float], kinds: list[str]
) -> tuple[str, float, float] | None:
    """The loss by name, its factor, and that of a sum of squares that is added to it, or None.

    Args:
        output: What is compared.
        losses: The program's loss at each of three points.
        squares: The sum of the squares of the weights there.
        kinds: Names to try, in order.
    """
    for kind in kinds:
        with np.errstate(all="ignore"):
            totals = [TOTALS[kind](value, output.targets) for value in output.values]
        table = np.stack([totals, squares], axis=1)
        if not (np.isfinite(table).all() and np.isfinite(losses).all()):
            continue
        (factor, penalty), *_ = np.linalg.lstsq(table, np.array(losses), rcond=None)
        gap = np.max(np.abs(table @ [factor, penalty] - losses))
        if factor > 0 and penalty > 0 and gap <= _SAME * np.max(np.abs(losses)):
            return kind, float(factor), float(penalty)
    return None

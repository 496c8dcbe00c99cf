"""The output of a program's network, its targets, and its loss by name.

The targets of a loss follow from its derivative, which is `factor · (output − target)` for each of
the losses that are known, by the output or by the last pre-activations. So they need not stand in
the program as such: labels that only pick probabilities out have the same derivative. Where a
program takes outputs and targets from each other, they are taken from there. A role holds where the
loss, computed again from it, is the program's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from nndiag.program.graph.nodes import Ref
from nndiag.program.network.activations import FUNCTIONS
from nndiag.program.network.layers import Forward, Layer
from nndiag.program.network.losses import TOTALS
from nndiag.program.network.tables import Table, is_same, tables
from nndiag.program.network.tail import Candidate, Tail, tail_of
from nndiag.program.roles.losses import Residual

Array = Any

_SAME = 1e-4  # of a loss: guards of logarithms change it by less where outputs are moderate
_WHOLE = 1e-6  # how near targets are to whole numbers that are these
_CANONICAL = {"binary_cross_entropy": "sigmoid", "softmax_cross_entropy": "softmax"}
"""Losses whose derivative by the pre-activations is that of squares by outputs."""
_NAMES = {"binary cross-entropy": "binary_cross_entropy", "cross-entropy": "softmax_cross_entropy"}


@dataclass(frozen=True, eq=False)
class Output:
    """What the network gives, and what it is to give.

    Attributes:
        activation: Activation of the last layer.
        slope: Of a leaky rectifier below zero.
        table: Where the output is; where the last pre-activations are, if the loss is made from
            these at once.
        targets: Shape (examples, units).
        kind: Name of the loss; None where it is none of those that are known.
        factor: The loss over the sum over all outputs and examples that its name stands for.
        rest: What else is in the loss.
        doubt: How far from the truth that may be.
        line: Line of the difference of output and targets; None where there is none.
    """

    activation: str
    slope: float | None
    table: Table
    targets: Array
    kind: str | None
    factor: float | None
    rest: float
    doubt: float
    line: int | None


def output_of(forward: Forward, last: Layer) -> Output | None:
    """The output of a network; None where its targets are not known.

    Args:
        forward: The iteration.
        last: The last layer.
    """
    tail = tail_of(forward, last.sums)
    if tail is None:
        return None
    compared = list(_compared(forward, last, tail))
    for kind in _kinds(forward):
        for candidate in tail.outputs[::-1]:  # the pre-activations last
            found = _named(kind, candidate, tail, compared)
            if found is not None:
                return found
    for candidate, targets, line in compared:  # a loss that is none of those that are known
        return Output(
            candidate.activation, candidate.slope, candidate.table, targets, None, None, 0, 0, line
        )
    return None


def _kinds(forward: Forward) -> list[str]:
    """Names to try, in order: two probabilities have two names for one loss, but for a factor."""
    kind = _NAMES.get(forward.loss.kind)
    return list(TOTALS) if kind is None else [kind, *(x for x in _CANONICAL if x != kind)]


_Compared = tuple[Candidate, Array, int]


def _named(kind: str, output: Candidate, tail: Tail, compared: list[_Compared]) -> Output | None:
    """An output with its targets, where the loss of a name is the program's."""
    usual = _CANONICAL.get(kind)
    if usual is not None and output.activation not in (usual, "linear"):
        return None
    name = output.activation if usual is None else usual
    values = output.values if usual is None else [FUNCTIONS[usual](x) for x in tail.before]
    known = [(x, line) for other, x, line in compared if other.activation == name]
    given = [(x, line) for x, line in known]
    slopes = output.slopes if usual is None else tail.slopes
    implied = None if slopes is None else _targets(values, slopes)
    every = [*given, *([] if implied is None else [(implied, None)])]
    for targets, line in every:
        fitted = _fitted(kind, values, targets, tail.losses)
        if fitted is not None:
            doubt = _SAME * abs(tail.losses[0])
            return Output(name, output.slope, output.table, targets, kind, *fitted, doubt, line)
    return None


def _targets(values: list[Array], slopes: list[Array]) -> Array | None:
    """What `slope = factor · (output − target)` gives for all outputs; None where none fits."""
    gap, change = values[0] - values[1], slopes[0] - slopes[1]
    square = float(np.sum(gap**2))
    factor = float(np.sum(change * gap)) / square if square else 0.0
    if not np.isfinite(factor) or factor <= 0:
        return None
    every = [value - slope / factor for value, slope in zip(values, slopes)]
    size = max(1.0, float(np.max(np.abs(every[0]), initial=0.0)))
    if any(np.max(np.abs(other - every[0])) > _SAME * size for other in every[1:]):
        return None
    whole = np.round(every[0]) + 0.0  # no -0
    return whole if np.max(np.abs(every[0] - whole)) <= _WHOLE * size else every[0]


def _fitted(
    kind: str, values: list[Array], targets: Array, losses: list[float]
) -> tuple[float, float] | None:
    """Factor of a loss, and what is added to it, where it is the program's at all outputs."""
    with np.errstate(all="ignore"):
        totals = np.array([TOTALS[kind](value, targets) for value in values])
        own, other = np.diff(np.array(losses)), np.diff(totals)
        factor = float(own @ other / (other @ other))
        gap = np.max(np.abs(own - factor * other))
    if not np.isfinite(gap) or factor <= 0 or gap > _SAME * np.max(np.abs(own)):
        return None
    return factor, float(losses[0] - factor * totals[0])


def _compared(forward: Forward, last: Layer, tail: Tail) -> Iterator[_Compared]:
    """The outputs that the program takes its targets from, with these."""
    residuals: dict[int, list[Residual]] = {}
    for item in forward.reading.residuals:
        residuals.setdefault(forward.graph[item.node].node_id, []).append(item)
    before = last.sums.read(forward.value)
    if before is None:
        return
    for family in residuals.values():
        if sum(forward.graph[item.output].size for item in family) != before.size:
            continue
        for table in tables([item.output for item in family], last.sums.shape):
            found = table.read(forward.value)
            candidate = None if found is None else _alike(before, found, tail)
            if candidate is None:
                continue
            taken = {item.output: _target(forward, item) for item in family}
            fits = all(forward.graph[place].shape == x.shape for place, x in taken.items())
            targets = table.read(taken.__getitem__) if fits else None
            if targets is not None:
                yield candidate, targets, forward.line(family[0].node)
                break


def _alike(before: Array, found: Array, tail: Tail) -> Candidate | None:
    """The output that some values are."""
    for candidate in tail.outputs:
        function = FUNCTIONS.get(candidate.activation)
        with np.errstate(all="ignore"):
            expected = (
                np.where(before > 0, before, (candidate.slope or 0.0) * before)
                if function is None
                else function(before)
            )
        if is_same(found, expected):
            return candidate
    return None


def _target(forward: Forward, residual: Residual) -> Array:
    """What an output is compared with, of its shape where the two fit."""
    node, shape = forward.graph[residual.node], forward.graph[residual.output].shape
    if node.operation == "with_item":
        taken = forward.graph[residual.output].value
        return np.asarray(taken, float) - np.asarray(node.value, float)
    place = 1 if residual.sign > 0 else 0
    item = node.arguments[place]
    value = forward.graph[item.node].value if isinstance(item, Ref) else item
    target = np.asarray(value, float)
    try:
        return np.broadcast_to(target, shape)
    except ValueError:
        return target

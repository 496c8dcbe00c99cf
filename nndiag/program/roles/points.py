"""Where a program is looked at: at a few iterations, and near them where outputs tell something."""

from __future__ import annotations

import numpy as np

from nndiag.program.loop.step_evaluator import Point
from nndiag.program.roles.reading import Reading, has_signal

_MOST_PLAIN = 4
_LARGE = 3000  # values of an iteration, from which on fewer points are looked at
_SATURATED = 1e-6  # how near to 0 and 1 outputs are


def fewer(points: list[Point], first: Reading) -> list[Point]:
    """The shifted points, the first and the last, where an iteration is long; else all."""
    plain = [point for point in points if not point.shifted]
    if len(first.graph) <= _LARGE:
        return points
    return [point for point in points if point.shifted or point in (plain[0], plain[-1])]


def spread(points: list[Point]) -> list[Point]:
    """A few of the points: the shifted ones, the first two, one in the middle and the last."""
    plain = [point for point in points if not point.shifted]
    shifted = [point for point in points if point.shifted]
    middle = plain[len(plain) // 2]
    chosen = plain if len(plain) <= _MOST_PLAIN else [*plain[:2], middle, plain[-1]]
    return [*shifted, *chosen]


def nearer_to_zero(point: Point) -> Point:
    """A point with all parameters a quarter as large."""
    return point.nearer_to_zero().nearer_to_zero()


def is_guarded(reading: Reading) -> bool:
    """Whether a shifted point lies where only the guard of the loss decides."""
    return reading.point.shifted and reading.is_guarded


def _has_saturated_outputs(reading: Reading) -> bool:
    """Whether most outputs are probabilities of 0 or 1, nearly."""
    outputs = {residual.output for residual in reading.residuals}
    values = [np.ravel(np.asarray(reading.forward[index].value, float)) for index in outputs]
    every = np.concatenate(values) if values else np.empty(0)
    distance = np.minimum(every, 1 - every)
    return bool(every.size and distance.min() >= 0 and np.median(distance) < _SATURATED)


def is_saturated(reading: Reading) -> bool:
    """Whether no loss at all is moved by the parameters, which were shifted too far."""
    if not reading.point.shifted or not reading.losses:
        return False
    if _has_saturated_outputs(reading):
        return True
    return not any(
        has_signal(reading, loss, derivatives[item.name], item)
        for loss in reading.losses
        for derivatives in (reading.derivatives(loss),)
        for item in reading.parameters
    )

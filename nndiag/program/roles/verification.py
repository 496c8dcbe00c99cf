"""The judge of the tape: its derivatives against differences of the loss itself."""

from __future__ import annotations

import time

import numpy as np

from nndiag.program.execution.runner import StepFailedError
from nndiag.program.gradients.laboratory import Point
from nndiag.program.roles.reading import Reading, has_signal, read_iteration
from nndiag.program.roles.understanding import Understanding

_STEP = 1e-5
_SAME = 1e-3  # of a directional derivative: kinks and curvature are in reach of a step
_MOST = 16  # parameters, each along one random direction that moves all its entries


def agrees_with_differences(found: Understanding) -> bool:
    """Whether the derivatives of the loss are what moving the parameters shows.

    Every parameter is moved along one random direction, forward and backward. Where most agree the
    tape is right; a kink in reach may spoil one of them.
    """
    if found.loss is None or not found.readings or not _repeats(found):
        return False
    reading = found.readings[0]
    derivatives = reading.derivatives(found.loss)
    told, agreed = 0, 0
    for item in reading.parameters[:_MOST]:
        derivative = derivatives[item.name]
        if derivative is None or not has_signal(reading, found.loss, derivative, item):
            continue
        if time.perf_counter() > found.deadline:
            return False
        told += 1
        agreed += _agrees(found, reading, item.name, derivative)
    return told > 0 and agreed * 3 >= told * 2


def _repeats(found: Understanding) -> bool:
    """Whether the same iteration gives the same again: it does not where time is in it."""
    first = found.readings[0]
    again = read_iteration(found.lab, first.point, updates=found.updates, forced=found.forced)
    return all(
        one.step.shape == other.step.shape
        and np.allclose(one.step, other.step, rtol=1e-9, atol=1e-14, equal_nan=True)
        for one, other in zip(first.parameters, again.parameters)
    )


def _agrees(found: Understanding, reading: Reading, name: str, derivative: np.ndarray) -> bool:
    point = reading.point
    if name not in point.theta or point.theta[name].size != derivative.size:
        return True  # kept in several copies: moved as one it is another derivative
    random = np.random.default_rng(5)
    direction = random.normal(size=derivative.size)
    scale = _STEP * max(1.0, float(np.max(np.abs(point.theta[name]), initial=0.0)))
    try:
        ends = [_loss_at(found, point, name, sign * scale * direction) for sign in (1.0, -1.0)]
    except StepFailedError:
        return False
    if any(end is None for end in ends):
        return False
    slope = (ends[0] - ends[1]) / (2 * scale)  # type: ignore[operator]
    wanted = float(derivative @ direction)
    size = float(np.linalg.norm(derivative) * np.linalg.norm(direction))
    return bool(abs(slope - wanted) <= _SAME * max(abs(slope), abs(wanted), 1e-2 * size))


def _loss_at(found: Understanding, point: Point, name: str, change: np.ndarray) -> float | None:
    theta = {**point.theta, name: point.theta[name] + change}
    moved = Point(point.snapshot, theta, point.zeroed, point.shifted)
    reading = read_iteration(found.lab, moved, updates=found.updates, forced=found.forced)
    assert found.loss is not None
    return found.loss.value(reading.forward, reading.keyed_forward)

"""How strongly a program's own step answers to its parameters, by differences of steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from nndiag.program.execution.runner import StepFailedError
from nndiag.program.loop.step_evaluator import Point, StepEvaluator, Theta

Array = Any

_CHANGE = 1e-5  # of a parameter, relative to its size
_PRODUCTS = 30
_SETTLED = 0.02
_LARGEST = 20_000  # parameters
_SAME = 1e-9


def step_curvature(lab: StepEvaluator, points: list[Point]) -> float | None:
    """The largest eigenvalue of the step's derivative; gradient descent is stable below 2.

    Power iteration from the points of one program, which must see the same examples at all of them.
    None where they do not, or where steps cannot be compared.

    Args:
        lab: Runs the step.
        points: Where the program was, from its start; unshifted.
    """
    start = points[0]
    if sum(values.size for values in start.theta.values()) > _LARGEST:
        return None
    try:
        whole = _joined(lab.step(start))
        for point in points[1:4]:
            other = lab.step(Point(point.snapshot, start.theta, point.zeroed))
            gap = float(np.linalg.norm(_joined(other) - whole))
            if not gap <= _SAME * float(np.linalg.norm(whole)):
                return None
        return _largest(lab, start)
    except StepFailedError:
        return None


def _largest(lab: StepEvaluator, point: Point) -> float | None:
    theta = _joined(point.theta)
    change = _CHANGE * max(1.0, float(np.max(np.abs(theta), initial=0.0)))
    direction = np.random.default_rng(1).normal(size=theta.size)
    found = 0.0
    for _ in range(_PRODUCTS):
        direction = direction / np.linalg.norm(direction)
        ends = [
            _joined(lab.step(_moved(point, theta + sign * change * direction)))
            for sign in (1.0, -1.0)
        ]
        product = (ends[0] - ends[1]) / (2 * change)
        value = float(direction @ product)
        if not np.isfinite(product).all() or not np.any(product):
            return None
        if abs(value - found) <= _SETTLED * abs(value):
            return value if value > 0 else None
        found, direction = value, product
    return found if found > 0 else None


def _moved(point: Point, numbers: Array) -> Point:
    theta: Theta = {}
    first = 0
    for name, values in point.theta.items():
        theta[name] = numbers[first : first + values.size]
        first += values.size
    return Point(point.snapshot, theta, point.zeroed, shifted=True)


def _joined(theta: Theta) -> Array:
    return np.concatenate(list(theta.values()))

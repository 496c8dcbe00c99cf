"""Whether the steps of a run are those of the reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.benchmarks.generated.recipe import Recipe
from tests.benchmarks.generated.reference import Arrays, Objective, Stepper, complex_step
from tests.benchmarks.generated.running import Course, Sight

RIGHT = 1e-5
"""Largest relative difference of a right step: the rounding of double precision, many times."""

WRONG = 1e-2
"""Least relative difference of a step that a bug changes."""


@dataclass(frozen=True)
class Steps:
    """The relative error of each step of each parameter: (steps, parameters)."""

    errors: np.ndarray

    @property
    def right(self) -> bool:
        return bool(self.errors.size and np.all(self.errors < RIGHT))

    @property
    def wrong(self) -> bool:
        """Whether a parameter is off in two steps at least."""
        off = self.errors > WRONG
        return bool(self.errors.size and np.any(off.sum(axis=0) >= min(2, len(off))))

    def tensors(self) -> list[int]:
        return [i for i in range(self.errors.shape[1]) if np.any(self.errors[:, i] > WRONG)]


def steps_of(course: Course, recipe: Recipe, objective: Objective) -> Steps:
    """Compare the steps between the first sights with those of the reference."""
    stepper = Stepper(recipe)
    rows = []
    for before, after in zip(course.sights, course.sights[1:], strict=False):
        shapes_kept = all(
            p.shape == q.shape
            for p, q in zip(before.parameters, course.sights[0].parameters, strict=True)
        )
        if not shapes_kept:
            break
        rows.append(_errors(before, after, stepper, objective, recipe))
    return Steps(np.array(rows) if rows else np.zeros((0, 0)))


def _errors(
    before: Sight, after: Sight, stepper: Stepper, objective: Objective, recipe: Recipe
) -> list[float]:
    with np.errstate(all="ignore"):
        gradients = complex_step(
            lambda moved: objective(moved, before.x, before.y, before.extra), before.parameters
        )
        expected = stepper.change(gradients, before.extra.get("rate", recipe.rate))
    largest = max((float(np.max(np.abs(e), initial=0)) for e in expected), default=0.0)
    return [
        _difference(p, q, e, largest)
        for p, q, e in zip(before.parameters, after.parameters, expected, strict=True)
    ]


def _difference(p: np.ndarray, q: np.ndarray, expected: np.ndarray, largest: float) -> float:
    if p.shape != q.shape or not np.all(np.isfinite(q)):
        return float("inf")
    own = float(np.max(np.abs(expected), initial=0))
    size = max(own, 1e-7 * largest, 1e-12)
    rounding = 1e-15 * float(np.max(np.abs(p), initial=0))
    return max(float(np.max(np.abs(q - p - expected), initial=0)) - rounding * 8, 0) / size


@dataclass(frozen=True)
class Training:
    """How a run went on all data: the reference's loss at its start and end, and of a constant."""

    start: float
    end: float
    baseline: float

    @property
    def trains(self) -> bool:
        """It learned at least a third of what a constant output leaves."""
        return bool(
            np.isfinite(self.end) and self.end < 0.67 * self.baseline and self.end < self.start
        )


def training_of(course: Course, objective: Objective, baseline: float) -> Training | None:
    first, last = (course.sights[0], course.last) if course.sights else (None, None)
    if first is None or last is None:
        return None
    if any(p.shape != q.shape for p, q in zip(first.parameters, last.parameters, strict=True)):
        return Training(value(first, objective), float("nan"), baseline)
    return Training(value(first, objective), value(last, objective), baseline)


def value(sight: Sight, objective: Objective) -> float:
    """The objective over all data, with all units on."""
    with np.errstate(all="ignore"):
        return float(
            np.real(objective(sight.parameters, *sight.data, {**sight.extra, "on": False}))
        )


def constant_baseline(recipe: Recipe, y: np.ndarray) -> float:
    """The loss of the mean baseline output."""
    from tests.benchmarks.generated.reference import loss_value  # noqa: PLC0415

    best = np.median(y, axis=0) if recipe.loss == "mae" else y.mean(axis=0)
    best = np.clip(best, 1e-9, 1 - 1e-9) if recipe.output in {"sigmoid", "softmax"} else best
    return float(np.real(loss_value(recipe.loss, np.broadcast_to(best, y.shape), y)))


__all__ = ["Arrays", "Steps", "Training", "constant_baseline", "steps_of", "training_of", "value"]

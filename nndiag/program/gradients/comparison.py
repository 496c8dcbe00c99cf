"""The step against the numeric gradient, point by point, looked at twice where they disagree."""

from __future__ import annotations

import time

import numpy as np

from nndiag.errors import Problem, UserCodeError
from nndiag.program.execution.runner import StepFailedError
from nndiag.program.gradients.branches import points_of_all_branches
from nndiag.program.gradients.idle import Comparison, add_idle
from nndiag.program.gradients.laboratory import Point
from nndiag.program.gradients.measurement import Measurement
from nndiag.program.gradients.objective import compared
from nndiag.program.gradients.slopes import (
    Differences,
    Fit,
    entries_of,
    fit_with_decay,
)

_ENTRIES = 24
_FEW_ENTRIES = 6
_SWEEP = (1e-3, 1e-4, 1e-7)
_MOST_POINTS = 5
_DOUBTFUL = 0.02


def compare(measurement: Measurement, *, deadline: float) -> None:
    """Compares the step with the numeric gradient at all points, and looks twice where it fails.

    Args:
        measurement: What was found so far; the comparison is written into it.
        deadline: When to stop, as `time.perf_counter` counts.

    Raises:
        UserCodeError: The loss is not finite anywhere.
    """
    lab = measurement.lab
    differences = Differences(lab, [measurement.loss], measurement.computed)
    every: list[Comparison] = []
    points = points_of_all_branches(
        lab, measurement.points, measurement.computed, most=_MOST_POINTS
    )
    for number, point in enumerate(points):
        if every and time.perf_counter() > deadline:
            break
        most = _ENTRIES if number == 0 else _FEW_ENTRIES
        made = _compared(differences, point, most=most)
        if made is None:
            continue
        for name in made.fits:
            _look_again(measurement, differences, made, name)
        every.append(made)
    for tensor in lab.tensors:
        if tensor.size > _ENTRIES and time.perf_counter() < deadline:
            add_idle(differences, every, tensor.name)
    for made in every:
        rate = None if measurement.rate is None else measurement.rate.at(lab, made.point)
        measurement.steps.append(made.step)
        measurement.rates_there.append(rate)
        measurement.entries.append(made.entries)
        measurement.slopes.append(made.slopes)
        measurement.fits.append(made.fits)
    measurement.points = [made.point for made in every]
    measurement.notes = list(dict.fromkeys(measurement.notes))
    if not every:
        raise UserCodeError(
            Problem(
                "the loss is not a finite number at any iteration that was looked at",
                got=measurement.loss.text,
                hint="lower the learning rate, or name another loss under `code.loss`",
            )
        )


def _compared(differences: Differences, point: Point, *, most: int) -> Comparison | None:
    """The comparison at one point; None where the iteration fails or is not finite."""
    lab = differences.lab
    try:
        step = lab.step(point)
        entries = entries_of(lab.tensors, step, most)
        slopes = differences.slopes(point, entries)[0]
    except StepFailedError:
        return None
    if not np.isfinite(slopes.loss) or not all(np.isfinite(v).all() for v in step.values()):
        return None
    return Comparison(
        point, step, entries, slopes, compared(point, step, slopes=slopes, entries=entries)
    )


def _look_again(
    measurement: Measurement, differences: Differences, made: Comparison, name: str
) -> None:
    """Where a tensor disagrees: leaves out entries at a kink, and tries other step sizes."""
    found = made.fits[name]
    if found.parallel or not found.signal:
        return
    largest = float(np.max(np.abs(made.slopes.values[name])))
    smooth = np.array([not differences.bends(item, largest=largest) for item in made.each(name)])
    if not smooth.all():
        measurement.kinks.add(name)
    if not smooth.any():
        made.fits[name] = Fit(0.0, 0.0, 1.0, False, found.still, 0.0)
        return
    made.entries[name] = made.entries[name][smooth]
    made.slopes.values[name] = made.slopes.values[name][smooth]
    best = made.fit(name)
    if found.still or name in measurement.doubted:
        made.fits[name] = best
        return
    if best.residual < _DOUBTFUL:
        best = _swept(differences, made, name, best)
    if not best.parallel and best.signal and best.residual < _DOUBTFUL:
        best = differences.with_kinks(best, made.each(name))
        if best.parallel:
            measurement.kinks.add(name)
    if not best.parallel and not measurement.loss.own:
        best = _decayed(measurement, made, name) or best
    made.fits[name] = best
    if best.residual >= _DOUBTFUL:
        measurement.doubted.add(name)  # wrong beyond any rounding: need not be looked at again


def _swept(differences: Differences, made: Comparison, name: str, best: Fit) -> Fit:
    """The best fit with other sizes of the change; its slopes are kept."""
    for size in _SWEEP:
        if best.parallel:
            break
        again = differences.slopes(made.point, {name: made.entries[name]}, size=size)[0]
        other = made.fit(name, again)
        if other.signal and other.residual < 0.1 * best.residual:
            best, made.slopes.values[name] = other, again.values[name]
    return best


def _decayed(measurement: Measurement, made: Comparison, name: str) -> Fit | None:
    """The fit with a weight decay: where the program computes no loss, it may belong to it."""
    chosen = made.entries[name]
    found = fit_with_decay(
        made.step[name][chosen],
        made.slopes.values[name],
        noise=made.slopes.noise,
        values=made.point.theta[name][chosen],
    )
    if found is not None:
        measurement.notes.append(f"{name}: its weight decay is taken for a part of the loss")
    return found

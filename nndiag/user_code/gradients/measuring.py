"""Measures a program: finds its parameters and loss, and compares the step with the gradient."""

import copy
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from nndiag.errors import Problem, UserCodeError
from nndiag.user_code.execution.host import Host, loop_place
from nndiag.user_code.execution.numbers import Vector
from nndiag.user_code.execution.runner import Runner, StepFailedError
from nndiag.user_code.gradients.candidates import (
    Candidate,
    Computed,
    computed_values,
    implied_candidates,
    residuals,
    scalar_candidates,
)
from nndiag.user_code.gradients.carried import carry_over
from nndiag.user_code.gradients.frozen import add_frozen, tie_copies
from nndiag.user_code.gradients.laboratory import Laboratory, Point
from nndiag.user_code.gradients.measurement import Measurement
from nndiag.user_code.gradients.objective import chosen_trial, compared, tried_candidates
from nndiag.user_code.gradients.optimizer import moments
from nndiag.user_code.gradients.preparation import (
    found_parameters,
    said_expressions,
    share_unchanged,
    watched_program,
    working_points,
)
from nndiag.user_code.gradients.rates import learning_rate
from nndiag.user_code.gradients.slopes import (
    Differences,
    Fit,
    Slopes,
    entries_of,
    fit,
    fit_with_decay,
)
from nndiag.user_code.loop.discovery import Watched
from nndiag.user_code.loop.named_gradients import with_gradients
from nndiag.user_code.text.settings import CodeSettings
from nndiag.user_code.text.source import Source

_ENTRIES = 24
_FEW_ENTRIES = 6
_MOST_CANDIDATES = 40
_SWEEP = (1e-3, 1e-4, 1e-7)
_MOST_POINTS = 5
_DOUBLE = np.dtype(np.float64)
_DOUBTFUL = 0.02


def measure(source: Source, settings: CodeSettings, *, deadline: float) -> Measurement:
    """Finds a program's loop, parameters and loss, and compares its step with the gradient.

    To be called inside the sandbox.

    Args:
        source: The program.
        settings: What the user says about it.
        deadline: When to stop, as `time.perf_counter` counts.

    Raises:
        UserCodeError: Something cannot be found; the message names the key to set.
    """
    host, watched = watched_program(source, settings, deadline)
    settings = with_gradients(settings, watched)
    stand_in = copy.deepcopy(host.tree.body[len(source.tree.body) :])
    said = said_expressions(settings)
    host.inject(watched.loop.key, said)
    runner = Runner(host, watched.loop)
    runner.adopt_functions()
    tensors = found_parameters(watched, settings, source)
    lab = Laboratory(runner, tensors)
    lab.watch_gradients()
    points = list(lab.points(watched.snapshots))
    if not points:
        raise UserCodeError(Problem("the parameters are not finite at any iteration"))
    points = working_points(lab, points, source, watched)
    if not settings.parameters and carry_over(lab, points):
        points = working_points(lab, list(lab.points(watched.snapshots)), source, watched)
    share_unchanged(lab, points)
    measurement = _with_loss(lab, host, watched, points, settings)
    measurement.said, measurement.stand_in = said, stand_in
    if source.is_python_2:
        measurement.notes.append("read as Python 2; / is the division of Python 3 all the same")
    tie_copies(measurement)
    add_frozen(measurement, settings)
    _compare(measurement, deadline)
    return measurement


def _with_loss(
    lab: Laboratory, host: Host, watched: Watched, points: list[Point], settings: CodeSettings
) -> Measurement:
    """Finds the loss and what else is needed to compare."""
    changed = {leaf: None for test in watched.tests for leaf in test.changed}
    state = moments(lab, points, changed)
    zeroed = tuple(moment.leaf for moment in state)
    points = [point.with_zeroed(zeroed) for point in points]
    updates = lab.updates(points[0])
    resets = frozenset(serial for serials in updates.values() for serial in serials)
    computed = computed_values(lab, points[0], resets)
    lab.rounding = _rounding(computed)
    found = residuals(lab, computed)
    candidates = [*scalar_candidates(lab, computed)][:_MOST_CANDIDATES]
    candidates += [*implied_candidates(found, computed)]
    if settings.loss is not None:
        candidates = [_said(settings.loss, lab, computed)]
    if not candidates:
        raise UserCodeError(
            Problem(
                f"{loop_place(watched.loop, host.source)}: no loss found: the loop computes none, "
                "and no difference between an output and a target to infer it from",
                hint="name it under `code.loss`, any expression over the loop's variables",
            )
        )
    tried = tried_candidates(lab, candidates, points, computed)
    trial = chosen_trial(lab, tried, points[0], found, computed)
    if trial is not None and state and not trial.explains:
        for moment in sorted(state, key=lambda item: not item.squared):
            lab.proxies[moment.tensor] = (moment.leaf, moment.squared)
        again = tried_candidates(lab, candidates, points, computed)
        other = chosen_trial(lab, again, points[0], found, computed)
        if other is not None and other.followed > trial.followed:
            tried, trial = again, other
        else:
            lab.proxies.clear()
    if trial is None:
        raise UserCodeError(
            Problem(
                f"{loop_place(watched.loop, host.source)}: no loss found that can be compared",
                hint="name it under `code.loss`, any expression over the loop's variables",
            )
        )
    rate = learning_rate(lab.nodes, resets, computed, said=settings.learning_rate)
    return Measurement(
        host=host,
        watched=watched,
        lab=lab,
        points=points,
        trial=trial,
        all_trials=tried,
        computed=computed,
        residuals=found,
        updates=updates,
        rate=rate,
        moments=state,
    )


def _decayed(
    measurement: Measurement,
    point: Point,
    name: str,
    step: Mapping[str, Vector],
    chosen: Any,
    slopes: Slopes,
    found: Fit,
) -> Fit:
    """The fit with a weight decay: where the program computes no loss, it may belong to it."""
    other = fit_with_decay(
        step[name][chosen], slopes.values[name], slopes.noise, point.theta[name][chosen]
    )
    if other is None:
        return found
    measurement.notes.append(f"{name}: its weight decay is taken for a part of the loss")
    return other


def _rounding(computed: Computed) -> float:
    """The rounding of the least precise numbers that the parameters act on."""
    values = (computed.base.values[serial][-1] for serial in computed.acted)
    kinds = {value.dtype for value in values if isinstance(value, np.ndarray | np.floating)}
    return max(
        float(np.finfo(kind if kind.kind == "f" else float).eps) for kind in kinds | {_DOUBLE}
    )


def _said(expression: str, lab: Laboratory, computed: Computed) -> Candidate:
    """The loss that the user names.

    Raises:
        UserCodeError: It is not one number, or no parameter acts on it.
    """
    serial = lab.runner.host.said["loss"]
    values = computed.base.values.get(serial, [])
    if not values or any(np.size(value) != 1 for value in values):
        shape = np.shape(values[-1]) if values else "nothing numeric"
        raise UserCodeError(Problem(f"code.loss: {expression!r} is not one number", got=str(shape)))
    if serial not in computed.acted:
        raise UserCodeError(
            Problem(
                f"code.loss: {expression!r} does not change with the parameters",
                hint="write it with variables that one iteration computes from them",
            )
        )
    return Candidate(
        text=expression,
        value=lambda recording: (
            float(np.ravel(recording.values[serial][-1])[0]) if serial in recording.values else None
        ),
        rank=0,
        serials=frozenset({serial}),
        line=lab.runner.loop.node.lineno,
        assigned=True,
    )


def _compare(measurement: Measurement, deadline: float) -> None:
    """Compares the step with the numeric gradient at all points, and looks twice where it fails."""
    lab = measurement.lab
    differences = Differences(lab, [measurement.loss], measurement.computed.instruments)
    points: list[Point] = []
    for number, point in enumerate(measurement.points[:_MOST_POINTS]):
        if points and time.perf_counter() > deadline:
            break
        try:
            step = lab.step(point)
            entries = entries_of(lab.tensors, step, _ENTRIES if number == 0 else _FEW_ENTRIES)
            slopes = differences.slopes(point, entries)[0]
        except StepFailedError:
            continue
        if not np.isfinite(slopes.loss) or not all(np.isfinite(v).all() for v in step.values()):
            continue
        fits = compared(step, slopes, entries)
        rate = None if measurement.rate is None else measurement.rate.at(lab, point)
        _look_again(measurement, differences, point, step, entries, slopes, fits)
        points.append(point)
        measurement.steps.append(step)
        measurement.rates_there.append(rate)
        measurement.entries.append(entries)
        measurement.slopes.append(slopes)
        measurement.fits.append(fits)
    measurement.points = points
    measurement.notes = list(dict.fromkeys(measurement.notes))
    if not points:
        raise UserCodeError(
            Problem(
                "the loss is not a finite number at any iteration that was looked at",
                got=measurement.loss.text,
                hint="lower the learning rate, or name another loss under `code.loss`",
            )
        )


def _look_again(
    measurement: Measurement,
    differences: Differences,
    point: Point,
    step: Mapping[str, Vector],
    entries: dict[str, Any],
    slopes: Slopes,
    fits: dict[str, Fit],
) -> None:
    """Where a tensor disagrees: leaves out entries at a kink, and tries other step sizes."""
    for name, found in list(fits.items()):
        if found.parallel or not found.signal:
            continue
        chosen = entries[name]
        largest = float(np.max(np.abs(slopes.values[name])))
        smooth = np.array(
            [not differences.bends(point, name, int(i), largest=largest) for i in chosen]
        )
        if not smooth.all():
            measurement.kinks.add(name)
        if not smooth.any():
            fits[name] = Fit(0.0, 0.0, 1.0, False, found.still, 0.0)
            continue
        entries[name] = chosen[smooth]
        slopes.values[name] = slopes.values[name][smooth]
        best = fit(step[name][entries[name]], slopes.values[name], slopes.noise)
        if found.still or name in measurement.doubted:
            fits[name] = best
            continue
        for size in _SWEEP if best.residual < _DOUBTFUL else ():
            if best.parallel:
                break
            again = differences.slopes(point, {name: entries[name]}, size=size)[0]
            other = fit(step[name][entries[name]], again.values[name], again.noise)
            if other.signal and other.residual < 0.1 * best.residual:
                best, slopes.values[name] = other, again.values[name]
        if not best.parallel and best.signal and best.residual < _DOUBTFUL:
            best = differences.with_kinks(best, point, name, entries[name])
            if best.parallel:
                measurement.kinks.add(name)
        if not best.parallel and not measurement.loss.own:
            best = _decayed(measurement, point, name, step, entries[name], slopes, best)
        fits[name] = best
        if best.residual >= _DOUBTFUL:
            measurement.doubted.add(name)  # wrong beyond any rounding: need not be looked at again

"""Measures a program: finds its parameters and loss, and compares the step with the gradient."""

from __future__ import annotations

import ast
import copy
import time
from functools import partial

import numpy as np

from nndiag.errors import Problem, UserCodeError
from nndiag.program.execution.host import Host, loop_place
from nndiag.program.execution.runner import Runner, StepFailedError
from nndiag.program.gradients.candidates import Candidate, implied_candidates, scalar_candidates
from nndiag.program.gradients.carried import carry_over
from nndiag.program.gradients.comparison import compare
from nndiag.program.gradients.computed import Computed, Residual, computed_values, residuals
from nndiag.program.gradients.frozen import add_frozen, tie_copies
from nndiag.program.gradients.laboratory import Laboratory, Point
from nndiag.program.gradients.measurement import Measurement
from nndiag.program.gradients.objective import Objective, objective_of
from nndiag.program.gradients.optimizer import moments
from nndiag.program.gradients.preparation import (
    NoLoopError,
    found_parameters,
    lively_points,
    look_at_unseen,
    said_expressions,
    share_unchanged,
    watched_program,
    working_points,
)
from nndiag.program.gradients.rates import learning_rate
from nndiag.program.loop.discovery import Watched
from nndiag.program.loop.named_gradients import with_gradients
from nndiag.program.text.instrument import serial_of
from nndiag.program.text.settings import CodeSettings
from nndiag.program.text.source import Source

_MOST_CANDIDATES = 40
_MOST_HALVINGS = 16  # of the shift that inputs of 60,000 bear
_DOUBLE = np.dtype(np.float64)


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
    refused: frozenset[tuple[int, int]] = frozenset()
    failure: _NoLossError | None = None
    while True:
        try:
            host, watched = watched_program(source, settings, deadline=deadline, refused=refused)
            return _measured(host, watched, settings=settings, deadline=deadline)
        except NoLoopError as error:
            raise failure or error from None
        except _NoLossError as error:
            failure = failure or error
            if not watched.parents or time.perf_counter() > deadline:
                raise failure from None
            refused |= {watched.loop.key}  # a loop over layers that updates every parameter


def _measured(
    host: Host, watched: Watched, *, settings: CodeSettings, deadline: float
) -> Measurement:
    """The measurement of one loop of a program."""
    source = host.source
    settings = with_gradients(settings, watched)
    stand_in = copy.deepcopy(host.tree.body[len(source.tree.body) :])
    said = said_expressions(settings)
    host.inject(watched.loop.key, said)
    runner = Runner(host, watched.loop)
    runner.adopt_functions()
    look_at_unseen(runner, watched)
    tensors = found_parameters(watched, settings, source)
    lab = Laboratory(runner, tensors)
    lab.watch_gradients()
    points = list(lab.points(watched.snapshots))
    if not points:
        raise UserCodeError(Problem("the parameters are not finite at any iteration"))
    points = working_points(lab, points)
    if not settings.parameters and carry_over(lab, points):
        points = working_points(lab, list(lab.points(watched.snapshots)))
    share_unchanged(lab, points)
    measurement = _with_loss(lab, watched, points=points, settings=settings)
    measurement.said, measurement.stand_in = said, stand_in
    if source.is_python_2:
        measurement.notes.append("read as Python 2; / divides as in Python 3")
    tie_copies(measurement)
    add_frozen(measurement, settings)
    compare(measurement, deadline=deadline)
    return measurement


def _with_loss(
    lab: Laboratory, watched: Watched, *, points: list[Point], settings: CodeSettings
) -> Measurement:
    """Finds the loss and what else is needed to compare."""
    changed = {leaf: None for test in watched.tests for leaf in test.changed}
    state = moments(lab, points, changed)
    zeroed = tuple(leaf for moment in state for leaf in moment.state.leaves)
    points = [point.with_zeroed(zeroed) for point in points]
    updates = lab.updates(points[0])
    resets = frozenset(serial for serials in updates.values() for serial in serials)
    computed = computed_values(lab, points[0], resets)
    lab.rounding = _rounding(computed)
    found = residuals(lab, computed)
    if not found:
        points, computed, found = _nearer(lab, points, computed)
    outputs = [residual.output for residual in found]
    points = lively_points(lab, points, computed=computed, outputs=outputs)
    candidates = _candidates(lab, computed, residuals=found, said=settings.loss)
    compared = partial(
        objective_of, lab, candidates, points=points, residuals=found, computed=computed
    )
    objective = compared() if candidates else Objective([], None)
    trial = objective.chosen
    if trial is None:
        raise _no_loss(lab, computed, any_candidate=bool(candidates))
    if state and not trial.explains:
        lab.proxies = {
            moment.tensor: moment for moment in sorted(state, key=lambda item: not item.squared)
        }
        other = compared()
        if other.chosen is not None and other.chosen.followed > trial.followed:
            objective, trial = other, other.chosen
        else:
            lab.proxies.clear()
    return Measurement(
        host=lab.runner.host,
        watched=watched,
        lab=lab,
        points=points,
        trial=trial,
        all_trials=objective.trials,
        computed=computed,
        residuals=found,
        updates=updates,
        rate=learning_rate(lab.nodes, resets, computed, said=settings.learning_rate),
        moments=state,
    )


def _nearer(
    lab: Laboratory, points: list[Point], computed: Computed
) -> tuple[list[Point], Computed, list[Residual]]:
    """The points with the shifted ones so near to zero that the parameters act on an output.

    Large inputs drive the outputs of shifted parameters to where nothing acts on them.
    """
    smaller = points
    for _ in range(_MOST_HALVINGS):
        smaller = [point.nearer_to_zero() if point.shifted else point for point in smaller]
        try:
            values = computed_values(lab, smaller[0], computed.instruments.resets)
        except StepFailedError:
            break
        found = residuals(lab, values)
        if found:
            return smaller, values, found
    return points, computed, []


def _candidates(
    lab: Laboratory, computed: Computed, *, residuals: list[Residual], said: str | None
) -> list[Candidate]:
    """What may be the loss: what the user names, or else what looks like one."""
    if said is not None:
        return [_said(said, lab, computed)]
    own = [*scalar_candidates(lab, computed)][:_MOST_CANDIDATES]
    return [*own, *implied_candidates(residuals, computed)]


class _NoLossError(UserCodeError):
    """Nothing in an iteration can be the loss."""


def _no_loss(lab: Laboratory, computed: Computed, *, any_candidate: bool) -> _NoLossError:
    source = lab.runner.host.source
    place = loop_place(lab.runner.loop, source)
    hint = "name it under `code.loss`, any expression over the loop's variables"
    what = "no loss found that can be compared"
    jump = _jump(lab, computed)
    if not any_candidate and jump is not None:
        what = (
            f"the output jumps ({source.spot(jump)}): it has no gradient to compare the steps "
            "with, as in a perceptron, whose rule is no fault"
        )
        hint = "where a smooth loss is meant all the same, name it under `code.loss`"
    elif not any_candidate:
        what = (
            "no loss found: the loop computes none, and no difference between an output and a "
            "target to infer it from"
        )
    return _NoLossError(Problem(f"{place}: {what}", hint=hint))


def _jump(lab: Laboratory, computed: Computed) -> int | None:
    """Line of the first comparison of something that the parameters act on."""
    order = computed.base.order
    compared = [
        (order[serial_of(side)], node.lineno)
        for node in lab.nodes.values()
        if isinstance(node, ast.Compare)
        for side in (node.left, *node.comparators)
        if serial_of(side) in computed.acted
    ]
    return min(compared)[1] if compared else None


def _rounding(computed: Computed) -> float:
    """The rounding of the least precise numbers that the parameters act on."""
    values = (computed.base.values[serial][-1] for serial in computed.acted)
    kinds = {value.dtype for value in values if isinstance(value, (np.ndarray, np.floating))}
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

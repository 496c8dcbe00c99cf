"""One program, measured: its loop, parameters, loss, and the step against the numeric gradient."""

import ast
import copy
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nndiag.errors import Problem, UserCodeError
from nndiag.user_code.candidates import (
    Candidate,
    Computed,
    Residual,
    computed_values,
    implied_candidates,
    residuals,
    scalar_candidates,
)
from nndiag.user_code.discovery import Observer, Watched
from nndiag.user_code.host import Host, loop_place
from nndiag.user_code.judgement import Fits, Verdict, reference_scales, verdicts
from nndiag.user_code.laboratory import Laboratory, Point, shifted
from nndiag.user_code.numbers import Vector, is_real
from nndiag.user_code.objective import Trial, chosen_trial, compared, relate, trials
from nndiag.user_code.optimizer import Moment, moments
from nndiag.user_code.rates import Rate, learning_rate
from nndiag.user_code.runner import Runner, StepFailedError
from nndiag.user_code.settings import CodeSettings
from nndiag.user_code.slopes import STEP, Differences, Fit, Slopes, entries_of, fit
from nndiag.user_code.snapshot import Leaf
from nndiag.user_code.source import Source
from nndiag.user_code.tensors import (
    Tensor,
    named_tensors,
    never_updated,
    tensors_of,
    without_overlaps,
)

_ENTRIES = 24
_FEW_ENTRIES = 6
_MOST_CANDIDATES = 40
_TRIAL_POINTS = 3
_SWEEP = (1e-3, 1e-4, 1e-7)
_MOST_POINTS = 5
_DOUBTFUL = 0.02


@dataclass(eq=False)
class Measurement:
    """All that was measured on one program.

    Attributes:
        host: The program.
        watched: Its training loop.
        lab: Runs its step.
        points: Where it was checked.
        trial: Its loss, compared with the step.
        all_trials: The other numbers that may be the loss.
        fits: Per point: tensor name → fit.
        slopes: Per point: the numeric gradient.
        entries: Per point: the entries that were compared.
        steps: Per point: the step.
        computed: The values of one iteration.
        residuals: Its differences between output and target.
        updates: Tensor name → serials of the statements that change it.
        rate: Its learning rate.
        moments: Its optimizer's state.
        kinks: Tensors with entries at a kink, which were left out.
        doubted: Tensors that are wrong by more than rounding or a step size could explain.
        notes: What else was noticed.
        said: The user's own expressions, by the key of the config.
        stand_in: The loop over `code.functions`, where the program has none.
    """

    host: Host
    watched: Watched
    lab: Laboratory
    points: list[Point]
    trial: Trial
    all_trials: list[Trial]
    computed: Computed
    residuals: list[Residual]
    updates: dict[str, tuple[int, ...]]
    rate: Rate | None
    moments: tuple[Moment, ...]
    fits: list[dict[str, Fit]] = field(default_factory=list)
    slopes: list[Slopes] = field(default_factory=list)
    entries: list[Mapping[str, Any]] = field(default_factory=list)
    steps: list[dict[str, Vector]] = field(default_factory=list)
    kinks: set[str] = field(default_factory=set)
    doubted: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    said: dict[str, str] = field(default_factory=dict)
    stand_in: list[ast.stmt] = field(default_factory=list)

    @property
    def loss(self) -> Candidate:
        """The loss that was taken."""
        return self.trial.candidate

    @property
    def rates(self) -> list[float | None]:
        """The learning rate at each point, where it is what right tensors must have."""
        if self.lab.gradients and set(self.lab.gradients) == set(self.fits[0]):
            return [1.0] * len(self.fits)  # gradients are compared, not steps
        stated = self.loss.own and not self.moments and self.rate is not None
        value = self.rate.value if stated and self.rate else None
        return [value] * len(self.fits)

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """The verdict on each tensor."""
        groups = [point.snapshot.iteration for point in self.points]
        return verdicts(self.fits, self.rates, groups)

    @property
    def references(self) -> list[float | None]:
        """The factor of right tensors at each point."""
        return reference_scales(self.fits, self.rates)

    @property
    def examples(self) -> int:
        """How many examples one step sees."""
        for residual in self.residuals:
            if residual.serial in self.loss.serials or self.loss.own:
                values = self.computed.base.values[residual.serial]
                shape = np.shape(values[-1])
                many = len(values)
                return _examples(shape, many, self.lab.tensors)
        return 1

    @property
    def is_right(self) -> bool:
        """Whether all tensors with a signal are right, with a steady factor."""
        good = {Verdict.RIGHT, Verdict.NO_SIGNAL, Verdict.KINK, Verdict.NOISE}
        found = self.verdicts.values()
        return all(item in good for item in found) and any(item is Verdict.RIGHT for item in found)


def _examples(shape: tuple[int, ...], many: int, tensors: tuple[Tensor, ...]) -> int:
    """The number of examples, from the shape of the residual and how often it was computed."""
    if len(shape) == 0 or many > 1:
        return many
    if len(shape) == 1:
        widths = {tensor.shape[-1] for tensor in tensors if tensor.shape}
        return 1 if shape[0] in widths else shape[0]
    width = {size for tensor in tensors for size in tensor.shape}
    if shape[0] in width and shape[1] not in width:
        return shape[1]  # examples as columns
    return shape[0]


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
    host, watched = _watched(source, settings, deadline)
    stand_in = copy.deepcopy(host.tree.body[len(source.tree.body) :])
    said = said_expressions(settings)
    host.inject(watched.loop.key, said)
    runner = Runner(host, watched.loop)
    runner.adopt_functions()
    tensors = _parameters(watched, settings, source)
    lab = Laboratory(runner, tensors)
    lab.watch_gradients()
    points = list(lab.points(watched.snapshots))
    if not points:
        raise UserCodeError(Problem("the parameters are not finite at any iteration"))
    points = _working(lab, points, source, watched)
    _sharing(lab, points)
    measurement = _with_loss(lab, host, watched, points, settings)
    measurement.said, measurement.stand_in = said, stand_in
    _tie(measurement)
    _add_frozen(measurement, settings)
    _compare(measurement, deadline)
    return measurement


def said_expressions(settings: CodeSettings) -> dict[str, str]:
    """The expressions that the user names, by the key of the config that they stand under."""
    said = {} if settings.loss is None else {"loss": settings.loss}
    return said | {f"gradients.{name}": text for name, text in settings.gradients.items()}


def _watched(source: Source, settings: CodeSettings, deadline: float) -> tuple[Host, Watched]:
    """Runs the program until its training loop is known."""
    host = Host(source, settings.functions)
    name = (settings.class_name or "").rpartition(":")[2] or None
    observer = Observer(host, prefer=name)
    host.hooks.deadline = deadline
    try:
        host.run()
    except UserCodeError:
        if observer.chosen is None or not observer.chosen.snapshots:
            raise
    except BaseException as error:
        if type(error).__name__ != "OutOfTime":
            raise
    host.hooks.deadline = float("inf")
    if observer.chosen is None:
        raise _no_loop(host, observer)
    return host, observer.chosen


def _no_loop(host: Host, observer: Observer) -> UserCodeError:
    name = host.source.name
    if not host.loops:
        return UserCodeError(
            Problem(
                f"{name}: no training loop found: the program has no for or while loop",
                hint="name the statements that make one step under `code.functions`, such as "
                '`functions: "grads, cost = propagate(w, b, X, Y)"` with `loss:` and `gradients:`',
            )
        )
    ran = [item for item in observer.watched.values() if item.heads]
    places = ", ".join(loop_place(item.loop, host.source) for item in ran[:4])
    changing = any(test.changed for item in ran for test in item.tests)
    what = "no loop that ran updates parameters with a gradient"
    if not ran:
        what = "none of its loops ran"
    elif changing:
        what = "no loop that ran computes something from parameters and updates them with it"
    return UserCodeError(
        Problem(
            f"{name}: no training loop found: {what}",
            got=places or None,
            hint="call the training in the file, or name the statements of one step under "
            "`code.functions`",
        )
    )


def _parameters(watched: Watched, settings: CodeSettings, source: Source) -> tuple[Tensor, ...]:
    """The user's parameters, or those that were seen to move."""
    first = watched.snapshots[0]
    if settings.parameters or settings.functions is not None:
        return named_tensors(first, settings.parameters or tuple(settings.gradients))
    leaves = {leaf: None for test in watched.tests for leaf in test.moving}
    found = without_overlaps(first, tensors_of(first, leaves))
    if not found:
        raise UserCodeError(
            Problem(
                f"{loop_place(watched.loop, source)}: no parameters found in this loop",
                hint="name them under `code.parameters`",
            )
        )
    return found


def _working(lab: Laboratory, points: list[Point], source: Source, watched: Watched) -> list[Point]:
    """The points where an iteration runs, and gives the same when it runs again."""
    good = []
    failure = ""
    for point in points:
        try:
            first, second = lab.step(point), lab.step(point)
        except StepFailedError as error:
            failure = str(error)
            continue
        if any(not np.array_equal(first[name], second[name], equal_nan=True) for name in first):
            raise UserCodeError(
                Problem(
                    f"{loop_place(watched.loop, source)}: the same iteration gives different "
                    "results when it is run again",
                    hint="seed all generators outside the loop; time, threads and iterators that "
                    "the loop uses up cannot be put back",
                )
            )
        good.append(point)
    if not good:
        raise UserCodeError(
            Problem(
                f"{loop_place(watched.loop, source)}: one iteration cannot be run by itself",
                got=failure,
                hint="name the statements of one step under `code.functions`",
            )
        )
    return good


def _sharing(lab: Laboratory, points: list[Point]) -> None:
    """Finds what no iteration changes: it need not be copied each time."""
    for snapshot in {id(point.snapshot): point.snapshot for point in points}.values():
        point = next(item for item in points if item.snapshot is snapshot)
        plain = lab.step(point)
        snapshot.share_unchanged(leaf for tensor in lab.tensors for leaf in tensor.leaves)
        try:
            again = lab.step(point)
            same = all(np.array_equal(plain[name], again[name], equal_nan=True) for name in plain)
        except StepFailedError:
            same = False
        if not same:
            snapshot.unshare()


def _with_loss(
    lab: Laboratory, host: Host, watched: Watched, points: list[Point], settings: CodeSettings
) -> Measurement:
    """Finds the loss and what else is needed to compare."""
    plain = next((point for point in points if not point.shifted), points[0])
    changed = {leaf: None for test in watched.tests for leaf in test.changed}
    state = moments(lab, plain, changed)
    zeroed = tuple(moment.leaf for moment in state)
    points = [replace_zeroed(point, zeroed) for point in points]
    updates = lab.updates(points[0])
    resets = frozenset(serial for serials in updates.values() for serial in serials)
    computed = computed_values(lab, points[0], resets)
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
    tried = _tried(lab, candidates, points, computed)
    trial = chosen_trial(lab, tried, points[0], found, computed)
    if trial is not None and state and not trial.explains:
        for moment in sorted(state, key=lambda item: not item.squared):
            lab.proxies[moment.tensor] = (moment.leaf, moment.squared)
        again = _tried(lab, candidates, points, computed)
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


def replace_zeroed(point: Point, zeroed: tuple[Leaf, ...]) -> Point:
    """The point with the optimizer's state at zero."""
    return Point(point.snapshot, point.theta, zeroed, point.shifted)


def _tried(
    lab: Laboratory, candidates: list[Candidate], points: list[Point], computed: Computed
) -> list[Trial]:
    tried = trials(lab, candidates, points[:_TRIAL_POINTS], computed, most=_FEW_ENTRIES)
    relate(tried, computed)
    return tried


def _said(expression: str, lab: Laboratory, computed: Computed) -> Candidate:
    """The loss that the user names.

    Raises:
        UserCodeError: It is not one number, or no parameter acts on it.
    """
    serial = lab.runner.host.said["loss"]
    values = computed.base.values.get(serial, [])
    if not values or any(np.size(value) != 1 for value in values):
        shape = np.shape(values[-1]) if values else "nothing numeric"
        raise UserCodeError(
            Problem(f"code.loss: {expression!r} is not one number", got=str(shape))
        )
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


def _tie(measurement: Measurement) -> None:
    """Treats a bias that is kept once per example, with equal rows, as the one bias that it is."""
    lab = measurement.lab
    if measurement.trial.explains:
        return
    examples = measurement.examples
    tied = []
    for tensor in lab.tensors:
        equal = len(tensor.shape) == 2 and tensor.shape[0] == examples > 1
        equal = equal and all(
            _rows_equal(lab, tensor, point) for point in measurement.points if not point.shifted
        )
        tied.append(replace(tensor, shape=tensor.shape[1:], copies=examples) if equal else tensor)
    if tuple(tied) == lab.tensors:
        return
    names = [tensor.name for tensor in tied if tensor.copies > 1]
    lab.tensors = tuple(tied)
    snapshots = list({id(point.snapshot): point.snapshot for point in measurement.points}.values())
    points = [
        replace_zeroed(point, measurement.points[0].zeroed) for point in lab.points(snapshots)
    ]
    candidates = [trial.candidate for trial in measurement.all_trials]
    tried = _tried(lab, candidates, points, measurement.computed)
    trial = chosen_trial(lab, tried, points[0], measurement.residuals, measurement.computed)
    if trial is not None:
        measurement.points, measurement.trial, measurement.all_trials = points, trial, tried
        measurement.notes.append(
            f"{', '.join(names)}: one row for each example, all equal and moved alike; "
            "checked as the one bias that they are"
        )


def _rows_equal(lab: Laboratory, tensor: Tensor, point: Point) -> bool:
    values = point.theta[tensor.name].reshape(tensor.shape)
    step = lab.step(point)[tensor.name].reshape(tensor.shape)
    return bool(np.all(values == values[:1]) and np.all(step == step[:1]))


def _add_frozen(measurement: Measurement, settings: CodeSettings) -> None:
    """Adds what looks like a parameter, acts on the loss and is never changed."""
    if settings.parameters:
        return
    lab, point = measurement.lab, measurement.points[-1]
    known = {leaf for tensor in lab.tensors for leaf in tensor.leaves}
    changed = {leaf for test in measurement.watched.tests for leaf in test.changed}
    early = {leaf for leaf, _ in measurement.watched.snapshots[0].leaves()}
    same = {id(point.snapshot.original(leaf)) for leaf in known | changed}
    leaves = [
        leaf
        for leaf, value in point.snapshot.leaves()
        if leaf not in known | changed
        and leaf in early
        and (is_real(value) or np.ndim(value) == 2)
        and id(value) not in same
    ]
    host = measurement.host
    names = {node.id for node in host.nodes.values() if isinstance(node, ast.Name)}
    names |= {node.attr for node in host.nodes.values() if isinstance(node, ast.Attribute)}
    likely = never_updated(
        point.snapshot, lab.tensors, leaves, names=frozenset(names), passing=host.passing
    )
    if not likely:
        return
    for snapshot in {id(item.snapshot): item.snapshot for item in measurement.points}.values():
        snapshot.unshare()
    frozen = [tensor for tensor in likely if _acts(measurement, tensor, point)]
    if not frozen:
        _sharing(lab, measurement.points)
        return
    lab.tensors = (*lab.tensors, *frozen)
    measurement.points = [
        Point(
            item.snapshot, {**item.theta, **_frozen_theta(frozen, item)}, item.zeroed, item.shifted
        )
        for item in measurement.points
    ]
    measurement.updates |= {tensor.name: () for tensor in frozen}
    _sharing(lab, measurement.points)


def _frozen_theta(frozen: list[Tensor], point: Point) -> dict[str, Vector]:
    point.snapshot.install()
    found = {}
    for tensor in frozen:
        values = tensor.read(point.snapshot)
        found[tensor.name] = np.zeros(tensor.size) if values is None else values
    return shifted(found) if point.shifted else found


def _acts(measurement: Measurement, tensor: Tensor, point: Point) -> bool:
    """Whether a small change of a tensor changes the loss."""
    lab = measurement.lab
    differences = Differences(lab, [measurement.loss], measurement.computed.instruments)
    snapshot = point.snapshot
    try:
        plain = differences.losses(point)[0]
        snapshot.install()
        start = tensor.read(snapshot)
        if start is None:
            return False
        moved = start + 1e-3 * max(1.0, float(np.max(np.abs(start))))

        def change() -> None:
            tensor.write(snapshot, moved)

        recording = lab.record(point, differences.variant, also=change)
    except StepFailedError:
        return False
    value = measurement.loss.value(recording)
    return value is not None and value != plain


def _compare(measurement: Measurement, deadline: float) -> None:
    """Compares the step with the numeric gradient at all points, and looks twice where it fails."""
    lab = measurement.lab
    differences = Differences(lab, [measurement.loss], measurement.computed.instruments)
    points = []
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
        _look_again(measurement, differences, point, step, entries, slopes, fits)
        points.append(point)
        measurement.steps.append(step)
        measurement.entries.append(entries)
        measurement.slopes.append(slopes)
        measurement.fits.append(fits)
    measurement.points = points
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
        if found.parallel or not found.signal or found.still or name in measurement.doubted:
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
        for size in _SWEEP if best.residual < _DOUBTFUL else ():
            if best.parallel:
                break
            again = differences.slopes(point, {name: entries[name]}, size=size)[0]
            other = fit(step[name][entries[name]], again.values[name], again.noise)
            if other.signal and other.residual < 0.1 * best.residual:
                best, slopes.values[name] = other, again.values[name]
        fits[name] = best
        if best.residual >= _DOUBTFUL:
            measurement.doubted.add(name)  # wrong beyond any rounding: need not be looked at again


__all__ = ["STEP", "Fits", "Measurement", "measure"]

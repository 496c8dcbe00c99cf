"""A program run to its training loop, with its parameters found by what the loss is made from."""

from __future__ import annotations

import ast
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from nndiag.errors import Problem, UserCodeError
from nndiag.program.execution.host import Host, OutOfTime, loop_place
from nndiag.program.execution.places import MISSING
from nndiag.program.execution.runner import Runner, StepFailedError
from nndiag.program.execution.snapshot import Snapshot
from nndiag.program.gradients.computed import occasional
from nndiag.program.gradients.laboratory import Laboratory, Point
from nndiag.program.gradients.preparation import (
    look_at_unseen,
    watched_program,
)
from nndiag.program.loop.discovery import Watched
from nndiag.program.loop.named_gradients import with_gradients
from nndiag.program.loop.tensors import Tensor, named_tensors, tensors_of, without_overlaps
from nndiag.program.roles.assigned import parameter_leaves
from nndiag.program.roles.choice import chosen_loss, takes_one_step
from nndiag.program.roles.frozen import frozen_tensors
from nndiag.program.roles.losses import Loss, Residual
from nndiag.program.roles.optimizers import State, states_of
from nndiag.program.roles.reading import (
    Reading,
    has_signal,
    literal_serials,
    read_iteration,
)
from nndiag.program.roles.recording import recorded
from nndiag.program.text.settings import CodeSettings
from nndiag.program.text.source import Source

_MOST_QUARTERS = 20
_MOST_PLAIN = 4


@dataclass(eq=False)
class Understanding:
    """A program, as far as it was understood.

    Attributes:
        host: The program.
        watched: Its training loop.
        lab: Runs its step.
        readings: Its iteration at several points.
        loss: Its loss; None where there is none.
        forced: Serials of the `if` statements whose body always runs.
        updates: Serials of the statements that change parameters.
        failure: Why an iteration could not be run, where it could not.
        states: The optimizer's memory.
        said: Serial of the call that shows the loss that the user names; −1 where none is named.
        deadline: When to stop, as `time.perf_counter` counts.
    """

    host: Host
    watched: Watched
    lab: Laboratory
    readings: list[Reading] = field(default_factory=list)
    loss: Loss | None = None
    forced: frozenset[int] = frozenset()
    updates: frozenset[int] = frozenset()
    failure: str = ""
    states: list[State] = field(default_factory=list)
    said: int = -1
    deadline: float = float("inf")

    @property
    def is_one_step(self) -> bool:
        """Whether an iteration of the loop takes one step."""
        return self.loss is None or all(takes_one_step(r, self.loss) for r in self.readings[:1])

    @property
    def nodes(self) -> dict[int, ast.AST]:
        """The syntax tree by serial."""
        return dict(self.lab.nodes)


def understood(source: Source, settings: CodeSettings, *, deadline: float) -> Understanding:
    """Reads a program's iteration: of the loop inside, where one of the outer loop is many steps.

    Args:
        source: The program.
        settings: What the user says about it.
        deadline: When to stop, as `time.perf_counter` counts.

    Raises:
        UserCodeError: The program cannot be run, or has no training loop.
        OutOfTime: Its iteration takes too long to be read at several points.
    """
    found = _understood(source, settings, deadline=deadline)
    if found.is_one_step or settings.functions is not None:
        return found
    refused = frozenset({found.watched.loop.key})
    try:
        inner = _understood(source, settings, deadline=deadline, refused=refused)
    except UserCodeError:
        return found
    return inner if inner.loss is not None and inner.is_one_step else found


def _understood(
    source: Source,
    settings: CodeSettings,
    *,
    deadline: float,
    refused: frozenset[tuple[int, int]] = frozenset(),
) -> Understanding:
    """Runs a program to its training loop and reads its iteration at several points.

    Args:
        source: The program.
        settings: What the user says about it.
        deadline: When to stop, as `time.perf_counter` counts.
        refused: Loops that were read and are none.

    Raises:
        UserCodeError: The program cannot be run, or has no training loop.
        OutOfTime: Its iteration takes too long to be read at several points.
    """
    settings = with_steps(settings)
    host, watched = watched_program(source, settings, deadline=deadline, refused=refused)
    completed = with_gradients(settings, watched)
    if completed.gradients and settings.functions is not None:
        return _understood(source, with_steps(completed), deadline=deadline)
    said = -1 if settings.loss is None else host.show(watched.loop.key, settings.loss)
    runner = Runner(host, watched.loop)
    runner.adopt_functions()
    look_at_unseen(runner, watched)
    lab = Laboratory(runner, _moved(watched, settings))
    found = Understanding(host, watched, lab, forced=occasional(lab.nodes.values()), said=said)
    found.deadline = deadline
    if not settings.parameters:
        _complete(found)
    if not found.lab.tensors:
        raise UserCodeError(
            Problem(
                f"{loop_place(watched.loop, source)}: no parameters found in this loop",
                hint="name them under `code.parameters`",
            )
        )
    _read(found)
    return found


def with_steps(settings: CodeSettings) -> CodeSettings:
    """The settings with a step of rate 1 along each gradient that the user names.

    Functions that give a gradient make no step: one is made behind them.
    """
    if settings.functions is None or not settings.gradients:
        return settings
    steps = [f"{name} = {name} - ({text})" for name, text in settings.gradients.items()]
    text = "\n".join([settings.functions, *steps])
    names = settings.parameters or tuple(settings.gradients)
    return replace(settings, functions=text, gradients={}, parameters=names)


def _moved(watched: Watched, settings: CodeSettings) -> tuple[Tensor, ...]:
    """The parameters that the user names, or else those that were seen to move."""
    first = watched.snapshots[0]
    if settings.parameters:
        return named_tensors(first, settings.parameters)
    leaves = {leaf: None for test in watched.tests for leaf in test.moving}
    return without_overlaps(first, tensors_of(first, leaves))


def _complete(found: Understanding) -> None:
    """Finds the parameters in the graph of the first iteration that can be run.

    A parameter is a variable that an iteration assigns anew, and from whose old value a loss, or a
    residual, is computed on a way that passes no such assignment. An example that is picked out, a
    running total, a state of the network, an optimizer's memory and a decaying rate are none: what
    they act on is their own new value, or another variable's.
    """
    lab = found.lab
    for snapshot in found.watched.snapshots[:2]:
        point = next(iter(lab.points([snapshot])), None) or Point(snapshot, {})
        try:
            iteration = recorded(lab, point, forced=found.forced)
        except StepFailedError as error:
            found.failure = str(error)
            continue
        leaves = parameter_leaves(iteration, literal_serials(lab.nodes))
        if leaves:
            lab.tensors = without_overlaps(snapshot, tensors_of(snapshot, leaves))
            return


def _read(found: Understanding) -> None:
    """Reads the iteration at the points where it can be run, and finds its loss."""
    lab = found.lab
    _unshare(found)
    points = _spread(list(lab.points(found.watched.snapshots)))
    found.updates = _updates(lab, points)
    for _ in range(_MOST_QUARTERS):
        first = next((item for point in points[:2] if (item := _reading(found, point))), None)
        if first is None or not (_is_saturated(first) or _is_guarded(first)):
            break
        points = [_nearer_to_zero(point) if point.shifted else point for point in points]
    else:  # nearness to zero does not help
        points = _spread(list(lab.points(found.watched.snapshots)))
    last = _last_reading(found, points)
    if last is None:
        return
    if _tie_copies(found, last):
        points = _spread(list(lab.points(found.watched.snapshots)))
        last = _last_reading(found, points) or last
    start = found.watched.snapshots[0]
    found.states = [
        state
        for state in states_of(lab, last, forced=found.forced)
        if not state.is_assigned or _is_empty(start, state)
    ]
    empty = tuple(leaf for state in found.states for leaf in state.leaves)
    points = [point.with_zeroed(empty) for point in points]
    found.readings = [item for point in points if (item := _reading(found, point))]
    if not found.readings:
        return
    _choose(found)
    if found.loss is None:
        return
    frozen = frozen_tensors(found.readings[0], found.loss, found.watched.snapshots[0])
    if frozen:
        lab.tensors = (*lab.tensors, *frozen)
        points = [_with_more(lab, reading.point) for reading in found.readings]
        found.readings = [item for point in points if (item := _reading(found, point))]
        _choose(found)


def _unshare(found: Understanding) -> None:
    """Lets each run have parameters of its own, also those that no iteration seemed to change."""
    leaves = [leaf for tensor in found.lab.tensors for leaf in tensor.leaves]
    for snapshot in found.watched.snapshots:
        if any(id(snapshot.original(leaf)) in snapshot.shared for leaf in leaves):
            snapshot.unshare()


def _is_empty(start: Snapshot, state: State) -> bool:
    """Whether a variable is there with nothing in it before the loop, as an average is.

    A gradient that is kept in a variable is not there yet.
    """
    values = [start.original(leaf) for leaf in state.leaves]
    return all(value is not MISSING and not np.any(value) for value in values)


def _last_reading(found: Understanding, points: Sequence[Point]) -> Reading | None:
    return next((item for point in reversed(points) if (item := _reading(found, point))), None)


def _tie_copies(found: Understanding, reading: Reading) -> bool:
    """Takes a bias that has a row for each example, all alike, for the one bias that it is.

    Returns:
        Whether there was one.
    """
    tied = []
    for tensor in found.lab.tensors:
        rows = _rows(reading, tensor)
        alike = rows is not None and np.ptp(rows, axis=1).max() == 0
        tied.append(
            replace(tensor, shape=tensor.shape[1:], copies=tensor.shape[0]) if alike else tensor
        )
    changed = tuple(tied) != found.lab.tensors
    found.lab.tensors = tuple(tied)
    return changed


def _rows(reading: Reading, tensor: Tensor) -> np.ndarray | None:
    """Value and step of a parameter, row by row; None where it has no rows, or does not move."""
    item = next((p for p in reading.parameters if p.tensor is tensor), None)
    if item is None or len(tensor.shape) != 2 or tensor.shape[0] < 3 or not item.moves:
        return None
    examples = {
        len(reading.forward[r.node].value) for r in reading.residuals if _is_table(reading, r)
    }
    if not np.isfinite(item.step).all() or tensor.shape[0] not in examples:
        return None
    start = reading.iteration.values_at(item.heads)
    return np.stack([start.reshape(tensor.shape), item.step.reshape(tensor.shape)])


def _is_table(reading: Reading, residual: Residual) -> bool:
    return len(reading.forward[residual.node].shape) > 0


def _choose(found: Understanding) -> None:
    """Leaves out the points on a kink or behind a guard, and chooses the loss."""
    smooth = [reading for reading in found.readings if not reading.at_kink]
    found.readings = smooth or found.readings
    telling = [reading for reading in found.readings if not reading.is_guarded]
    found.readings = telling or found.readings
    if found.said >= 0:
        found.loss = _said_loss(found)
    else:
        found.loss = chosen_loss(found.readings) if found.readings else None


def _said_loss(found: Understanding) -> Loss | None:
    """The loss that the user names.

    Raises:
        UserCodeError: It is not one number, or no parameter acts on it.
    """
    reading = found.readings[0] if found.readings else None
    node = None if reading is None else reading.forward.shown_at.get(found.said)
    text = ast.unparse(found.nodes[found.said].args[0])  # type: ignore[attr-defined]
    if reading is None or node is None or reading.forward[node].size != 1:
        raise UserCodeError(
            Problem(
                f"code.loss: {text!r} is not one number",
                got=None if reading is None or node is None else str(reading.forward[node].shape),
            )
        )
    keys = {index: key for key, index in reading.keyed_forward.items()}
    if node not in reading.acted_forward or node not in keys:
        raise UserCodeError(
            Problem(
                f"code.loss: {text!r} does not change with the parameters",
                hint="write it with variables that one iteration computes from them",
            )
        )
    return Loss("own", ((keys[node],),), reading.forward[node].serial, shown=True)


def _with_more(lab: Laboratory, point: Point) -> Point:
    """A point with values for parameters that were found since."""
    point.snapshot.unshare()
    theta = {**lab.theta(point.snapshot), **point.theta}
    return Point(point.snapshot, theta, point.zeroed, point.shifted)


def _spread(points: list[Point]) -> list[Point]:
    """A few of the points: the shifted ones, the first two, one in the middle and the last."""
    plain = [point for point in points if not point.shifted]
    shifted = [point for point in points if point.shifted]
    middle = plain[len(plain) // 2]
    chosen = plain if len(plain) <= _MOST_PLAIN else [*plain[:2], middle, plain[-1]]
    return [*shifted, *chosen]


def _nearer_to_zero(point: Point) -> Point:
    return point.nearer_to_zero().nearer_to_zero()


def _updates(lab: Laboratory, points: list[Point]) -> frozenset[int]:
    """Serials of the statements that change parameters."""
    for point in points:
        try:
            found = lab.updates(point)
        except StepFailedError:
            continue
        return frozenset(serial for serials in found.values() for serial in serials)
    return frozenset()


def _reading(found: Understanding, point: Point) -> Reading | None:
    if time.perf_counter() > found.deadline:
        raise OutOfTime
    try:
        return read_iteration(found.lab, point, updates=found.updates, forced=found.forced)
    except StepFailedError as error:
        found.failure = str(error)
        return None


def _is_guarded(reading: Reading) -> bool:
    """Whether a shifted point lies where only the guard of the loss decides."""
    return reading.point.shifted and reading.is_guarded


def _is_saturated(reading: Reading) -> bool:
    """Whether no loss at all is moved by the parameters, which were shifted too far."""
    if not reading.point.shifted or not reading.losses:
        return False
    return not any(
        has_signal(reading, loss, derivatives[item.name], item)
        for loss in reading.losses
        for derivatives in (reading.derivatives(loss),)
        for item in reading.parameters
    )

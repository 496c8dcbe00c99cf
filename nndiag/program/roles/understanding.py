"""A program run to its training loop, with its parameters found by what the loss is made from."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from nndiag.errors import Problem, UserCodeError
from nndiag.program.execution import clock
from nndiag.program.execution.host import Host, OutOfTime, loop_place
from nndiag.program.execution.runner import Runner, StepFailedError
from nndiag.program.execution.snapshot import Leaf, Snapshot
from nndiag.program.loop.discovery import Watched
from nndiag.program.loop.named_gradients import with_gradients
from nndiag.program.loop.step_evaluator import Point, StepEvaluator
from nndiag.program.loop.tensors import Tensor, named_tensors, tensors_of, without_overlaps
from nndiag.program.loop.training_loop import (
    NoLoopError,
    look_at_unseen,
    occasional,
    watched_program,
)
from nndiag.program.roles.assigned import (
    assigned_leaves,
    displacements,
    parameter_leaves,
    tells_behind,
)
from nndiag.program.roles.carried import carried_leaves
from nndiag.program.roles.choice import chosen_loss, takes_one_step
from nndiag.program.roles.copied_rows import without_copies
from nndiag.program.roles.frozen import frozen_tensors
from nndiag.program.roles.losses import Loss
from nndiag.program.roles.optimizers import State, states_of
from nndiag.program.roles.points import fewer, is_guarded, is_saturated, nearer_to_zero, spread
from nndiag.program.roles.rates import Rate, learning_rate, said_rate
from nndiag.program.roles.reading import Reading, literal_node_ids, read_iteration
from nndiag.program.roles.recording import Iteration, recorded
from nndiag.program.roles.said_loss import said_loss
from nndiag.program.text.minimizers import with_minimized
from nndiag.program.text.settings import CodeSettings
from nndiag.program.text.source import Source

_MOST_QUARTERS = 20


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
        updated: Parameter → node_ids of the statements that change it.
        failure: Why an iteration could not be run, where it could not.
        states: The optimizer's memory.
        in_parts: The parameters that are read in the parts which several statements write.
        ahead: The variables of it that move the parameters before the loss is computed.
        rate: Its learning rate; None where it is unclear.
        settings: What the user says, completed by what was found.
        deadline: When to stop, on `clock.now`.
        read: What was read of points, with the parameters looked for there.
    """

    host: Host
    watched: Watched
    lab: StepEvaluator
    readings: list[Reading] = field(default_factory=list)
    loss: Loss | None = None
    forced: frozenset[int] = frozenset()
    updated: dict[str, tuple[int, ...]] = field(default_factory=dict)
    failure: str = ""
    states: list[State] = field(default_factory=list)
    in_parts: frozenset[str] = frozenset()
    ahead: frozenset[Leaf] = frozenset()
    rate: Rate | None = None
    settings: CodeSettings = field(default_factory=CodeSettings)
    deadline: float = float("inf")
    read: dict[tuple[Point, tuple[Tensor, ...]], Reading] = field(default_factory=dict)

    @property
    def is_one_step(self) -> bool:
        """Whether an iteration of the loop takes one step."""
        return self.loss is None or all(takes_one_step(r, self.loss) for r in self.readings[:1])

    @property
    def updates(self) -> frozenset[int]:
        """Serials of the statements that change parameters."""
        return _node_ids(self.updated)

    @property
    def nodes(self) -> dict[int, ast.AST]:
        """The syntax tree by node_id."""
        return dict(self.lab.nodes)


def understood(
    source: Source,
    settings: CodeSettings,
    *,
    deadline: float,
    refused: frozenset[tuple[int, int]] = frozenset(),
) -> Understanding:
    """Reads a program's iteration: of the loop inside, where one of the outer loop is many steps.

    Args:
        source: The program.
        settings: What the user says about it.
        deadline: When to stop, on `clock.now`.
        refused: Loops that are not the training loop.

    Raises:
        UserCodeError: The program cannot be run, or has no training loop.
        OutOfTime: Its iteration takes too long to be read at several points.
    """
    first: Understanding | None = None
    while True:
        try:
            found = _understood(source, settings, deadline=deadline, refused=refused)
        except NoLoopError:
            minimized = with_minimized(settings, source)
            if first is not None:
                return first
            if minimized is None:
                raise
            settings = minimized
            continue
        first = first or found
        if found.loss is not None:
            return found if found.is_one_step else _inner(found, refused)
        if not found.watched.parents or clock.is_over(deadline):
            return first
        refused |= {found.watched.loop.key}  # a loop over layers that updates every parameter


def _inner(found: Understanding, refused: frozenset[tuple[int, int]]) -> Understanding:
    """The loop inside one whose iteration takes many steps, where that takes one."""
    if found.settings.functions is not None:
        return found
    refused, source = refused | {found.watched.loop.key}, found.host.source
    try:
        inner = _understood(source, found.settings, deadline=found.deadline, refused=refused)
    except UserCodeError:
        return found
    return inner if inner.loss is not None and inner.is_one_step else found


def _understood(
    source: Source,
    settings: CodeSettings,
    *,
    deadline: float,
    refused: frozenset[tuple[int, int]],
) -> Understanding:
    """Runs a program to its training loop and reads its iteration at several points."""
    host, watched = watched_program(source, settings, deadline=deadline, refused=refused)
    settings = with_gradients(settings, watched)
    host.hold(watched.loop.key, settings.expressions)
    runner = Runner(host, watched.loop)
    runner.adopt_functions()
    look_at_unseen(runner, watched)
    lab = StepEvaluator(runner, _moved(watched, settings))
    found = Understanding(host, watched, lab, forced=occasional(lab.nodes.values()))
    found.settings, found.deadline = settings, deadline
    if not settings.names_parameters:
        _complete(found)
    if not found.lab.tensors:
        raise UserCodeError(
            Problem(
                f"{loop_place(watched.loop, source)}: no parameters found in this loop",
                got=found.failure or None,
                hint="name them: parameters=a,b, or `code.parameters` in a config",
            )
        )
    _hold_gradients(found)
    _read(found)
    found.rate = _rate(found) if found.readings else None
    return found


def _hold_gradients(found: Understanding) -> None:
    """Takes the gradients that the user names in the place of steps.

    Raises:
        UserCodeError: One is not that of a parameter.
    """
    names = [tensor.name for tensor in found.lab.tensors]
    keys = {name: found.settings.gradient_of(name) for name in names}
    found.lab.held = {name: key for name, key in keys.items() if key is not None}
    if len(found.lab.held) < len(found.settings.gradients):
        raise UserCodeError(
            Problem("code.gradients names what is not a parameter", allowed=", ".join(names))
        )


def _rate(found: Understanding) -> Rate | None:
    """The learning rate: the user's, 1 where gradients are compared, or the one in the updates.

    Raises:
        UserCodeError: The user names one that the updates do not use.
    """
    said = found.settings.learning_rate
    if said is not None:
        return said_rate(found.readings[0], found.nodes, said)
    if all(item.is_held for item in found.readings[0].parameters):
        return Rate("1", 1.0)
    kept = [state.kept for state in found.states if state.kept is not None]
    return learning_rate(found.readings[0], found.nodes, kept=kept, loss=found.loss)


def _moved(watched: Watched, settings: CodeSettings) -> tuple[Tensor, ...]:
    """The parameters that the user names, or else those that were seen to move."""
    first = watched.snapshots[0]
    if settings.names_parameters:
        return named_tensors(first, settings.parameters or tuple(settings.gradients))
    leaves = {leaf: None for test in watched.tests for leaf in test.moving}
    return without_overlaps(first, tensors_of(first, leaves))


def _with_single(found: Understanding) -> tuple[Tensor, ...]:
    """The parameters that were seen to move, and the single numbers that may be some.

    Where columns are centred, the bias behind them acts on itself alone. Written as a parameter, it
    is a real number also where it starts as an integer.
    """
    tests, first = found.watched.tests, found.watched.snapshots[0]
    leaves = {leaf: None for test in tests for leaf in (*test.moving, *test.leaning)}
    return without_overlaps(first, tensors_of(first, leaves))


def _complete(found: Understanding) -> None:
    """Finds the parameters in the graph of the first iteration that can be run.

    A parameter is a variable that an iteration assigns anew, and from whose old value a loss, or a
    residual, is computed on a way that passes no such assignment. An example that is picked out, a
    running total, a state of the network, an optimizer's memory and a decaying rate are none: what
    they act on is their own new value, or another variable's.
    """
    lab = found.lab
    moved, lab.tensors = lab.tensors, _with_single(found)
    _unshare(found)
    for snapshot in found.watched.snapshots[:2]:
        iteration = _first_recorded(found, [*lab.points([snapshot])] or [Point(snapshot, {})])
        if iteration is None:
            continue
        found.failure = ""
        if not tells_behind(iteration):
            lab.runner.leave_out_behind()
        iteration = _with_carried(found, snapshot, iteration)
        leaves = parameter_leaves(iteration, literal_node_ids(lab.nodes))
        found.ahead = displacements(iteration, leaves)
        none = {*lab.carried, *found.ahead, *found.watched.renewed}
        leaves = [leaf for leaf in leaves if leaf not in none]
        if leaves:
            lab.tensors = without_overlaps(snapshot, tensors_of(snapshot, leaves))
            return
    lab.tensors = moved


def _first_recorded(found: Understanding, points: Sequence[Point]) -> Iteration | None:
    """The iteration at the first point where it can be run: a shifted label picks nothing out."""
    for point in (points[0], points[-1]):
        try:
            return recorded(found.lab, point, forced=found.forced)
        except StepFailedError as error:
            found.failure = str(error)
    return None


def _with_carried(found: Understanding, snapshot: Snapshot, iteration: Iteration) -> Iteration:
    """The iteration behind another one, where it takes over outputs from that."""
    lab = found.lab
    carried, renewed = carried_leaves(iteration, assigned_leaves(iteration))
    if not carried or not renewed:
        return iteration
    lab.tensors = without_overlaps(snapshot, tensors_of(snapshot, renewed))
    try:
        point = Point(snapshot, lab.theta(snapshot))
        lab.carry(tuple(carried), _node_ids(lab.updates(point)))
        return recorded(lab, point, forced=found.forced)
    except StepFailedError:
        lab.carry((), frozenset())
        return iteration


def _node_ids(updated: Mapping[str, Iterable[int]]) -> frozenset[int]:
    return frozenset(node_id for node_ids in updated.values() for node_id in node_ids)


def _read(found: Understanding) -> None:
    """Reads the iteration at the points where it can be run, and finds its loss."""
    lab = found.lab
    _unshare(found)
    points = spread(list(lab.points(found.watched.snapshots)))
    found.updated = _updated(lab, points)
    for _ in range(_MOST_QUARTERS):
        first = next((item for point in points[:2] if (item := _reading(found, point))), None)
        if first is None or not (is_saturated(first) or is_guarded(first)):
            break
        points = [nearer_to_zero(point) if point.shifted else point for point in points]
    else:  # nearness to zero does not help
        points = spread(list(lab.points(found.watched.snapshots)))
    points = points if first is None else fewer(points, first)
    last = _last_reading(found, points)
    if last is None:
        return
    tied = without_copies(last, lab.tensors)
    if tied != lab.tensors:
        lab.tensors = tied
        points = spread(list(lab.points(found.watched.snapshots)))
        last = _last_reading(found, points) or last
    found.states = states_of(lab, last, start=found.watched.snapshots[0], forced=found.forced)
    empty = tuple(leaf for state in found.states for leaf in state.leaves)
    points = [point.with_zeroed(empty) for point in points]
    found.readings = [item for point in points if (item := _reading(found, point))]
    if not found.readings:
        return
    _choose(found)
    if found.loss is None:
        return
    last, loss = found.readings[-1], found.loss  # memory acts through the next parameters only
    found.states = [
        item
        for item in found.states
        if found.ahead & set(item.leaves) or not last.feels(loss, item.leaves)
    ]
    if found.settings.names_parameters:
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


def _last_reading(found: Understanding, points: Sequence[Point]) -> Reading | None:
    return next((item for point in reversed(points) if (item := _reading(found, point))), None)


def _choose(found: Understanding) -> None:
    """Leaves out the points on a kink or behind a guard, and chooses the loss."""
    smooth = [reading for reading in found.readings if not reading.at_kink]
    found.readings = smooth or found.readings
    telling = [reading for reading in found.readings if not reading.is_guarded]
    found.readings = telling or found.readings
    if found.settings.loss is not None:
        found.loss = said_loss(found.readings, found.settings.loss)
    else:
        found.loss = chosen_loss(found.readings)
    loss = found.loss
    if loss is not None:
        seen = [x for x in found.readings if not loss.is_blind(x.forward, x.keyed_forward)]
        found.readings = seen or found.readings


def _with_more(lab: StepEvaluator, point: Point) -> Point:
    """A point with values for parameters that were found since."""
    point.snapshot.unshare()
    theta = {**lab.theta(point.snapshot), **point.theta}
    return Point(point.snapshot, theta, point.zeroed, point.shifted)


def _updated(lab: StepEvaluator, points: list[Point]) -> dict[str, tuple[int, ...]]:
    """Parameter → node_ids of the statements that change it."""
    for point in points:
        try:
            return lab.updates(point)
        except StepFailedError:
            continue
    return {}


def _reading(found: Understanding, point: Point) -> Reading | None:
    if clock.is_over(found.deadline):
        raise OutOfTime
    known = point, found.lab.tensors
    if known in found.read:
        return found.read[known]
    try:
        item = read_iteration(found.lab, point, updates=found.updates, forced=found.forced)
    except StepFailedError as error:
        found.failure = str(error)
        return None
    return found.read.setdefault(known, item)

"""Before anything is measured: the program run to its loop, its parameters, points that work."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from functools import partial

import numpy as np

from nndiag.errors import Problem, UserCodeError
from nndiag.program.execution.host import Host, OutOfTime, loop_place
from nndiag.program.execution.runner import Runner, StepFailedError
from nndiag.program.execution.snapshot import originals_kept
from nndiag.program.gradients.computed import Computed, computed_values
from nndiag.program.gradients.laboratory import Laboratory, Point, Theta
from nndiag.program.loop.discovery import Observer, Watched
from nndiag.program.loop.motion import step_test
from nndiag.program.loop.tensors import Tensor, named_tensors, tensors_of, without_overlaps
from nndiag.program.text.settings import CodeSettings
from nndiag.program.text.source import Source
from nndiag.registry import suggestion

_REPEATED = 1e-9  # of a step, by which another run of it may differ
_ROUNDING = 1e-14
_SATURATED = 1e-6  # how near to 0 and 1 outputs are
_MOST_HALVINGS = 6
_SECOND_LOOK = 8.0  # seconds of processor time
_OPTIMIZER = re.compile(r"\b(minimize|fmin_\w+|least_squares)\(")


def said_expressions(settings: CodeSettings) -> dict[str, str]:
    """The expressions that the user names, by the key of the config that they stand under."""
    said = {} if settings.loss is None else {"loss": settings.loss}
    return said | {f"gradients.{name}": text for name, text in settings.gradients.items()}


def watched_program(
    source: Source,
    settings: CodeSettings,
    *,
    deadline: float,
    refused: frozenset[tuple[int, int]] = frozenset(),
) -> tuple[Host, Watched]:
    """Runs the program until its training loop is known; again where it trains a single weight.

    Args:
        source: The program.
        settings: What the user says about it.
        deadline: When to stop, as `time.perf_counter` counts.
        refused: Loops that were looked at and are none.

    Raises:
        UserCodeError: There is no training loop, or the program fails.
    """
    observed = partial(_observed, source, settings, deadline=deadline, refused=refused)
    host, observer = observed(lone=False)
    if observer.chosen is None and observer.leans:
        host, observer = observed(lone=True)
    if observer.chosen is None:
        raise _no_loop(host, observer)
    return host, observer.chosen


def _observed(
    source: Source,
    settings: CodeSettings,
    *,
    deadline: float,
    refused: frozenset[tuple[int, int]],
    lone: bool,
) -> tuple[Host, Observer]:
    """A program that has run until its observer had seen enough, or to its end."""
    host = Host(source, settings.functions)
    preferred = _preferred_class(source, settings)
    observer = Observer(host, prefer=preferred, lone=lone, refused=refused)
    host.hooks.deadline = deadline
    try:
        host.run()
    except UserCodeError:
        if observer.chosen is None or not observer.has_seen_enough:
            raise
    except OutOfTime:
        observer.out_of_time = True
    host.hooks.deadline = float("inf")
    return host, observer


def _preferred_class(source: Source, settings: CodeSettings) -> str | None:
    """The class that the user names; None where none is.

    Raises:
        UserCodeError: The program has no such class.
    """
    name = (settings.class_name or "").rpartition(":")[2] or None
    classes = [node.name for node in ast.walk(source.tree) if isinstance(node, ast.ClassDef)]
    if name is None or name in classes:
        return name
    raise UserCodeError(
        Problem(
            f"code.class: {source.name} has no class {name!r}",
            allowed=", ".join(classes) or "the program has no classes: name it under `code.script`",
            hint=suggestion(name, classes),
        )
    )


class NoLoopError(UserCodeError):
    """The program has no training loop."""


def _no_loop(host: Host, observer: Observer) -> NoLoopError:
    name = host.source.name
    if not host.loops:
        return NoLoopError(
            Problem(
                f"{name}: no training loop found: the program has no for or while loop",
                hint="name the statements that make one step, or that give the cost and the "
                'gradients, under `code.functions`: "grads, cost = propagate(w, b, X, Y)"',
            )
        )
    ran = [item for item in observer.watched.values() if item.heads]
    places = ", ".join(loop_place(item.loop, host.source) for item in ran[:4])
    changing = any(test.changed for item in ran for test in item.tests)
    what = "no loop that ran updates parameters with a gradient"
    if observer.out_of_time:
        return NoLoopError(
            Problem(
                f"{name}: no training loop reached in the time allowed",
                got=places or "the program is still before its first loop",
                hint="allow more with --seconds, or let the program load less data",
            )
        )
    if not ran:
        what = "none of its loops ran"
    elif changing:
        what = "no loop that ran computes something from parameters and updates them with it"
    hint = "call the training in the file, or name the statements of one step under"
    if _OPTIMIZER.search(host.source.text):
        what = "an optimizer of scipy's trains it"
        hint = "name what gives the loss and its gradient, and both, under"
    return NoLoopError(
        Problem(
            f"{name}: no training loop found: {what}",
            got=places or None,
            hint=f'{hint} `code.functions`, such as `functions: "cost, grad = f(w, X, y)"` with '
            "`loss: cost` and `gradients: {w: grad}`",
        )
    )


def look_at_unseen(runner: Runner, watched: Watched) -> None:
    """Tests an iteration again, with more time, where some numbers could not be looked at."""
    looked = {leaf for test in watched.tests for leaf in test.changed.keys() - test.unseen}
    if all(test.unseen <= looked for test in watched.tests):
        return
    with originals_kept(watched.snapshots[0]):
        again = step_test(runner, runner.variant(), watched.snapshots[0], seconds=_SECOND_LOOK)
    watched.tests.append(again)


def found_parameters(
    watched: Watched, settings: CodeSettings, source: Source
) -> tuple[Tensor, ...]:
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


def working_points(lab: Laboratory, points: list[Point]) -> list[Point]:
    """The points where an iteration runs, and gives the same when it runs again."""
    place = loop_place(lab.runner.loop, lab.runner.host.source)
    good = []
    failure = ""
    for point in points:
        try:
            first, second = lab.step(point), lab.step(point)
        except StepFailedError as error:
            failure = str(error)
            continue
        if not _repeats(first, second, point):
            raise UserCodeError(
                Problem(
                    f"{place}: the same iteration gives different results when it is run again",
                    hint="seed all generators outside the loop; time, threads and iterators that "
                    "the loop uses up cannot be put back",
                )
            )
        good.append(point)
    if not good:
        raise UserCodeError(
            Problem(
                f"{place}: one iteration cannot be run by itself",
                got=failure,
                hint="name the statements of one step under `code.functions`",
            )
        )
    return good


def _repeats(first: Theta, second: Theta, point: Point) -> bool:
    """Whether two runs of an iteration made the same step, but for rounding.

    What a set of objects holds comes in another order in each copy, and its sum is another one by
    rounding.
    """
    for name, step in first.items():
        if np.array_equal(step, second[name], equal_nan=True):
            continue
        grain = _ROUNDING * float(np.linalg.norm(point.theta[name]))
        gap = float(np.linalg.norm(step - second[name]))
        if not gap <= _REPEATED * float(np.linalg.norm(step)) + grain:
            return False
    return True


def lively_points(
    lab: Laboratory, points: list[Point], *, computed: Computed, outputs: Iterable[int]
) -> list[Point]:
    """The points, with the shifted ones nearer to zero where the outputs are saturated.

    Where all probabilities are 0 or 1 but for rounding, the loss has no digits to compare.

    Args:
        lab: Runs the step.
        points: Where the program is looked at.
        computed: The values of one iteration at the first of them.
        outputs: Serials of what is compared with targets.
    """
    serials = tuple(outputs)
    smaller = points
    for _ in range(_MOST_HALVINGS):
        if not _saturated(computed, serials):
            return smaller
        smaller = [point.nearer_to_zero() if point.shifted else point for point in smaller]
        try:
            computed = computed_values(lab, smaller[0], computed.instruments.resets)
        except StepFailedError:
            return points
    return points


def _saturated(computed: Computed, serials: tuple[int, ...]) -> bool:
    """Whether most outputs are probabilities of 0 or 1, nearly."""
    values = [np.ravel(item) for key in serials for item in computed.base.values.get(key, [])]
    every = np.concatenate(values) if values else np.array([])
    distance = np.minimum(every, 1 - every)
    return bool(every.size and distance.min() >= 0 and np.median(distance) < _SATURATED)


def share_unchanged(lab: Laboratory, points: list[Point]) -> None:
    """Finds what no iteration changes: it need not be copied each time."""
    for snapshot in {id(point.snapshot): point.snapshot for point in points}.values():
        point = next(item for item in points if item.snapshot is snapshot)
        plain = lab.step(point)
        snapshot.share_unchanged(leaf for tensor in lab.tensors for leaf in tensor.leaves)
        try:
            again = lab.step(point)
            same = _repeats(plain, again, point)
        except StepFailedError:
            same = False
        if not same:
            snapshot.unshare()

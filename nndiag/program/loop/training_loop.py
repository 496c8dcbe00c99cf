"""A program run until its training loop is known."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from functools import partial

from nndiag.errors import Problem, UserCodeError
from nndiag.program.execution.host import Host, OutOfTime, loop_place
from nndiag.program.execution.runner import Runner
from nndiag.program.execution.snapshot import originals_kept
from nndiag.program.loop.discovery import Observer, Watched
from nndiag.program.loop.perturbation import step_test
from nndiag.program.text.instrument import node_id_of
from nndiag.program.text.settings import CodeSettings
from nndiag.program.text.source import Source
from nndiag.registry import suggestion

_SECOND_LOOK = 8.0  # seconds of processor time
_OPTIMIZER = re.compile(r"\b(minimize|fmin_\w+|least_squares)\(")


def watched_program(
    source: Source,
    settings: CodeSettings,
    *,
    deadline: float,
    refused: frozenset[tuple[int, int]] = frozenset(),
) -> tuple[Host, Watched]:
    """Runs the program until its training loop is known; again where it trains a single weight,
    or changes nothing.

    Args:
        source: The program.
        settings: What the user says about it.
        deadline: When to stop, on `clock.now`.
        refused: Loops that were looked at and are none.

    Raises:
        UserCodeError: There is no training loop, or the program fails.
    """
    observed = partial(_observed, source, settings, deadline=deadline, refused=refused)
    host, observer = observed()
    if observer.chosen is None and observer.leans:
        host, observer = observed(lone=True)
    if observer.chosen is None and observer.changes:
        first, (host, observer) = observer, observed(anew=True)
        observer.out_of_time = observer.out_of_time or first.out_of_time
    if observer.chosen is None and observer.rests:
        host, observer = observed(beside=True)
    if observer.chosen is None:
        raise _no_loop(host, observer)
    return host, observer.chosen


def _observed(
    source: Source,
    settings: CodeSettings,
    *,
    deadline: float,
    refused: frozenset[tuple[int, int]],
    lone: bool = False,
    anew: bool = False,
    beside: bool = False,
) -> tuple[Host, Observer]:
    """A program that has run until its observer had seen enough, or to its end."""
    host = Host(source, settings.functions)
    preferred = _preferred_class(source, settings)
    observer = Observer(
        host, prefer=preferred, lone=lone, anew=anew, beside=beside, refused=refused
    )
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


_EXAMPLE = (
    "functions='cost, grad = f(w, X, y)' loss=cost gradients.w=grad behind the file's name, or the "
    "same under `code:` in a config (`code.functions`)"
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
                f"gradients: {_EXAMPLE}",
            )
        )
    ran = [item for item in observer.watched.values() if item.heads]
    places = ", ".join(loop_place(item.loop, host.source) for item in ran[:4])
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
    elif observer.changes:
        what = "no loop that ran computes something from parameters and updates them with it"
    hint = "call the training in the file, or name the statements of one step"
    if _OPTIMIZER.search(host.source.text):
        what = "an optimizer of scipy's trains it"
        hint = "name what gives the loss and its gradient, and both"
    return NoLoopError(
        Problem(
            f"{name}: no training loop found: {what}",
            got=places or None,
            hint=f"{hint}: {_EXAMPLE}",
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


def occasional(nodes: Iterable[ast.AST]) -> frozenset[int]:
    """The `if i % 100 == 0:` statements, whose bodies are to run in each iteration."""
    exits = (ast.Break, ast.Return, ast.Continue, ast.Raise)
    return frozenset(
        node_id_of(node)
        for node in nodes
        if isinstance(node, ast.If)
        and not node.orelse
        and any(isinstance(item, ast.Mod) for item in ast.walk(node.test))
        and not any(isinstance(item, exits) for item in ast.walk(node))
    )

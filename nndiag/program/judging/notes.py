"""What is said beside the faults: what was covered, recognised, left out."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import numpy as np

from nndiag.program.judging.judgement import Judgement
from nndiag.program.roles.optimizers import Remembers
from nndiag.program.roles.status import FINE, Status

_RECTIFIERS = frozenset({"maximum", "fmax", "where", "mul", "multiply", "clip"})


def notes_of(judgement: Judgement) -> list[str]:
    """What was recognised, and what could not be told."""
    return [*_coverage(judgement), *_optimizer(judgement), *_translated(judgement)]


def _coverage(judgement: Judgement) -> Iterator[str]:
    for item in judgement.comparisons:
        if item.status is Status.NO_SIGNAL and item.zero:
            yield f"{item.name}: its gradient is zero at every point{_dead(judgement)}"
        elif item.status is Status.NO_SIGNAL:
            yield f"{item.name}: the loss does not feel it beyond rounding; not compared"
        if item.status not in FINE:
            continue
        if item.update is not None and item.update.rate and max(item.update.shares) > 0:
            taken = item.update.rate * max(item.update.shares)
            yield f"{item.name}: each step takes {taken:.3g} times it off, a decay (recognised)"
        for clip in list(item.clips.values())[:1]:
            yield f"{item.name}: clipped at ±{clip.limit:g}, {clip.cut} of {clip.entries} entries"


def _dead(judgement: Judgement) -> str:
    """The layer of which no unit is alive, as a clause; empty where there is none."""
    reading = judgement.found.readings[0]
    graph = reading.forward
    examples = max((max(graph[r.node].shape, default=1) for r in reading.residuals), default=1)
    for index in sorted(reading.acted_forward):
        node = graph[index]
        syntax = judgement.found.nodes.get(node.node_id)
        if node.operation not in _RECTIFIERS or len(node.shape) != 2 or syntax is None:
            continue
        if not np.any(node.value):
            units = node.shape[1] if node.shape[0] == examples else node.shape[0]
            return f": no unit is alive ({units} of {units} dead in {ast.unparse(syntax)[:40]})"
    return ""


def _optimizer(judgement: Judgement) -> Iterator[str]:
    firsts = {
        round(state.kept, 6)
        for state in judgement.found.states
        if state.remembers is Remembers.FIRST
        and state.kept
        and 0 < state.kept < 1
        and state.size > 1
    }
    squares = {
        round(state.kept, 6)
        for state in judgement.found.states
        if state.remembers is Remembers.SECOND and state.kept and state.size > 1
    }
    if firsts and squares:
        yield f"the update is Adam's: it keeps {_listed(firsts)} of the gradient's average, " + (
            f"{_listed(squares)} of its square's"
        )
    elif squares:
        kept = min(squares)
        yield (
            "the update is Adagrad's" if kept > 1 - 1e-9 else f"the update is RMSprop's ({kept:g})"
        )
    elif firsts:
        yield f"momentum {_listed(firsts)} (recognised)"


def _listed(values: set[float]) -> str:
    return ", ".join(f"{value:g}" for value in sorted(values))


def _translated(judgement: Judgement) -> Iterator[str]:
    if judgement.source.is_python_2:
        yield "read as Python 2; / divides as in Python 3"

"""What an iteration computes, in order: each value with the expression that gave it."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

import numpy as np

from nndiag.program.execution.runner import StepFailedError
from nndiag.program.loop.step_evaluator import Point, StepEvaluator, Theta, shifted
from nndiag.program.text.instrument import Instruments, node_id_of

_MOST_EVENTS = 20_000
_MOST_NUMBERS = 40_000_000  # of all values that are kept
_SEEDS = (7, 9)


@dataclass(frozen=True, eq=False)
class Events:
    """The values of one iteration at several values of the parameters.

    Attributes:
        node_ids: The expression of each event, shape (N,).
        values: Per point: the value of each event.
        thetas: Per point: the parameters.
    """

    node_ids: list[int]
    values: list[list[Any]]
    thetas: list[Theta]

    def is_acted(self, event: int) -> bool:
        """Whether the parameters act on a value."""
        first, *others = (values[event] for values in self.values)
        return any(not np.array_equal(first, other, equal_nan=True) for other in others)

    def last_before(self, event: int, node_id: int) -> int | None:
        """The last event of an expression before another event."""
        for place in range(event - 1, -1, -1):
            if self.node_ids[place] == node_id:
                return place
        return None


def events_of(lab: StepEvaluator, point: Point, updates: frozenset[int]) -> Events | None:
    """The events of one iteration at a point, and at two others beside it.

    None where the iteration fails, takes other branches there, or is too long.

    Args:
        lab: Runs the iteration.
        point: Where.
        updates: Serials of the statements that change the parameters, whose work is undone.
    """
    variant = lab.runner.variant(Instruments(probes=None, resets=updates))
    thetas = [point.theta, *(shifted(point.theta, seed) for seed in _SEEDS)]
    node_ids: list[list[int]] = []
    values: list[list[Any]] = []
    for theta in thetas:
        recording = _Recording()
        lab.runner.host.hooks.probe = recording.add
        try:
            lab.run(point, variant, theta=theta)
        except StepFailedError:
            return None
        finally:
            lab.runner.host.hooks.probe = None
        if recording.numbers > _MOST_NUMBERS or len(recording.node_ids) > _MOST_EVENTS:
            return None
        node_ids.append(recording.node_ids)
        values.append(recording.values)
    return (
        Events(node_ids[0], values, thetas) if node_ids[0] == node_ids[1] == node_ids[2] else None
    )


class _Recording:
    """Keeps numeric values in the order in which they come."""

    def __init__(self) -> None:
        self.node_ids: list[int] = []
        self.values: list[Any] = []
        self.numbers = 0

    def add(self, node_id: int, value: Any) -> Any:
        """Keep a copy of a value, where it is numeric, and hand it on."""
        array = _numeric(value)
        if array is None or len(self.node_ids) > _MOST_EVENTS or self.numbers > _MOST_NUMBERS:
            return value
        self.node_ids.append(node_id)
        self.values.append(array)
        self.numbers += array.size
        return value


def _numeric(value: Any) -> Any:
    """A copy of a number or an array; None for anything else."""
    if isinstance(value, (bool, np.bool_)):
        return None
    if isinstance(value, (int, float, np.number)):
        return np.asarray(value)
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiu":
        return np.array(value, copy=True, subok=False)
    return None


def operands(node: ast.AST) -> tuple[ast.expr, ast.expr] | None:
    """The two factors of a product of matrices, or of numbers; None for anything else."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.MatMult, ast.Mult)):
        return node.left, node.right
    if not isinstance(node, ast.Call) or not isinstance(node.func, (ast.Attribute, ast.Name)):
        return None
    name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
    if name not in {"dot", "matmul", "multiply", "inner"}:
        return None
    if len(node.args) == 2:
        return node.args[0], node.args[1]
    if len(node.args) == 1 and isinstance(node.func, ast.Attribute):
        return node.func.value, node.args[0]
    return None


def is_elementwise(node: ast.AST) -> bool:
    """Whether a product is one of single numbers."""
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Mult)
    return isinstance(node, ast.Call) and ast.unparse(node.func).endswith("multiply")


def operand_events(events: Events, event: int, node: ast.AST) -> tuple[int, int] | None:
    """The events of the two factors of a product."""
    pair = operands(node)
    if pair is None:
        return None
    found = [events.last_before(event, node_id_of(side)) for side in pair]
    return None if found[0] is None or found[1] is None else (found[0], found[1])

"""What an iteration computes, in order: each value with the expression that gave it."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

import numpy as np

from nndiag.program.execution.runner import StepFailedError
from nndiag.program.loop.laboratory import Laboratory, Point, Theta, shifted
from nndiag.program.text.instrument import Instruments, serial_of

_MOST_EVENTS = 20_000
_MOST_NUMBERS = 40_000_000  # of all values that are kept
_SEEDS = (7, 9)


@dataclass(frozen=True, eq=False)
class Events:
    """The values of one iteration at several values of the parameters.

    Attributes:
        serials: The expression of each event, shape (N,).
        values: Per point: the value of each event.
        thetas: Per point: the parameters.
    """

    serials: list[int]
    values: list[list[Any]]
    thetas: list[Theta]

    def is_acted(self, event: int) -> bool:
        """Whether the parameters act on a value."""
        first, *others = (values[event] for values in self.values)
        return any(not np.array_equal(first, other, equal_nan=True) for other in others)

    def last_before(self, event: int, serial: int) -> int | None:
        """The last event of an expression before another event."""
        for place in range(event - 1, -1, -1):
            if self.serials[place] == serial:
                return place
        return None


def events_of(lab: Laboratory, point: Point, updates: frozenset[int]) -> Events | None:
    """The events of one iteration at a point, and at two others beside it.

    None where the iteration fails, takes other branches there, or is too long.

    Args:
        lab: Runs the iteration.
        point: Where.
        updates: Serials of the statements that change the parameters, whose work is undone.
    """
    variant = lab.runner.variant(Instruments(probes=None, resets=updates))
    thetas = [point.theta, *(shifted(point.theta, seed) for seed in _SEEDS)]
    serials: list[list[int]] = []
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
        if recording.numbers > _MOST_NUMBERS or len(recording.serials) > _MOST_EVENTS:
            return None
        serials.append(recording.serials)
        values.append(recording.values)
    return Events(serials[0], values, thetas) if serials[0] == serials[1] == serials[2] else None


class _Recording:
    """Keeps numeric values in the order in which they come."""

    def __init__(self) -> None:
        self.serials: list[int] = []
        self.values: list[Any] = []
        self.numbers = 0

    def add(self, serial: int, value: Any) -> Any:
        """Keep a copy of a value, where it is numeric, and hand it on."""
        array = _numeric(value)
        if array is None or len(self.serials) > _MOST_EVENTS or self.numbers > _MOST_NUMBERS:
            return value
        self.serials.append(serial)
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
    found = [events.last_before(event, serial_of(side)) for side in pair]
    return None if found[0] is None or found[1] is None else (found[0], found[1])

"""The learning rate that a program names in its update."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from nndiag.errors import Problem, UserCodeError
from nndiag.program.gradients.computed import Computed
from nndiag.program.gradients.laboratory import Laboratory, Point
from nndiag.program.text.instrument import Instruments, serial_of

_RATE_NAME = re.compile(
    r"(^|[._\[\"'])(lr|eta|alpha|rate|learn\w*|l_?rate|step_?size|epsilon|nu|mu|gamma|a)(_?\w{0,4})?[\]\"']*$",
    re.IGNORECASE,
)
_CLEAR_NAME = re.compile(r"(^|_)(lr|eta|alpha)(\d|_|$)|learn|rate$|step_?size", re.IGNORECASE)


@dataclass(frozen=True)
class Rate:
    """The learning rate as the program writes it.

    Attributes:
        text: The expression.
        value: Its value.
        serial: The expression's serial number; -1 where it is a number.
    """

    text: str
    value: float
    serial: int = -1

    def at(self, lab: Laboratory, point: Point) -> float:
        """Its value at a point: rates may change from iteration to iteration."""
        if self.serial < 0:
            return self.value
        watched = Instruments(probes=frozenset({self.serial}))
        values = lab.record(point, lab.runner.variant(watched)).values.get(self.serial)
        return float(np.ravel(values[-1])[0]) if values else self.value


def learning_rate(
    nodes: Mapping[int, ast.AST],
    updates: Iterable[int],
    computed: Computed,
    *,
    said: str | None = None,
) -> Rate | None:
    """The one rate that all updates name, or that stands there as a number; None where unclear.

    Args:
        nodes: The program's syntax tree by serial.
        updates: Serials of the statements that change parameters.
        computed: The values of one iteration.
        said: What the user says it is: a number or an expression of the program.

    Raises:
        UserCodeError: The program has no such expression.
    """
    if said is not None:
        return _said(said, nodes, computed)
    statements = [nodes[serial] for serial in updates]
    named: dict[float, Rate] = {}
    for statement in statements:
        named |= _named(statement, computed, _RATE_NAME)
    if not named:
        for node in nodes.values():
            if isinstance(node, (ast.Name, ast.Attribute)):
                named |= _named(node, computed, _CLEAR_NAME)
    if not named:
        for statement in statements:
            named |= _constants(statement)
    if len(named) != 1:
        return None
    rate = next(iter(named.values()))
    return rate if rate.value > 0 and np.isfinite(rate.value) else None


def _said(text: str, nodes: Mapping[int, ast.AST], computed: Computed) -> Rate:
    try:
        return Rate(text, float(text))
    except ValueError:
        pass
    for serial, values in computed.base.values.items():
        if np.size(values[-1]) == 1 and ast.unparse(nodes[serial]) == text.strip():
            return Rate(text, float(np.ravel(values[-1])[0]), serial)
    raise UserCodeError(
        Problem(
            f"code.learning_rate: one iteration does not use {text!r}",
            hint="write it as the update does, or give the number",
        )
    )


def _named(tree: ast.AST, computed: Computed, pattern: re.Pattern[str]) -> dict[float, Rate]:
    found = {}
    for node in ast.walk(tree):
        serial = serial_of(node)
        values = computed.base.values.get(serial, [])
        if not isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)) or not values:
            continue
        scalar = np.size(values[-1]) == 1 and serial not in computed.acted
        if scalar and pattern.search(ast.unparse(node).rpartition(".")[2]):
            value = float(np.ravel(values[-1])[0])
            found[value] = Rate(ast.unparse(node), value, serial)
    return found


def _constants(statement: ast.AST) -> dict[float, Rate]:
    """The number that an update multiplies its gradient by."""
    return {
        float(side.value): Rate(repr(side.value), float(side.value))
        for node in ast.walk(statement)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)
        for side in (node.left, node.right)
        if isinstance(side, ast.Constant) and isinstance(side.value, (int, float))
    }

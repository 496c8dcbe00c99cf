"""What the expressions of an iteration come to, and which of them compare outputs with targets.

A *residual* is a difference between something that the parameters act on and something that they do
not: an output and its target.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from nndiag.program.execution.numbers import are_same
from nndiag.program.gradients.laboratory import Laboratory, Point, Recording, shifted
from nndiag.program.text.instrument import Instruments, serial_of

_LOGARITHM = re.compile(r"(^|\.)log(2|10|1p)?$")


@dataclass(frozen=True, eq=False)
class Residual:
    """A difference between an output and its target.

    Attributes:
        serial: The difference.
        output: Serial of the operand that the parameters act on.
        target: Serial of the other.
        line: Where it stands.
        text: The difference, as the program writes it.
        output_first: Whether it is output minus target.
    """

    serial: int
    output: int
    target: int
    line: int
    text: str
    output_first: bool


@dataclass(frozen=True, eq=False)
class Computed:
    """What the expressions of an iteration came to, with and without a change of the parameters.

    Attributes:
        base: Values at a point.
        moved: Values at another value of the parameters.
        acted: Serials of the expressions that the parameters act on.
        instruments: The variant that was run.
        rounded: Serials of the outputs that a loss compares or takes logarithms of: where a loss
            is small, their rounding makes up its own.
    """

    base: Recording
    moved: Recording
    acted: frozenset[int]
    instruments: Instruments
    rounded: frozenset[int] = frozenset()


def computed_values(lab: Laboratory, point: Point, resets: frozenset[int]) -> Computed:
    """Watches all expressions of one iteration, twice.

    Raises:
        StepFailedError: The iteration failed.
    """
    instruments = Instruments(probes=None, resets=resets, forced=occasional(lab.nodes.values()))
    variant = lab.runner.variant(instruments)
    base = lab.record(point, variant)
    moved = lab.record(point, variant, theta=shifted(point.theta))
    acted = {
        serial
        for serial, values in base.values.items()
        if not are_same(values, moved.values.get(serial, []))
    }
    found = Computed(base, moved, frozenset(acted), instruments)
    return replace(found, rounded=_rounded(lab, found))


def _rounded(lab: Laboratory, computed: Computed) -> frozenset[int]:
    """The outputs in residuals, and the variables in logarithms."""
    outputs = {residual.output for residual in residuals(lab, computed)}
    for serial in computed.acted:
        node = lab.nodes.get(serial)
        if isinstance(node, ast.Call) and _LOGARITHM.search(ast.unparse(node.func)):
            outputs.update(
                serial_of(item)
                for argument in node.args
                for item in ast.walk(argument)
                if isinstance(item, (ast.Name, ast.Attribute, ast.Subscript))
            )
    return frozenset(outputs & computed.acted)


def occasional(nodes: Iterable[ast.AST]) -> frozenset[int]:
    """The `if i % 100 == 0:` statements, whose bodies are to run in each iteration."""
    exits = (ast.Break, ast.Return, ast.Continue, ast.Raise)
    return frozenset(
        serial_of(node)
        for node in nodes
        if isinstance(node, ast.If)
        and not node.orelse
        and any(isinstance(item, ast.Mod) for item in ast.walk(node.test))
        and not any(isinstance(item, exits) for item in ast.walk(node))
    )


def residuals(lab: Laboratory, computed: Computed) -> list[Residual]:
    """The differences between outputs and targets, each value once, in order of the program."""
    found: list[Residual] = []
    for serial in sorted(computed.acted, key=lambda item: computed.base.order[item]):
        node = lab.nodes.get(serial)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
            residual = _residual(node, computed)
            if residual is not None:
                found.append(residual)
    return found


def _residual(node: ast.BinOp, computed: Computed) -> Residual | None:
    left, right = serial_of(node.left), serial_of(node.right)
    acts = [left in computed.acted, right in computed.acted]
    values = computed.base.values
    if acts[0] == acts[1] or left not in values or right not in values:
        return None
    output, target = (left, right) if acts[0] else (right, left)
    serial = serial_of(node)
    counts = {len(values[item]) for item in (serial, output, target)}
    if len(counts) > 1:
        return None
    return Residual(serial, output, target, node.lineno, ast.unparse(node), output == left)

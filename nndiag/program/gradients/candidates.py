"""Numbers of an iteration that may be the loss: those it computes, and those its residuals imply.

Every scalar that the parameters act on is a candidate when it is named, printed or built like a
loss. A *residual* is a difference between something that the parameters act on and something that
they do not (an output and its target); half its sum of squares is a candidate, and where outputs
look like probabilities, their cross-entropy. Which candidate is the loss is decided by `objective`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nndiag.program.execution.numbers import Vector
from nndiag.program.execution.runner import StepFailedError
from nndiag.program.gradients.computed import Computed, Residual
from nndiag.program.gradients.laboratory import Laboratory, Point, Recording
from nndiag.program.text.instrument import Instruments, parents_of, serial_of

_LOSS_NAME = re.compile(
    r"loss|cost|error|err\b|mse|sse|rmse|objective|entropy|nll|energy|^(J|L|E|C|Q)(_?\w{0,5})?$",
    re.IGNORECASE,
)
_SLOPE_NAME = re.compile(
    r"prime|deriv|grad|delta|backward|slope|(^|[._])d_?(loss|cost|err|mse)", re.IGNORECASE
)
_LOSS_PART = re.compile(r"\*\*|square|pow|log|abs|norm|mse|loss|cost|cross|error", re.IGNORECASE)
_TINY = 1e-300
_CALLS = 3  # an expression that is computed more often stands in a loop over examples
_LABEL = 0.1  # how far from 0 and 1 a label may be, for targets such as 0.01 and 0.99


@dataclass(frozen=True, eq=False)
class Candidate:
    """A number that may be the loss.

    Attributes:
        text: The expression, as the program writes it or as it is assumed.
        value: Reads it from a recording; None where the iteration did not compute it.
        rank: How much it looks like a loss: 0 the user says so, 1 named, 2 shown, 3 built like one,
            4 implied by a residual.
        serials: The expressions that must be watched.
        line: Where it stands.
        kind: `own`, `squares`, `binary cross-entropy` or `cross-entropy`.
        residual: Serial of the residual that implies it.
        assigned: Whether the program gives it a name or returns it, rather than only showing it.
    """

    text: str
    value: Callable[[Recording], float | None]
    rank: int
    serials: frozenset[int]
    line: int
    kind: str = "own"
    residual: int | None = None
    assigned: bool = False

    @property
    def own(self) -> bool:
        """Whether the program computes it."""
        return self.kind == "own"

    def negated(self) -> Candidate:
        """The number with the other sign: the loss, where this is a likelihood."""

        def value(recording: Recording) -> float | None:
            found = self.value(recording)
            return None if found is None else -found

        return replace(self, text=f"-({self.text})", value=value)


def scalar_candidates(lab: Laboratory, computed: Computed) -> Iterator[Candidate]:
    """The scalars that look like a loss, most likely first."""
    parents = parents_of(lab.runner.host.tree)
    names = {tensor.name for tensor in lab.tensors}
    found: list[Candidate] = []
    for serial in computed.acted:
        values = computed.base.values[serial]
        if any(np.size(value) != 1 for value in values):
            continue
        node = lab.nodes[serial]
        if ast.unparse(node) in names:
            continue
        if not isinstance(node, ast.expr) or _is_total(node, parents):
            continue
        if _part_of_number(node, parents, computed):
            continue
        rank, assigned = _rank(node, parents)
        if rank is None:
            continue
        others = _in_other_branches(node, parents)
        text = " or ".join(ast.unparse(item) for item in (node, *others))
        serials = (serial, *(serial_of(item) for item in others))
        modes = ("last",) if len(values) == 1 else ("sum", "last")[: 1 + (len(values) <= _CALLS)]
        found.extend(
            Candidate(
                text=text if mode == "last" else f"sum of {text}",
                value=_reader(serials, mode),
                rank=rank,
                serials=frozenset(serials),
                line=node.lineno,
                assigned=assigned,
            )
            for mode in modes
        )
    found.sort(key=lambda item: (item.rank, -item.line))
    yield from _distinct(found, computed)


def _part_of_number(node: ast.AST, parents: Mapping[int, ast.AST], computed: Computed) -> bool:
    """Whether the expression is only a part of a larger one that gives numbers."""
    above = parents.get(serial_of(node))
    while isinstance(above, ast.expr) and not _is_total(above, parents):
        if serial_of(above) in computed.acted:
            return True
        above = parents.get(serial_of(above))
    return False


def _rank(node: ast.expr, parents: Mapping[int, ast.AST]) -> tuple[int | None, bool]:
    """How much an expression looks like a loss by where it stands; whether it is given a name."""
    text = ast.unparse(node)
    shown, kept, above = _stands(node, parents)
    if kept:
        return 1, True
    names, assigned = _names(above, parents)
    named = any(
        _LOSS_NAME.search(name) and not _SLOPE_NAME.search(name)
        for name in [*names, text if shown else ""]
    )
    if assigned and named:
        return 1, True
    if shown and (named or _LOSS_PART.search(text)):
        return 2, False
    if shown or (assigned and _LOSS_PART.search(text)):
        return 3, assigned
    return None, False


def _stands(node: ast.AST, parents: Mapping[int, ast.AST]) -> tuple[bool, bool, ast.AST | None]:
    """Whether an expression is shown, whether it is kept in a list of losses, and its statement."""
    shown = False
    above: ast.AST | None = node
    while isinstance(above, ast.expr):
        if isinstance(above, ast.Call) and above is not node:
            name = ast.unparse(above.func)
            if name.endswith(".append") and _LOSS_NAME.search(name[: -len(".append")]):
                return True, True, above
            shown = shown or name == "print" or name.endswith((".append", ".format"))
        shown = shown or isinstance(above, ast.JoinedStr)
        above = parents.get(serial_of(above))
    return shown, False, above


def is_shown(candidate: Candidate, lab: Laboratory, computed: Computed) -> bool:
    """Whether a program prints a number, or keeps it in a list, wherever it computes it."""
    parents = parents_of(lab.runner.host.tree)
    value = candidate.value(computed.base)
    same = [
        serial
        for serial in computed.acted
        if any(np.size(item) == 1 and item == value for item in computed.base.values[serial])
    ]
    return any(_stands(lab.nodes[serial], parents)[0] for serial in same)


def _is_total(node: ast.expr, parents: Mapping[int, ast.AST]) -> bool:
    """Whether a variable is given what it held before and something more."""
    above = parents.get(serial_of(node))
    if not isinstance(above, ast.Assign) or not isinstance(node, ast.BinOp):
        return False
    sides = {ast.unparse(node.left), ast.unparse(node.right)}
    return isinstance(node.op, ast.Add) and any(ast.unparse(one) in sides for one in above.targets)


def _names(statement: ast.AST | None, parents: Mapping[int, ast.AST]) -> tuple[list[str], bool]:
    """The names that a statement gives its value."""
    if isinstance(statement, ast.Assign):
        return [ast.unparse(target) for target in statement.targets], True
    if isinstance(statement, (ast.AugAssign, ast.AnnAssign)):
        return [ast.unparse(statement.target)], True
    if isinstance(statement, ast.Return):
        above: ast.AST | None = statement
        while above is not None and not isinstance(above, ast.FunctionDef):
            above = parents.get(serial_of(above))
        return ([above.name] if isinstance(above, ast.FunctionDef) else []), True
    return [], False


def _in_other_branches(node: ast.expr, parents: Mapping[int, ast.AST]) -> list[ast.expr]:
    """What the same variable gets in the other branches: the loss of another class.

    Args:
        node: An expression that is the whole value of an assignment, or another one.
        parents: The parent of each node, by the node's serial.
    """
    statement = parents.get(serial_of(node))
    if not isinstance(statement, (ast.Assign, ast.AugAssign)) or statement.value is not node:
        return []
    target, found = _target(statement), []
    below: ast.AST = statement
    above = parents.get(serial_of(statement))
    while above is not None and not isinstance(above, ast.FunctionDef):
        if isinstance(above, ast.If):
            branch = above.orelse if below in above.body else above.body
            items = [item for part in branch for item in ast.walk(part)]
            found += [
                item.value
                for item in items
                if isinstance(item, type(statement)) and _target(item) == target
            ]
        below, above = above, parents.get(serial_of(above))
    return found


def _target(statement: ast.Assign | ast.AugAssign) -> str:
    targets = [statement.target] if isinstance(statement, ast.AugAssign) else statement.targets
    return " = ".join(ast.unparse(target) for target in targets)


def _reader(serials: tuple[int, ...], mode: str) -> Callable[[Recording], float | None]:
    def value(recording: Recording) -> float | None:
        values = [item for serial in serials for item in recording.values.get(serial, ())]
        if not values:
            return None
        if mode == "sum":
            return float(sum(np.ravel(item)[0] for item in values))
        return float(np.ravel(values[-1])[0])

    return value


def _distinct(found: list[Candidate], computed: Computed) -> Iterator[Candidate]:
    """Of candidates with equal values, the one that looks most like a loss."""
    seen: set[tuple[float | None, float | None]] = set()
    for candidate in found:
        key = (candidate.value(computed.base), candidate.value(computed.moved))
        if key not in seen and key[0] is not None and np.isfinite(key[0]):
            seen.add(key)
            yield candidate


def implied_candidates(found: list[Residual], computed: Computed) -> Iterator[Candidate]:
    """The losses that the residuals imply."""
    seen: set[tuple[float, float]] = set()
    for residual in found:
        squares = _squares(residual)
        key = (squares(computed.base) or 0.0, squares(computed.moved) or 0.0)
        if key in seen or not np.isfinite(key[0]):
            continue
        seen.add(key)
        watched = frozenset({residual.serial, residual.output, residual.target})
        for kind, value in _implied(residual, computed):
            text = f"half the sum of squares of {residual.text}"
            if kind != "squares":
                text = f"{kind} of the output in {residual.text}"
            yield Candidate(
                text=text,
                value=value,
                rank=4,
                serials=watched,
                line=residual.line,
                kind=kind,
                residual=residual.serial,
            )


def _implied(
    residual: Residual, computed: Computed
) -> Iterator[tuple[str, Callable[[Recording], float | None]]]:
    yield "squares", _squares(residual)
    outputs = _flat(computed.base.values[residual.output])
    targets = _flat(computed.base.values[residual.target])
    if outputs.size != targets.size or outputs.size == 0:
        return
    labels = (np.abs(targets) <= _LABEL) | (np.abs(targets - 1) <= _LABEL)
    if outputs.min() >= 0 and outputs.max() <= 1 and labels.all():
        yield "binary cross-entropy", _entropy(residual, binary=True)
        last = np.asarray(computed.base.values[residual.output][-1])
        if last.ndim >= 1 and last.size > 1 and _sums_to_one(last):
            yield "cross-entropy", _entropy(residual, binary=False)


def _sums_to_one(values: Any) -> bool:
    return any(np.allclose(values.sum(axis=axis), 1.0) for axis in range(values.ndim))


def _flat(values: list[Any]) -> Vector:
    return np.concatenate([np.asarray(value, dtype=float).ravel() for value in values])


def _squares(residual: Residual) -> Callable[[Recording], float | None]:
    def value(recording: Recording) -> float | None:
        values = recording.values.get(residual.serial)
        return None if not values else 0.5 * float(np.sum(_flat(values) ** 2))

    return value


def _entropy(residual: Residual, *, binary: bool) -> Callable[[Recording], float | None]:
    def value(recording: Recording) -> float | None:
        if residual.output not in recording.values or residual.target not in recording.values:
            return None
        output = np.clip(_flat(recording.values[residual.output]), _TINY, 1.0)
        target = _flat(recording.values[residual.target])
        total = float(np.sum(target * np.log(output)))
        if binary:
            total += float(np.sum((1 - target) * np.log(np.maximum(1 - output, _TINY))))
        return -total

    return value


def is_even(
    lab: Laboratory,
    candidate: Candidate,
    *,
    point: Point,
    residuals: list[Residual],
    computed: Computed,
) -> bool:
    """Whether a loss stays the same when signs of residuals are flipped, entry by entry.

    A sum of squares, absolute values or logarithms does. A sum or mean of errors, and the square of
    a sum, do not: they can be zero where the errors are large.
    """
    random = np.random.default_rng(3)

    def signs(value: Any) -> Any:
        signs = np.where(random.random(np.shape(value)) < 0.5, -1.0, 1.0)
        return -1.0 if signs.size == 1 else signs

    probes = candidate.serials | {residual.serial for residual in residuals}
    instruments = Instruments(
        probes=probes, resets=computed.instruments.resets, forced=computed.instruments.forced
    )
    variant = lab.runner.variant(instruments)
    try:
        flips = {residual.serial: signs for residual in residuals}
        flipped = candidate.value(lab.record(point, variant, flipped=flips))
        plain = candidate.value(lab.record(point, variant))
    except StepFailedError:
        return True
    if flipped is None or plain is None:
        return True
    return abs(flipped - plain) <= 1e-9 * max(abs(plain), abs(flipped))

"""Conditions on columns, such as `x0 > 3 and abs(x1) <= 2`: read, never executed.

Python's own parser makes the tree; what is computed is only what stands in `_OPERATIONS`: numbers,
columns, + - * /, comparisons, `and`, `or`, `not` and `abs`. A column whose name is no word stands
in backticks, as in pandas: `` `petal length` > 3 ``.
"""

import ast
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nndiag.arrays import FloatArray
from nndiag.registry import suggestion

_LONGEST = 1_000  # letters
_OPERATIONS: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: np.logical_not,
    ast.And: np.logical_and,
    ast.Or: np.logical_or,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_ALLOWED = "columns, numbers, + - * /, < <= > >= == !=, and, or, not, abs()"


@dataclass(eq=False)  # an exception takes its traceback later
class ConditionError(Exception):
    """A condition that cannot be used.

    Attributes:
        message: What is wrong.
        got: The part that is.
        allowed: What may stand there.
        hint: What was probably meant.
    """

    message: str
    got: str
    allowed: str = _ALLOWED
    hint: str | None = None


def rows_where(condition: str, columns: Mapping[str, FloatArray]) -> NDArray[np.bool_]:
    """Which rows meet a condition, shape (B,).

    Args:
        condition: The text.
        columns: Name → values, shape (B,).

    Raises:
        ConditionError: It is no condition on these columns.
    """
    words, quoted = _without_backticks(condition)
    try:
        tree = ast.parse(words.strip(), mode="eval").body if len(words) <= _LONGEST else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        tree = None
    if tree is None:
        raise ConditionError("no condition can be read here", condition)
    with np.errstate(all="ignore"):
        found = _Reader(columns, quoted).value(tree)
    if np.asarray(found).dtype != bool:
        raise ConditionError("this is a number, not a condition", condition, "such as x0 > 3")
    count = len(next(iter(columns.values())))
    return np.array(np.broadcast_to(found, (count,)))


def _without_backticks(condition: str) -> tuple[str, dict[str, str]]:
    """The condition with a word for each quoted name, and what the words stand for."""
    names: dict[str, str] = {}

    def word(match: re.Match[str]) -> str:
        names[f"_column{len(names)}"] = match[1]
        return f"_column{len(names) - 1}"

    return re.sub(r"`([^`]*)`", word, condition), names


@dataclass(frozen=True)
class _Reader:
    """Computes the parts of a condition.

    Attributes:
        columns: Name → values (B,).
        names: Word in the tree → name of a column, for quoted ones.
    """

    columns: Mapping[str, FloatArray]
    names: Mapping[str, str]

    def value(self, node: ast.expr) -> Any:
        """What a part is: a number, numbers (B,), or truth values (B,)."""
        match node:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return np.float64(number)
            case ast.Name(id=name):
                return self._column(self.names.get(name, name))
            case ast.UnaryOp() | ast.BinOp() | ast.BoolOp():
                parts = [x for x in ast.iter_child_nodes(node) if isinstance(x, ast.expr)]
                return self._made(node.op, node, parts)
            case ast.Compare(left=left, ops=ops, comparators=others):
                return self._compared([left, *others], ops)
            case ast.Call(func=ast.Name(id="abs"), args=[one], keywords=[]):
                return np.abs(self.value(one))
        raise self._unknown(node)

    def _made(self, op: ast.AST, node: ast.expr, parts: list[ast.expr]) -> Any:
        """One operation: truth values are joined, numbers are computed with."""
        if type(op) not in _OPERATIONS:
            raise self._unknown(node)
        operands = [self.value(part) for part in parts]
        truths = {np.asarray(operand).dtype == bool for operand in operands}
        if truths != {isinstance(op, ast.And | ast.Or | ast.Not)}:
            raise ConditionError("numbers and conditions are mixed", self._text(node))
        operation = _OPERATIONS[type(op)]
        return operation(*operands) if len(operands) == 1 else reduce(operation, operands)

    def _unknown(self, node: ast.expr) -> ConditionError:
        return ConditionError("this cannot stand in a condition", self._text(node))

    def _compared(self, parts: list[ast.expr], ops: list[ast.cmpop]) -> Any:
        """`a < b < c` as Python means it: each with its neighbour."""
        values = [self.value(part) for part in parts]
        result: Any = np.True_
        for op, left, right in zip(ops, values, values[1:], strict=False):
            if type(op) not in _OPERATIONS:
                raise ConditionError("this comparison is not known", type(op).__name__.lower())
            result = np.logical_and(result, _OPERATIONS[type(op)](left, right))
        return result

    def _column(self, name: str) -> FloatArray:
        if name not in self.columns:
            allowed = ", ".join(self.columns)
            hint = suggestion(name, self.columns)
            raise ConditionError("no column has this name", name, allowed, hint)
        return self.columns[name]

    def _text(self, node: ast.expr) -> str:
        text = ast.unparse(node)
        for word, name in self.names.items():
            text = text.replace(word, f"`{name}`")
        return text

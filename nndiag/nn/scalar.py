"""Planned steps on a handful of numbers, as straight-line Python on floats.

A numpy call costs about 0.3 µs however small its arrays are; one operation on Python floats about
0.01 µs. For tiny networks trained on one or a few examples the same planned calls are therefore
translated, element by element, into one function without arrays. Nothing is written twice: what is
translated is the plan itself. A call that is not known here, or a step with too many numbers in
it, is simply left to numpy.

What it assumes: no call of a plan has effects besides its `out`. Where a Python float operation
raises what numpy would answer with inf or nan, the block is left to numpy as well.
"""

import math
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.nn.calls import Array, Call, maximum, minimum

_OPERATIONS_PER_CALL = 16  # float operations that cost as much as one numpy call
_OPERATIONS = 1_500  # beyond this the function's source becomes too long to be worth it

FORMULAS: dict[Any, str] = {
    np.add: "({0}+{1})",
    np.subtract: "({0}-{1})",
    np.multiply: "({0}*{1})",
    np.divide: "({0}/{1})",
    np.negative: "(-{0})",
    np.exp: "exp({0})",
    np.expm1: "expm1({0})",
    np.log1p: "log1p({0})",
    np.tanh: "tanh({0})",
    np.sqrt: "sqrt({0})",
    np.copyto: "{0}",
    np.greater: "(1.0 if {0}>{1} else 0.0)",
    maximum: "({0} if {0}>={1} or {0}!={0} else {1})",
    minimum: "({0} if {0}<={1} or {0}!={0} else {1})",
}


@dataclass(eq=False)
class _Node:
    """One value of the step: a formula over other values.

    Attributes:
        formula: Python with {0}, {1} … for the operands; a name or a literal if there are none.
        operands: The values it is made of.
        uses: How many formulas need it.
        name: The local variable that holds it, once it has one.
    """

    formula: str
    operands: tuple["_Node", ...] = ()
    uses: int = 0
    name: str | None = None


class Untranslatable(Exception):  # noqa: N818
    """The plan has a call that is not known here, or is too large."""


@dataclass(frozen=True, eq=False)
class ScalarStep:
    """A translated step.

    Attributes:
        function: `(rows, state, record)` → the new state, all as plain floats.
        state: The arrays that live from step to step.
        record: Buffer that takes `width` floats of each step.
        width: Floats recorded per step.
    """

    function: Callable[[list[list[float]], list[float], bytearray], tuple[float, ...]]
    state: Sequence[Array]
    record: bytearray
    width: int

    def run(self, rows: FloatArray) -> FloatArray | None:
        """Take one step per row; the recorded values (n, width), or None to leave it to numpy."""
        before = [value for array in self.state for value in array.ravel().tolist()]
        try:
            after = self.function(rows.tolist(), before, self.record)
        except (OverflowError, ZeroDivisionError, ValueError):
            return None
        start = 0
        for array in self.state:
            array[...] = np.reshape(after[start : start + array.size], array.shape)
            start += array.size
        return np.frombuffer(self.record).reshape(-1, self.width)[: len(rows)]


def scalar_step(
    calls: Sequence[Call],
    *,
    state: Sequence[Array],
    row: Sequence[Array],
    recorded: Sequence[Array],
    steps: int,
) -> ScalarStep | None:
    """The planned step `calls` as a function on floats, where that is faster; else None.

    Args:
        calls: The calls of one step.
        state: Arrays that a step reads and changes for the next one (C-contiguous).
        row: Arrays whose content differs from step to step, in the order of a row's numbers.
        recorded: Arrays of which every step's content is wanted.
        steps: The most steps that will be taken at once.
    """
    try:
        translation = _Translation(state=state, row=row)
        for function, arguments in calls:
            translation.add(function, arguments)
    except Untranslatable:
        return None
    if translation.operations > _OPERATIONS_PER_CALL * len(calls):
        return None
    width = sum(array.size for array in recorded)
    source = translation.source(recorded)
    names: dict[str, Any] = {
        name: getattr(math, name) for name in ("exp", "expm1", "log1p", "tanh", "sqrt")
    }
    names["pack"] = struct.Struct(f"{width}d").pack_into
    exec(compile(source, "<scalar step>", "exec"), names)  # made from the plan alone
    return ScalarStep(names["block"], state, bytearray(8 * width * steps), width)


class _Translation:
    """Follows a plan element by element; an element is known by its address."""

    def __init__(self, *, state: Sequence[Array], row: Sequence[Array]) -> None:
        self.operations = 0
        self._state = [address for array in state for address in _addresses(array)]
        self._row = [address for array in row for address in _addresses(array)]
        self._values: dict[int, _Node] = {}
        for prefix, addresses in (("s", self._state), ("r", self._row)):
            for index, address in enumerate(addresses):
                self._values[address] = _Node(f"{prefix}{index}", name=f"{prefix}{index}")

    def add(self, function: Any, arguments: tuple[Any, ...]) -> None:
        """Follow one call."""
        owner = getattr(function, "__self__", None)
        if isinstance(owner, np.ndarray) and function.__name__ == "dot":
            right, out = arguments
            self._limit(out.size * owner.shape[1])
            self._product(owner, right, out)
        elif function is np.copyto:
            out, value = arguments
            self._limit(out.size)
            self._elementwise(function, (value,), out)
        elif function in FORMULAS:
            self._limit(arguments[-1].size)
            self._elementwise(function, arguments[:-1], arguments[-1])
        else:
            raise Untranslatable

    def _limit(self, more: int) -> None:
        if self.operations + more > _OPERATIONS:
            raise Untranslatable

    def source(self, recorded: Sequence[Array]) -> str:
        """The whole function."""
        kept = [self._values[address] for array in recorded for address in _addresses(array)]
        ends = [self._values[address] for address in self._state]
        for node in (*kept, *ends):
            node.uses += 2  # needs a name
        lines: list[str] = []
        record = ", ".join([self._name(node, lines) for node in kept])
        results = [self._name(node, lines) for node in ends]
        state = [f"s{index}" for index in range(len(ends))]
        row = ", ".join(f"r{index}" for index in range(len(self._row))) or "*_"
        body = [
            *lines,
            f"pack(record, offset, {record})",
            f"offset += {8 * len(kept)}",
            *(f"{name} = {value}" for name, value in zip(state, results, strict=True)),
        ]
        return "\n".join(
            [
                "def block(rows, state, record):",
                f"    {', '.join(state)}, = state",
                "    offset = 0",
                f"    for {row}, in rows:" if row != "*_" else "    for _ in rows:",
                *("        " + line for line in body),
                f"    return {', '.join(state)},",
            ]
        )

    def _elementwise(self, function: Any, inputs: Sequence[Array], out: Array) -> None:
        if out.dtype != np.float64:
            raise Untranslatable
        addresses = [_addresses(np.broadcast_to(array, out.shape)) for array in inputs]
        owners = [np.asarray(array) for array in inputs]
        formula = FORMULAS[function]
        nodes = [
            self._node(
                formula,
                tuple(
                    self._value(address, owner)
                    for address, owner in zip(element, owners, strict=True)
                ),
            )
            for element in zip(*addresses, strict=True)
        ]
        self._values.update(zip(_addresses(out), nodes, strict=True))

    def _product(self, left: Array, right: Array, out: Array) -> None:
        rows, inner = left.shape
        columns = right.shape[1]
        first = np.reshape(list(_addresses(left)), (rows, inner))
        second = np.reshape(list(_addresses(right)), (inner, columns))
        nodes = [
            self._sum(
                [
                    self._node(
                        "({0}*{1})",
                        (
                            self._value(int(first[i, k]), left),
                            self._value(int(second[k, j]), right),
                        ),
                    )
                    for k in range(inner)
                ]
            )
            for i in range(rows)
            for j in range(columns)
        ]
        self._values.update(zip(_addresses(out), nodes, strict=True))

    def _sum(self, terms: list[_Node]) -> _Node:
        if len(terms) == 1:
            return terms[0]
        formula = "(" + "+".join(f"{{{index}}}" for index in range(len(terms))) + ")"
        return self._node(formula, tuple(terms))

    def _node(self, formula: str, operands: tuple[_Node, ...]) -> _Node:
        if formula == "{0}":
            return operands[0]
        if formula == "({0}*{1})":
            for one, other in (operands, operands[::-1]):
                if one.formula == "1.0":
                    return other
        for operand in operands:
            operand.uses += formula.count(f"{{{operands.index(operand)}}}")
        self.operations += max(1, len(operands) - 1)
        return _Node(formula, operands)

    def _value(self, address: int, owner: Array) -> _Node:
        """The value at an address; one that no call has written is a constant."""
        if address not in self._values:
            for place, number in zip(_addresses(owner), owner.ravel().tolist(), strict=True):
                if not math.isfinite(number):
                    raise Untranslatable
                self._values.setdefault(place, _Node(repr(float(number))))
        return self._values[address]

    def _name(self, node: _Node, lines: list[str]) -> str:
        """An expression for the value; one that is used twice is computed once, in `lines`."""
        if node.name is None and not node.operands:
            return f"({node.formula})" if node.formula.startswith("-") else node.formula
        if node.name is None:
            expression = node.formula.format(*[self._name(part, lines) for part in node.operands])
            if node.uses < 2:
                return expression
            node.name = f"v{len(lines)}"
            lines.append(f"{node.name} = {expression}")
        return node.name


def _addresses(array: Array) -> Iterator[int]:
    """The address of each element, in C order."""
    start = array.__array_interface__["data"][0]
    offsets = np.zeros(array.shape, np.int64)
    for axis, (length, stride) in enumerate(zip(array.shape, array.strides, strict=True)):
        shape = [1] * array.ndim
        shape[axis] = length
        offsets = offsets + (np.arange(length) * stride).reshape(shape)
    yield from (start + offsets).ravel().tolist()

"""The learning rate: the factor that a program names between a gradient and its update."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nndiag.errors import Problem, UserCodeError
from nndiag.program.graph.adjoints import ancestors
from nndiag.program.graph.nodes import Graph, Node, Ref
from nndiag.program.roles.losses import Loss
from nndiag.program.roles.parameters import Parameter
from nndiag.program.roles.reading import Reading
from nndiag.program.text.settings import is_numeral

_DEEP = 40
_SAME = 1e-6
_FACTORS = {"mul": "*", "multiply": "*", "truediv": "/", "divide": "/", "true_divide": "/"}

_SUMS = frozenset({"add", "sub", "subtract"})
_ENDS = frozenset({"matmul", "dot", "sum", "outer", "einsum"})


_Key = tuple[int, str, float]
"""Expression, variable and value of a node of one number, the same in any graph of an iteration."""


@dataclass(frozen=True)
class Rate:
    """A learning rate.

    Attributes:
        text: The expression.
        value: Its value.
    """

    text: str
    value: float


def learning_rate(
    reading: Reading,
    nodes: Mapping[int, ast.AST],
    *,
    kept: Iterable[float] = (),
    loss: Loss | None = None,
) -> Rate | None:
    """The one rate that all updates name, or that stands there as a number; None where unclear.

    An input that is one number multiplies the error, too; but the loss is made from it.

    Args:
        reading: One iteration.
        nodes: The program's syntax tree by node_id.
        kept: What the optimizer's averages keep: factors made of these alone are no rate.
        loss: What is minimised: numbers that it is made from are no rate.
    """
    inputs = {
        _key(reading.forward[index])
        for key in (() if loss is None else (key for term in loss.terms for key in term))
        if key in reading.keyed_forward
        for index in ancestors(reading.forward, reading.keyed_forward[key])
        if reading.forward[index].size == 1
    }
    own = [value for share in kept for value in (share, 1 - share, 1 + share)]
    tables = [
        {rate.text: rate for rate in _factors(reading, parameter, nodes, but=inputs)}
        for parameter in reading.parameters
        if parameter.ends[0] not in (None, parameter.heads[0])
    ]
    if not tables:
        return None
    shared = [rate for text, rate in tables[0].items() if all(text in table for table in tables)]
    other = [rate for rate in shared if all(abs(rate.value - value) > _SAME for value in own)]
    shared = other or shared
    named = [rate for rate in shared if not is_numeral(rate.text)]
    return next(iter(named or shared), None)


def said_rate(reading: Reading, nodes: Mapping[int, ast.AST], said: str) -> Rate:
    """The rate that the user names: a number, or an expression that the updates use.

    Raises:
        UserCodeError: No update uses it.
    """
    if is_numeral(said):
        return Rate(said, float(said))
    for parameter in reading.parameters:
        for rate in _factors(reading, parameter, nodes):
            if rate.text == said.strip():
                return rate
    raise UserCodeError(
        Problem(
            f"code.learning_rate: no update uses {said!r}",
            hint="write it as the update does, or give the number",
        )
    )


def _key(node: Node) -> _Key:
    return node.node_id, node.label, float(np.ravel(node.value)[0])


def _factors(
    reading: Reading,
    parameter: Parameter,
    nodes: Mapping[int, ast.AST],
    *,
    but: Collection[_Key] = (),
) -> Iterator[Rate]:
    """The single numbers that a step is multiplied by, nearest to the update first."""
    graph = reading.graph
    node = parameter.ends[0]
    for _ in range(_DEEP):
        if node is None:
            return
        item = graph[node]
        if item.operation in _FACTORS:
            yield from _single(reading, item, nodes.get(item.node_id), but=but)
        node = next((i for i in _flows(reading, item) if i != parameter.heads[0]), None)
        beside = [i for i in item.inputs if item.operation in _ENDS or i != node]
        if item.operation in _ENDS or item.operation in _FACTORS:
            for index in beside:  # `0.1 * x.T @ d`, `rate * d * a` multiply one factor first
                yield from _inner(reading, index, nodes, but=but)
        if item.operation in _ENDS:
            return


def _inner(
    reading: Reading, index: int, nodes: Mapping[int, ast.AST], *, but: Collection[_Key]
) -> Iterator[Rate]:
    """The single numbers in a product that is a factor itself."""
    item = reading.graph[index]
    while item.operation in ("mul", "multiply"):
        yield from _single(reading, item, nodes.get(item.node_id), but=but)
        index = item.inputs[0]
        item = reading.graph[index]


def _flows(reading: Reading, item: Node) -> Iterator[int]:
    """The inputs that the parameters act on, arrays first; in a sum the gradient before a decay.

    What a decay leaves of a parameter is made of less than a gradient is.
    """
    graph, acted = reading.graph, reading.acted
    found = [index for index in item.inputs if index in acted]
    summed = found if item.operation in _SUMS else []
    made_of = {index: len(ancestors(graph, index) & acted) for index in summed}
    yield from sorted(found, key=lambda i: (graph[i].size != item.size, -made_of.get(i, 0)))


def _single(
    reading: Reading, item: Node, syntax: ast.AST | None, *, but: Collection[_Key]
) -> Iterator[Rate]:
    if isinstance(syntax, ast.BinOp):
        sides = [syntax.left, syntax.right]
    elif isinstance(syntax, ast.Call) and len(syntax.args) == len(item.arguments):
        sides = list(syntax.args)
    else:
        return
    for part, side in zip(item.arguments, sides):
        is_node = isinstance(part, Ref)
        value = reading.graph[part.node].value if is_node else part
        acted = is_node and (part.node in reading.acted or _key(reading.graph[part.node]) in but)
        if (
            acted
            or np.ndim(value) != 0
            or isinstance(value, bool)
            or isinstance(part, (list, tuple))
        ):
            continue
        if side is sides[1] and _FACTORS[item.operation] == "/":
            continue
        rate = _variable(reading.graph, part, side) or _named_part(side, float(value))
        if rate.value > 0 and np.isfinite(rate.value):
            yield rate


def _variable(graph: Graph, part: Any, side: ast.expr) -> Rate | None:
    """The one variable that is a factor of a number: `alpha` of `2 * alpha / m`."""
    found = [
        Rate(ast.unparse(syntax), float(value))
        for value, syntax in _over(graph, part, side)
        if isinstance(syntax, (ast.Name, ast.Attribute, ast.Subscript)) and _is_number(value)
    ]
    real = [rate for rate in found if not rate.value.is_integer()] or found
    return real[0] if len(real) == 1 and real[0].value > 0 else None


def _over(graph: Graph, part: Any, side: ast.expr) -> Iterator[tuple[Any, ast.expr]]:
    """The factors of a number that stand above its divisions: their values, as they are written."""
    node = graph[part.node] if isinstance(part, Ref) else None
    if node is not None and isinstance(side, ast.BinOp) and len(node.arguments) == 2:
        sign = _FACTORS.get(node.operation)
        if sign is not None:
            yield from _over(graph, node.arguments[0], side.left)
            if sign == "*":
                yield from _over(graph, node.arguments[1], side.right)
            return
    yield part if node is None else node.value, side


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def _named_part(side: ast.expr, number: float) -> Rate:
    """A factor without its sign, and without literal numbers that it is multiplied by."""
    if isinstance(side, ast.UnaryOp) and isinstance(side.op, ast.USub):
        return _named_part(side.operand, -number)
    if isinstance(side, ast.BinOp) and isinstance(side.op, (ast.Mult, ast.Div)):
        left, right = side.left, side.right
        if isinstance(right, ast.Constant) and isinstance(right.value, (int, float)):
            divided = isinstance(side.op, ast.Div)
            return _named_part(left, number * right.value if divided else number / right.value)
        literal = isinstance(left, ast.Constant) and isinstance(left.value, (int, float))
        if literal and isinstance(side.op, ast.Mult):
            return _named_part(right, number / left.value)  # type: ignore[attr-defined]
    return Rate(ast.unparse(side), number)

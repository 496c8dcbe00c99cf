"""One expression written otherwise: other orders, transposes, axes of the same operands."""

from __future__ import annotations

import ast
from collections.abc import Iterator

SUMS = (
    "np.sum({0}, axis=0)",
    "np.sum({0}, axis=0, keepdims=True)",
    "np.sum({0}, axis=1, keepdims=True)",
    "np.sum({0}, axis=1)",
    "np.sum({0})",
)
"""The sums along each axis, and along all."""


def orders(part: ast.BinOp) -> Iterator[str]:
    """An operation without one of its operands, with the other order, as another product."""
    left, right = ast.unparse(part.left), ast.unparse(part.right)
    yield f"({left})"
    yield f"({right})"
    if isinstance(part.op, ast.Mult):
        yield from _with_one_less(part)
    if isinstance(part.op, ast.Sub):
        yield f"({right}) - ({left})"
        yield f"({left}) + ({right})"
    if isinstance(part.op, ast.Add):
        yield f"({left}) - ({right})"
    if isinstance(part.op, (ast.MatMult, ast.Mult)):
        yield from _turned(left, right)
        yield f"({left}) * ({right})"
    if isinstance(part.op, ast.Pow):
        yield f"2 * ({left})"


def _with_one_less(part: ast.BinOp) -> Iterator[str]:
    """A product of several without one of those in the middle, or the first."""
    factors: list[ast.expr] = []
    rest: ast.expr = part
    while isinstance(rest, ast.BinOp) and isinstance(rest.op, ast.Mult):
        factors.insert(0, rest.right)
        rest = rest.left
    texts = [_b(ast.unparse(item)) for item in (rest, *factors)]
    for place in range(len(texts) - 1):
        yield " * ".join(texts[:place] + texts[place + 1 :])


def _turned(left: str, right: str) -> Iterator[str]:
    pairs = [(left, right), (right, left)]
    for one, two in pairs:
        one_turned, two_turned = _transposed(one), _transposed(two)
        yield f"{_b(one)} @ {_b(two)}"
        yield f"{one_turned} @ {_b(two)}"
        yield f"{_b(one)} @ {two_turned}"
        yield f"{one_turned} @ {two_turned}"


def _b(text: str) -> str:
    return text if text.isidentifier() else f"({text})"


def _transposed(text: str) -> str:
    return _b(text[:-2]) if text.endswith(".T") else f"{_b(text)}.T"


def argument_orders(part: ast.Call) -> Iterator[str]:
    """Products that are written as calls."""
    name = part.func.attr if isinstance(part.func, ast.Attribute) else ""
    if name not in ("dot", "matmul", "outer", "multiply"):
        return
    arguments = [ast.unparse(item) for item in part.args]
    if len(arguments) == 1 and isinstance(part.func, ast.Attribute):
        arguments.insert(0, ast.unparse(part.func.value))
    if len(arguments) == 2:
        yield from _turned(*arguments)
        yield from (f"({item})" for item in arguments)
        yield f"({arguments[0]}) * ({arguments[1]})"
        yield f"np.outer({arguments[1]}, {arguments[0]})"


def swapped(part: ast.List | ast.Tuple) -> Iterator[str]:
    """A list with two of its items in each other's place."""
    items = [ast.unparse(item) for item in part.elts]
    for one in range(min(len(items), 16)):
        for other in range(one):
            turned = list(items)
            turned[one], turned[other] = items[other], items[one]
            yield f"[{', '.join(turned)}]"


def axes(part: ast.Call) -> Iterator[str]:
    """A reduction along another axis, along all, or none."""
    function = ast.unparse(part.func)
    name = function.rpartition(".")[2]
    if name not in ("sum", "mean", "max", "average"):
        return
    inner = ast.unparse(part.args[0]) if part.args else function.rpartition(".")[0]
    yield from (form.format(inner) for form in SUMS)
    yield from (form.replace("np.sum", "np.mean").format(inner) for form in SUMS)
    yield f"({inner})"


def slices(part: ast.Subscript) -> Iterator[str]:
    """The other part of what is cut in two, and another index of several."""
    holder, index = ast.unparse(part.value), part.slice
    if isinstance(index, ast.Slice) and index.step is None:
        lower = "" if index.lower is None else ast.unparse(index.lower)
        upper = "" if index.upper is None else ast.unparse(index.upper)
        if not (lower and upper):
            yield f"{holder}[{upper}:{lower}]"
    if isinstance(index, ast.Tuple):
        for one in range(len(index.elts) - 1):
            items = [ast.unparse(item) for item in index.elts]
            items[one : one + 2] = items[one : one + 2][::-1]
            yield f"{holder}[{', '.join(items)}]"
        for place, item in enumerate(index.elts):
            if isinstance(item, ast.Constant) and isinstance(item.value, int):
                rest = [ast.unparse(other) for other in index.elts]
                for text in (str(item.value + 1), str(item.value - 1)):
                    yield f"{holder}[{', '.join([*rest[:place], text, *rest[place + 1 :]])}]"

"""Biases for a layer without any: their start, their place in the sum, and their step.

The derivative by a bias is that by a weight with 1 in the place of the input. It is therefore what
stands for the weight's gradient, without the factor that is the input, and summed over the examples
where the product with the input did that. Of the ways to write it a run tells which one is right.
"""

import ast
import copy
from collections.abc import Iterator
from typing import Any

from nndiag.own_program.absorbing import shapes
from nndiag.own_program.mirror import Told
from nndiag.own_program.places import Places, Splice, assignments, last_name
from nndiag.own_program.sharing import steps_of

_SUMMED = ("dot", "matmul")
_PRODUCTS = (*_SUMMED, "multiply", "outer")
_TRANSPOSES = ("T", "transpose")


def biased(places: Places, told: Told) -> Iterator[tuple[int, tuple[Splice, ...]]]:
    """The first line and the changes, in each way to sum over the examples.

    Args:
        places: Finds places in the program.
        told: What was watched of it.
    """
    loop, link = places.outer_loop(), told["links"][0] if told["links"] else None
    if loop is None or link is None:
        return
    name, shape = link["weights"], shapes(told)[link["weights"]]
    found = next(_products(places, name, link["line"]), None)
    updates = [x for x in _statements(loop) if steps_of(x, name)]
    if found is None or len(updates) != 1:
        return
    product, given, size = *found, link["units"]
    column = len(shape) == 2 and not link["turned"]
    start = f"np.zeros(({size}, 1))" if column else f"np.zeros({size})" if shape else "0.0"
    bias = f"{name}_bias"
    if not isinstance(ast.parse(bias, mode="eval").body, ast.Name | ast.Attribute):
        return
    whole = any(value is product for _, value in assignments(places.tree))
    whole = whole or any(_is_first_term(node, product) for node in ast.walk(places.tree))
    places_of = (
        places.before(loop, [f"{bias} = {start}"]),
        places.wrapped(product, f"{{}} + {bias}" if whole else f"({{}} + {bias})"),
    )
    for summed in ("{}", f"np.sum({{}}, axis={int(column)}{', keepdims=True' * column})"):
        step = _step(places, loop, updates[0], name, given=given, bias=bias, summed=summed)
        if step is not None:
            yield product.lineno, (*places_of, step)


def _products(places: Places, name: str, line: int) -> Iterator[tuple[ast.expr, str]]:
    """The products of a parameter on a line, each with what it is multiplied by."""
    for node in ast.walk(places.tree):
        if isinstance(node, ast.expr) and node.lineno <= line <= (node.end_lineno or 0):
            for one, other in _factors(node):
                if _bare(one) == name:
                    yield node, _bare(other)


def _is_first_term(node: ast.AST, product: ast.expr) -> bool:
    sums = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub)
    return sums and node.left is product  # type: ignore[attr-defined]


def _factors(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Both factors of a product, in both orders; none where it is no product."""
    pair: list[ast.expr] = []
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.MatMult):
        pair = [node.left, node.right]
    elif isinstance(node, ast.Call) and last_name(node.func) in _PRODUCTS:
        owner = node.func.value if isinstance(node.func, ast.Attribute) else node.func
        plain = isinstance(owner, ast.Name) and owner.id in {"np", "numpy"}
        pair = node.args if plain else [owner, *node.args]
    if len(pair) == 2:
        yield pair[0], pair[1]
        yield pair[1], pair[0]


def _bare(node: ast.expr) -> str:
    """An expression without being transposed."""
    if isinstance(node, ast.Call) and last_name(node.func) == "transpose":
        node = node.args[0] if node.args else node.func
    while isinstance(node, ast.Attribute) and node.attr in _TRANSPOSES:
        node = node.value
    return ast.unparse(node)


def _statements(loop: ast.AST) -> Iterator[ast.stmt]:
    return (x for x in ast.walk(loop) if isinstance(x, ast.Assign | ast.AugAssign))


def _step(
    places: Places,
    loop: ast.stmt,
    update: ast.stmt,
    name: str,
    *,
    given: str,
    bias: str,
    summed: str,
) -> Splice | None:
    """The update of the biases, before that of the weights or behind their gradient."""
    (step,) = steps_of(update, name)
    inside = _without(step, given, summed)
    if inside is not None:
        return places.before(update, [_updated(update, name, bias, inside)])
    used = {x.id for x in ast.walk(step) if isinstance(x, ast.Name)}
    for statement in _statements(loop):
        for target, value in assignments(statement):
            inside = _without(value, given, summed)
            if isinstance(target, ast.Name) and target.id in used and inside is not None:
                whole = _Instead(target.id, inside).visit(copy.deepcopy(step))
                return places.before(statement, [_updated(update, name, bias, whole)])
    return None


def _updated(update: ast.stmt, name: str, bias: str, step: ast.expr) -> str:
    """The update of a parameter as that of another one, by another step."""
    down = isinstance(getattr(update, "op", None) or update.value.op, ast.Sub)  # type: ignore[attr-defined]
    return f"{bias} {'-' if down else '+'}= {ast.unparse(step)}"


def _without(value: ast.expr, given: str, summed: str) -> ast.expr | None:
    """An expression with the input left out of its product; None where it stands in none."""
    for node in ast.walk(value):
        for one, other in _factors(node):
            if _bare(one) == given:
                rest = ast.parse(summed.format(f"({ast.unparse(other)})"), mode="eval").body
                changed: ast.expr = _Instead(ast.unparse(node), rest).visit(copy.deepcopy(value))
                return changed
    return None


class _Instead(ast.NodeTransformer):
    """Puts one expression in the place of another."""

    def __init__(self, text: str, other: ast.expr) -> None:
        self._text, self._other = text, other

    def visit(self, node: ast.AST) -> Any:
        """One node."""
        if isinstance(node, ast.expr) and ast.unparse(node) == self._text:
            return self._other
        return self.generic_visit(node)

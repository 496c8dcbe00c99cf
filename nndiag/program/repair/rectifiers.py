"""Derivatives of rectifiers, as the program's own forward pass has them: leaky slopes and all."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nndiag.program.repair.workshop import Workshop


def rectifier_formulas(shop: Workshop) -> Iterator[str]:
    """`np.where({0} > 0, 1, 0.01)` for a forward pass with `np.where(z > 0, z, 0.01 * z)`.

    The sign of an activated value is that of its pre-activation as long as both slopes are
    positive, so that the formula may be taken of either. A rectifier that is written otherwise,
    such as with a mask, is not known.

    Args:
        shop: What is known of the program's statements.
    """
    for call in shop.calls:
        if not shop.is_acted(call):
            continue
        name = ast.unparse(call.func).rpartition(".")[2]
        found = None
        if name == "where" and len(call.args) == 3 and isinstance(call.args[0], ast.Compare):
            found = _of_where(call.args[0], call.args[1], call.args[2])
        elif name in {"maximum", "max"} and len(call.args) == 2:
            found = _of_maximum(call.args[0], call.args[1])
        if found is not None and found[1] != "0":
            yield f"np.where({{0}} > 0, {found[0]}, {found[1]})"


def _of_where(test: ast.Compare, first: ast.expr, second: ast.expr) -> tuple[str, str] | None:
    """The slopes above and below zero."""
    variable = ast.unparse(test.left)
    slopes = _slope(first, variable), _slope(second, variable)
    limit = test.comparators[0]
    if not isinstance(limit, ast.Constant) or limit.value != 0:
        return None
    if slopes[0] is None or slopes[1] is None:
        return None
    upwards = isinstance(test.ops[0], (ast.Gt, ast.GtE))
    return (slopes[0], slopes[1]) if upwards else (slopes[1], slopes[0])


def _of_maximum(first: ast.expr, second: ast.expr) -> tuple[str, str] | None:
    """The slopes of `np.maximum(0.01 * z, z)`, whose smaller one is below zero."""
    for plain, scaled in ((first, second), (second, first)):
        slope = _slope(scaled, ast.unparse(plain))
        if slope is not None and slope not in {"0", "1"}:
            return "1", slope
    return None


def _slope(node: ast.expr, variable: str) -> str | None:
    """What a variable is multiplied by; None where that is not all."""
    if ast.unparse(node) == variable:
        return "1"
    if isinstance(node, ast.Constant) and node.value == 0:
        return "0"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        for factor, other in ((node.left, node.right), (node.right, node.left)):
            plain = isinstance(other, (ast.Constant, ast.Name, ast.Attribute))
            if ast.unparse(factor) == variable and plain:
                return ast.unparse(other)
    return None

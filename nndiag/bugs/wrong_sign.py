"""The step goes uphill: a sign is wrong.

What it is: the update adds the gradient instead of subtracting it, or the gradient starts from
`target - output` where `output - target` is meant (or both, and one sign too many elsewhere).

Why it matters: the parameter climbs the loss. With one tensor wrong the others pull against it;
with all of them wrong the loss grows until it overflows.

How it is told: the cosine between the step and the negative gradient is -1, at every point.

Repair: turn the difference around, or `+=` into `-=`. One turned difference at the output mends all
layers at once, and is then preferred to a turned update in each.

Source: the angle is that of Bottou, Curtis and Nocedal, Optimization Methods for Large-Scale
Machine Learning (2018), section 4.1: a step must keep an acute angle with the negative gradient.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nndiag.program.gradients.judgement import Verdict
from nndiag.program.repair.bug import BUGS, Bug, Symptoms
from nndiag.program.repair.sites import Site
from nndiag.program.text.edits import Edit

NAME = "wrong-sign"
_DERIVATIVE = "wrong-activation-derivative"  # a sign between activations belongs to a derivative


@BUGS.register(NAME)
def wrong_sign() -> Bug:
    """The step goes uphill: a sign is wrong."""
    return Bug(sentence="the sign is wrong: the step goes uphill", edits=edits, suspects=suspects)


def edits(site: Site) -> Iterator[Edit]:
    """Turns one sign of a statement around."""
    statement = site.statement
    if isinstance(statement, ast.AugAssign) and isinstance(statement.op, (ast.Add, ast.Sub)):
        sign = "-=" if isinstance(statement.op, ast.Add) else "+="
        text = f"{ast.unparse(statement.target)} {sign} {ast.unparse(statement.value)}"
        yield site.statement_edit(NAME, text, cost=1.1, says=f"write {sign}")
    for node in site.expressions:
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Sub, ast.Add)):
            yield from _turned(site, node, NAME if site.shop.is_driven(node) else _DERIVATIVE)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            yield site.edit(NAME, node, ast.unparse(node.operand), cost=1.15, says="drop the minus")
    value = site.value
    if value is None or isinstance(value, (ast.Tuple, ast.List, ast.Dict, ast.UnaryOp)):
        return
    if site.shop.is_driven(value) and not isinstance(statement, ast.Expr):
        yield site.edit(NAME, value, f"-({ast.unparse(value)})", cost=1.6, says="put a minus")


def _turned(site: Site, node: ast.BinOp, name: str) -> Iterator[Edit]:
    if not (site.shop.is_acted(node.left) or site.shop.is_acted(node.right)):
        return
    left, right = ast.unparse(node.left), ast.unparse(node.right)
    if isinstance(node.op, ast.Sub):
        if isinstance(node.right, ast.BinOp) and isinstance(node.right.op, (ast.Add, ast.Sub)):
            right = f"({right})"
        turned = f"{right} - {left}"
        if isinstance(node.left, ast.BinOp) and isinstance(node.left.op, (ast.Add, ast.Sub)):
            turned = f"{right} - ({left})"
        cost = 1.0 if site.shop.is_driven(node) else 1.5
        yield site.edit(name, node, turned, cost=cost, says=f"write {turned}")
    sign = "+" if isinstance(node.op, ast.Sub) else "-"
    yield site.edit(name, node, f"{left} {sign} {right}", cost=1.1, says=f"write {sign}")


def suspects(symptoms: Symptoms) -> tuple[str, ...]:
    """The tensors that move straight uphill."""
    return tuple(
        name for name, verdict in symptoms.verdicts.items() if verdict is Verdict.WRONG_SIGN
    )

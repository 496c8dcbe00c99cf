"""The gradient is a constant times the right one: the 2 of a square, or a ½, is lost or doubled.

What it is: the loss has no ½ in front of the square and the gradient has no 2, or the reverse; or
one tensor's gradient carries a factor that the others do not.

Why it matters: for all tensors alike it only rescales the learning rate. For one tensor alone it
makes that tensor learn at another rate than the rest.

How it is told: cosine 1, and the step over the gradient is a constant times the learning rate, or
times what the other tensors have.

Repair: put the factor in, or take it out.

Source: the factor is that of the derivative of a square.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nndiag.finding import Severity
from nndiag.program.gradients.judgement import Verdict
from nndiag.program.repair.bug import BUGS, Bug, Symptoms
from nndiag.program.repair.sites import Site, bracketed, factors
from nndiag.program.text.edits import Edit

NAME = "wrong-constant-factor"
_STEADY = 1e-2


@BUGS.register(NAME)
def wrong_constant_factor() -> Bug:
    """The gradient is a constant times the right one."""
    return Bug(
        sentence="a constant factor is wrong",
        edits=edits,
        suspects=suspects,
        severity=Severity.WARNING,
    )


def edits(site: Site) -> Iterator[Edit]:
    """Drops or puts in a factor of 2 or one half."""
    for node in site.expressions:
        for whole, factor, rest in factors(node):
            literal = isinstance(factor, ast.Constant) and isinstance(factor.value, (int, float))
            if literal and not _times_parameter(site, whole):
                says = f"drop the factor {ast.unparse(factor)}"
                yield site.edit(NAME, whole, rest, cost=1.1, says=says)
    yield from _rates(site)
    statement = site.statement
    scaling = isinstance(statement, ast.AugAssign) and isinstance(statement.op, (ast.Mult, ast.Div))
    if scaling and isinstance(site.value, ast.Constant):
        yield site.statement_edit(NAME, "", cost=1.15, says="drop the factor")
    value = site.value
    if value is None or not site.shop.is_driven(value) or isinstance(value, (ast.Tuple, ast.Dict)):
        return
    for number in ("2", "0.5"):
        text = f"{number} * {bracketed(value)}"
        yield site.edit(NAME, value, text, cost=1.3, says=f"multiply by {number}")


def _rates(site: Site) -> Iterator[Edit]:
    """Exchanges the number in an update for that of the other updates."""
    serials = {serial for found in site.shop.updates.values() for serial in found}
    if site.serial not in serials:
        return
    others = {
        ast.unparse(node)
        for serial in serials - {site.serial}
        for node in _numbers(site.shop.nodes[serial])
    }
    for node in _numbers(site.statement):
        for other in sorted(others - {ast.unparse(node)}):
            yield site.edit(NAME, node, other, cost=1.12, says=f"write {other}")


def _numbers(statement: ast.AST) -> Iterator[ast.Constant]:
    """The numbers that a statement multiplies by."""
    for node in ast.walk(statement):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            for side in (node.left, node.right):
                if isinstance(side, ast.Constant) and isinstance(side.value, float):
                    yield side


def _times_parameter(site: Site, node: ast.expr) -> bool:
    """Whether a product is that of a number and a parameter: a decay, not a factor."""
    return isinstance(node, ast.BinOp) and (
        site.shop.is_parameter(node.left) or site.shop.is_parameter(node.right)
    )


def suspects(symptoms: Symptoms) -> tuple[str, ...]:
    """The tensors whose factor differs from that of the right ones by the same ratio throughout."""
    found = []
    for name, verdict in symptoms.verdicts.items():
        pairs = zip(symptoms.scales[name], symptoms.reference)
        ratios = [scale / right for scale, right in pairs if right]
        steady = bool(ratios) and max(ratios) - min(ratios) <= _STEADY * abs(max(ratios))
        if verdict is Verdict.WRONG_SCALE and steady:
            found.append(name)
    return tuple(found)

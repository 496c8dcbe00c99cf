"""A delta is not multiplied by the derivative of its activation.

What it is: the error passes through a unit as if the unit were linear: the factor f'(z) is missing.

Why it matters: in a hidden layer the gradient is wrong in direction. At a sigmoid or softmax output
the step without the factor is the gradient of the cross-entropy instead of the squared error: it
trains, often better, but it is not the gradient of the loss that the program computes.

How it is told: the tensor and those below it are wrong; multiplying the delta by the derivative
mends them.

Repair: multiply the delta by the derivative, or state cross-entropy as the loss.

Source: Rumelhart, Hinton and Williams, Learning representations by back-propagating errors (1986),
equation 5.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nndiag.program.repair.bug import BUGS, Bug
from nndiag.program.repair.derivatives import derivative_texts
from nndiag.program.repair.sites import Site, bracketed, matmul_operands
from nndiag.program.repair.workshop import Shape
from nndiag.program.text.edits import Change, Edit

NAME = "missing-activation-derivative"


@BUGS.register(NAME)
def missing_activation_derivative() -> Bug:
    """A delta is not multiplied by the derivative of its activation."""
    return Bug(sentence="the derivative of the activation is missing from the delta", edits=edits)


def edits(site: Site) -> Iterator[Edit]:
    """Multiplies driven expressions of a statement by each derivative that fits."""
    yield from _at_entrance(site)
    for node in _deltas(site):
        shapes = site.shop.shapes(node)
        for text, cost in derivative_texts(site, shapes):
            if text in ast.unparse(site.statement):
                continue
            new = f"{bracketed(node)} * {_factor(text)}"
            yield site.edit(NAME, node, new, cost=cost, says=f"multiply by {text}")


def _factor(text: str) -> str:
    """A text that can stand behind a `*`."""
    return bracketed(ast.parse(text, mode="eval").body)


def _at_entrance(site: Site) -> Iterator[Edit]:
    """Multiplies the error that a function is given, before anything is made of it."""
    scope = site.scope
    first = isinstance(scope, ast.FunctionDef) and site.statement in scope.body[:2]
    if not first or not isinstance(scope, ast.FunctionDef):
        return
    arguments = {item.arg for item in scope.args.args}
    for atom in site.atoms:
        if atom.text in arguments and atom.gradient:
            for text, cost in derivative_texts(site, atom.shapes):
                new = f"{atom.text} = {atom.text} * {_factor(text)}"
                change = Change(site.serial, new, where="before")
                yield Edit(NAME, (change,), cost + 0.15, f"multiply by {text}")


def _deltas(site: Site) -> Iterator[ast.expr]:
    """The expressions of a statement that may be a delta: driven, and not shaped as a parameter."""
    parameters = set(site.shop.parameters.values())
    value = site.value
    if (
        value is not None
        and site.shop.is_driven(value)
        and not isinstance(site.statement, ast.Expr)
    ):
        yield value
    for node in site.expressions:
        operands = matmul_operands(node)
        for operand in operands or ():
            if site.shop.is_driven(operand) and not isinstance(operand, ast.Constant):
                yield operand
    for node in site.expressions:
        if isinstance(node, (ast.BinOp, ast.Call)) and node is not value:
            shapes: frozenset[Shape] = site.shop.shapes(node)
            if shapes and site.shop.is_driven(node) and not shapes <= parameters:
                yield node
    if isinstance(site.statement, ast.Expr):
        for node in site.expressions:
            if isinstance(node, ast.Call) and node is value:
                yield from (item for item in node.args if site.shop.is_driven(item))

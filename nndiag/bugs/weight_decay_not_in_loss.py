"""The step contains a weight decay that the loss does not.

What it is: the update adds λW, the gradient of ½λ‖W‖², and the loss that the program computes has
no such term.

Why it matters: the step is not downhill on the reported loss; near its minimum it goes uphill.
Often meant so, and then harmless: report the penalised loss to see what is minimised.

How it is told: step minus gradient is proportional to the parameter itself.

Repair: add the penalty to the loss, or drop the decay.

Source: Krogh and Hertz, A simple weight decay can improve generalization (1991).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nndiag.finding import Severity
from nndiag.program.repair.bug import BUGS, Bug
from nndiag.program.repair.sites import Site
from nndiag.program.text.edits import Edit

NAME = "weight-decay-not-in-loss"


@BUGS.register(NAME)
def weight_decay_not_in_loss() -> Bug:
    """The step contains a weight decay that the loss does not."""
    return Bug(
        sentence="the step contains a weight decay that the loss does not",
        edits=edits,
        severity=Severity.WARNING,
    )


def edits(site: Site) -> Iterator[Edit]:
    """Drops a term that is a multiple of a parameter."""
    for node in site.expressions:
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, (ast.Add, ast.Sub)):
            continue
        for term, rest in ((node.right, node.left), (node.left, node.right)):
            if _is_decay(site, term) and site.shop.is_driven(rest):
                says = f"drop {ast.unparse(term)}"
                yield site.edit(NAME, node, ast.unparse(rest), cost=1.0, says=says)
    for node in site.expressions:  # w = w * (1 - rate * decay) - rate * gradient
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            for factor, rest in ((node.right, node.left), (node.left, node.right)):
                if site.shop.is_parameter(rest) and not site.shop.is_acted(factor):
                    yield site.edit(NAME, node, ast.unparse(rest), cost=1.2, says="drop the decay")
    statement = site.statement
    if isinstance(statement, ast.AugAssign) and _is_decay(site, statement.value):
        yield site.statement_edit(NAME, "", cost=1.1, says="drop the decay")


def _is_decay(site: Site, node: ast.expr) -> bool:
    """Whether a term is a product with a parameter and without anything of the residual."""
    return (
        isinstance(node, ast.BinOp)
        and isinstance(node.op, (ast.Mult, ast.Div))
        and not site.shop.is_driven(node)
        and any(site.shop.is_parameter(item) for item in ast.walk(node))
    )

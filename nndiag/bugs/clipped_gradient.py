"""The gradient is cut off at a constant.

What it is: entries beyond a bound are set to the bound, or the whole gradient is scaled to a
largest norm.

Why it matters: clipping entry by entry changes the direction of the step. As a guard against rare
spikes it is good practice; where it acts at every step it is a different method.

How it is told: entries of the step stand at one value where the gradient's differ; without the clip
the check passes.

Repair: clip by the norm, which keeps the direction, or raise the bound until it acts rarely.

Source: Pascanu, Mikolov and Bengio, On the difficulty of training recurrent neural networks (2013),
section 3.2.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nndiag.finding import Severity
from nndiag.program.repair.bug import BUGS, Bug
from nndiag.program.repair.sites import Site
from nndiag.program.text.edits import Edit

NAME = "clipped-gradient"


@BUGS.register(NAME)
def clipped_gradient() -> Bug:
    """The gradient is cut off at a constant."""
    return Bug(
        sentence="the gradient is clipped, and the clip acts here",
        edits=edits,
        severity=Severity.WARNING,
    )


def edits(site: Site) -> Iterator[Edit]:
    """Drops a clip."""
    for node in site.expressions:
        if not isinstance(node, ast.Call) or not site.shop.is_driven(node):
            continue
        name = ast.unparse(node.func).rpartition(".")[2]
        if name in {"clip", "maximum", "minimum", "max", "min"} or "clip" in name.lower():
            inner = next((item for item in node.args if site.shop.is_driven(item)), None)
            if inner is None and isinstance(node.func, ast.Attribute):
                inner = node.func.value
            if inner is not None:
                yield site.edit(NAME, node, ast.unparse(inner), cost=0.9, says="drop the clip")
    statement = site.statement
    if isinstance(statement, ast.Expr) and "clip" in ast.unparse(statement):
        yield site.statement_edit(NAME, "", cost=0.95, says="drop the clip")

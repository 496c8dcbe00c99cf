"""A layer's raw error is used where its delta is meant, or the other way round.

What it is: programs keep both the error that arrives at a layer and the delta, the error times the
activation's derivative. The gradient, or the layer below, is given the wrong one of them.

Why it matters: the derivative is then missing from that gradient (or from all layers below), so the
direction is wrong.

How it is told: the tensor is wrong; writing the other of the two variables mends it.

Repair: use the delta in gradients and in what is passed back.

Source: ours.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nndiag.program.repair.bug import BUGS, Bug
from nndiag.program.repair.sites import Site
from nndiag.program.text.edits import Edit

NAME = "raw-error-instead-of-delta"


@BUGS.register(NAME)
def raw_error_instead_of_delta() -> Bug:
    """A layer's raw error is used where its delta is meant, or the other way round."""
    return Bug(sentence="the raw error is used where the delta is meant", edits=edits)


def edits(site: Site) -> Iterator[Edit]:
    """Exchanges one driven variable, or an expression of the error, for another variable."""
    for node in site.variables:
        atom = site.atom(node)
        if atom is None or not (atom.gradient or site.shop.is_driven(node)):
            continue
        for other in site.atoms:
            if other.gradient and other.text != atom.text and len(other.text) < 40:
                same = bool(other.shapes & site.shop.shapes(node))
                yield site.edit(
                    NAME, node, other.text, cost=0.97 if same else 1.35, says=f"use {other.text}"
                )
    yield from _written_out(site)


def _written_out(site: Site) -> Iterator[Edit]:
    """Writes a delta for an error that is computed on the spot: `(out - y).dot(w.T)`."""
    assigned = {ast.unparse(item) for item in getattr(site.statement, "targets", [])}
    for node in site.expressions:
        if node is site.value or not isinstance(node, ast.BinOp):
            continue
        shapes = site.shop.shapes(node)
        if not shapes or not site.shop.is_driven(node):
            continue
        used = {ast.unparse(item) for item in ast.walk(node)}  # dropping terms is another bug
        for other in site.atoms:
            fits = other.gradient and other.shapes & shapes
            if fits and other.text not in assigned | used:
                yield site.edit(NAME, node, other.text, cost=0.98, says=f"use {other.text}")

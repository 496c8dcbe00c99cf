"""Two arrays that belong together have different shapes, and numpy fits them by broadcasting.

What it is: targets of shape (n,) are subtracted from outputs of shape (n, 1), which gives an (n, n)
table of all differences; or a cost multiplies a column by a row and gets an outer product.

Why it matters: the error of each example is mixed with those of all others. The network learns the
mean of the targets and then stops, and no error is raised.

How it is told: the residual has more entries than the output.

Repair: give the targets the shape of the outputs.

Source: numpy's documentation of broadcasting.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

import numpy as np

from nndiag.program.gradients.computed import Residual
from nndiag.program.repair.bug import BUGS, Bug
from nndiag.program.repair.sites import Site, bracketed
from nndiag.program.text.edits import Change, Edit

NAME = "mismatched-shapes"


@BUGS.register(NAME)
def mismatched_shapes() -> Bug:
    """Two arrays that belong together have different shapes, and numpy broadcasts them."""
    return Bug(
        sentence="output and target have different shapes, and broadcasting makes a table of all "
        "their differences",
        edits=edits,
    )


def edits(site: Site) -> Iterator[Edit]:
    """Gives a target the shape of the output, or outputs that of the targets."""
    tables = [residual for residual in site.shop.residuals if _is_table(site, residual)]
    inside = {id(item) for item in ast.walk(site.statement)}
    for residual in tables:
        if id(site.shop.nodes[residual.serial]) not in inside:
            continue
        target = ast.unparse(site.shop.nodes[residual.target])
        new = f"{target}.reshape({ast.unparse(site.shop.nodes[residual.output])}.shape)"
        alike = [one for one in tables if ast.unparse(site.shop.nodes[one.target]) == target]
        for group in ([residual], alike):
            changes = tuple(Change(one.target, new) for one in group)
            yield Edit(NAME, changes, 1.0, f"write {new}", changes_loss=True)
    if tables and site.value is not None and not isinstance(site.statement, ast.AugAssign):
        outputs = {np.shape(_last(site, residual.output)) for residual in tables}
        shapes = site.shop.shapes(site.value)
        if shapes & outputs and not site.shop.is_driven(site.value):
            text = f"{bracketed(site.value)}.ravel()"
            says = f"write {text}"
            yield site.edit(NAME, site.value, text, cost=1.1, says=says, changes_loss=True)


def _is_table(site: Site, residual: Residual) -> bool:
    """Whether a difference has an entry for each pair of an output and a target."""
    output = _last(site, residual.output)
    return bool(np.size(_last(site, residual.serial)) > np.size(output) > 1)


def _last(site: Site, serial: int) -> Any:
    return site.shop.computed.base.values[serial][-1]

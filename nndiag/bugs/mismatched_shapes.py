"""Two arrays that belong together have different shapes, and numpy fits them by broadcasting.

What it is: targets of shape (n,) are subtracted from outputs of shape (n, 1), which gives an (n, n)
table of all differences; or a cost multiplies a column by a row and gets an outer product.

Why it matters: the error of each example is mixed with those of all others. The network learns the
mean of the targets and then stops, and no error is raised.

How it is told: the residual has more entries than the output.

Repair: give the targets the shape of the outputs.

Source: numpy's documentation of broadcasting.
"""

import ast
from collections.abc import Iterator

import numpy as np

from nndiag.user_code.repair.bug import BUGS, Bug
from nndiag.user_code.repair.sites import Site
from nndiag.user_code.text.edits import Edit

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
    """Gives a target the shape of the output."""
    inside = {id(item) for item in ast.walk(site.statement)}
    for residual in site.shop.residuals:
        node = site.shop.nodes[residual.serial]
        target = site.shop.nodes[residual.target]
        if (
            id(node) not in inside
            or not isinstance(target, ast.expr)
            or not _broadcast(site, residual)
        ):
            continue
        text = ast.unparse(target)
        output = ast.unparse(site.shop.nodes[residual.output])
        new = f"{text}.reshape({output}.shape)"
        yield site.edit(NAME, target, new, cost=1.0, says=f"write {new}", changes_loss=True)


def _broadcast(site: Site, residual: object) -> bool:
    values = site.shop.computed.base.values
    output = values[residual.output][-1]  # type: ignore[attr-defined]
    difference = values[residual.serial][-1]  # type: ignore[attr-defined]
    return bool(np.size(difference) > np.size(output) > 1)

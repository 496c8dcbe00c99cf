"""Two arrays that belong together have different shapes, and numpy fits them by broadcasting.

What it is: targets of shape (n,) are subtracted from outputs of shape (n, 1), which gives an (n, n)
table of all differences; or a cost multiplies a column by a row and gets an outer product.

Why it matters: the error of each example is mixed with those of all others. The network learns the
mean of the targets and then stops, and no error is raised.

How it is told: the residual has more entries than the output.

Fix: give the targets the shape of the outputs.

Source: numpy's documentation of broadcasting.
"""

from __future__ import annotations

from nndiag.program.judging.bug import BUGS, Bug


@BUGS.register("mismatched-shapes")
def mismatched_shapes() -> Bug:
    """Two arrays that belong together have different shapes, and numpy broadcasts them."""
    return Bug(
        sentence="output and target have different shapes, and broadcasting makes a table of all "
        "their differences"
    )

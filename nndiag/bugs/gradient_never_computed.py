"""A parameter is never changed: its gradient is not computed, or never applied.

What it is: the update of a parameter is missing, its gradient is left at zero, or an `if` keeps
both from being reached.

Why it matters: the parameter stays at its start. A network with a frozen first layer still lowers
its loss, on random features; with a frozen bias it often cannot centre its units at all.

How it is told: one iteration leaves the parameter as it was, at every point, and the loss does
change with it.

Fix: write the missing update after the others'. A layer that is frozen on purpose is no bug:
name the parameters to check: `parameters=a,b` behind the file's name.

Source: ours; the step of gradient descent is zero only where the gradient is.
"""

from __future__ import annotations

from nndiag.program.judging.bug import BUGS, Bug


@BUGS.register("gradient-never-computed")
def gradient_never_computed() -> Bug:
    """A parameter is never changed: its gradient is not computed, or never applied."""
    return Bug(
        sentence="the parameter is never changed: its gradient is not computed or not applied"
    )

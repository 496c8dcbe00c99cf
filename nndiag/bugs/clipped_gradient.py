"""The gradient is cut off at a constant.

What it is: entries beyond a bound are set to the bound, or the whole gradient is scaled to a
largest norm.

Why it matters: clipping entry by entry changes the direction of the step. As a guard against rare
spikes it is good practice; where it acts at every step it is a different method.

How it is told: entries of the step stand at one value where the gradient's differ; without the clip
the check passes.

Fix: clip by the norm, which keeps the direction, or raise the bound until it acts rarely.

Source: Pascanu, Mikolov and Bengio, On the difficulty of training recurrent neural networks (2013),
section 3.2.
"""

from __future__ import annotations

from nndiag.finding import Severity
from nndiag.program.judging.bug import BUGS, Bug


@BUGS.register("clipped-gradient")
def clipped_gradient() -> Bug:
    """The gradient is cut off at a constant."""
    return Bug(
        sentence="the gradient is clipped, and the clip acts here", severity=Severity.WARNING
    )

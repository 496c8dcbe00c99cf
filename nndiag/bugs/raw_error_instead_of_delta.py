"""A layer's raw error is used where its delta is meant, or the other way round.

What it is: programs keep both the error that arrives at a layer and the delta, the error times the
activation's derivative. The gradient, or the layer below, is given the wrong one of them.

Why it matters: the derivative is then missing from that gradient (or from all layers below), so the
direction is wrong.

How it is told: the tensor is wrong; writing the other of the two variables corrects it.

Fix: use the delta in gradients and in what is passed back.

Source: ours.
"""

from __future__ import annotations

from nndiag.program.judging.bug import BUGS, Bug


@BUGS.register("raw-error-instead-of-delta")
def raw_error_instead_of_delta() -> Bug:
    """A layer's raw error is used where its delta is meant, or the other way round."""
    return Bug(sentence="the raw error is used where the delta is meant")

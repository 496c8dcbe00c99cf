"""The loss's gradient is multiplied by the mean (or sum) of the residual.

What it is: the backward pass starts from something like `mean(y - out) * (y - out)`: the number
that was meant to be the loss has got into its own derivative.

Why it matters: the sign of every step is the sign of the mean residual and its size grows with it.
Where the outputs are too low on average the step is right; where they are too high it goes uphill,
faster and faster. No learning rate helps.

How it is told: cosine +1 or -1 for all tensors at once, with a factor that changes in size and sign
from point to point.

Fix: drop the mean; start from `output - target` alone.

Source: ours; the derivative of a squared error is linear in the residual.
"""

from __future__ import annotations

from nndiag.program.judging.bug import BUGS, Bug


@BUGS.register("loss-gradient-scaled-by-residual")
def loss_gradient_scaled_by_residual() -> Bug:
    """The loss's gradient is multiplied by the mean (or sum) of the residual."""
    return Bug(
        sentence="the loss's gradient is multiplied by the mean of the residual, "
        "so that the size and the sign of the step change with the data"
    )

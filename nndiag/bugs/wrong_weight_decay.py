"""The weight decay of a step is not the one that the loss asks for.

What it is: the loss has a penalty on a parameter, and its gradient is left out of the step, is
taken with the wrong sign, or with another strength; or a step adds a multiple of the parameter
where a decay takes one off; or one layer decays and the next does not.

Why it matters: what is minimised is not what is printed. With the wrong sign the weights grow from
step to step, and nothing but the data holds them.

How it is told: the step is fitted by the derivative of the data's part of the loss and by the
parameter itself, at several points. The multiple of the parameter is compared with the penalty's.

Fix: `dW = ... + decay * W` for a penalty of `decay / 2 * np.sum(W ** 2)`, in each layer.

Source: Krogh and Hertz, A simple weight decay can improve generalization (1991).
"""

from __future__ import annotations

from nndiag.program.judging.bug import BUGS, Bug


@BUGS.register("wrong-weight-decay")
def wrong_weight_decay() -> Bug:
    """The weight decay of a step is not the one that the loss asks for."""
    return Bug(sentence="the weight decay of the step is not that of the loss")

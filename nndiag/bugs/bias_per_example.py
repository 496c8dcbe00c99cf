"""A bias has one row for each training example.

What it is: the bias was made with the shape of the layer's output, (examples, units), instead of
(units,). Each example trains a bias of its own.

Why it matters: the network can learn each target by its own bias without learning anything from
the inputs, and it cannot be applied to inputs that it was not trained on: there is no bias for
them.

How it is told: the parameter's first axis is as long as the number of examples, and its rows
differ.

Fix: make the bias of shape (1, units), and sum its gradient over the examples.

Source: ours; found in the wild.
"""

from __future__ import annotations

from nndiag.program.judging.bug import BUGS, Bug


@BUGS.register("bias-per-example")
def bias_per_example() -> Bug:
    """A bias has one row for each training example."""
    return Bug(
        sentence="the bias has one row for each training example, "
        "so that it cannot be applied to new inputs"
    )

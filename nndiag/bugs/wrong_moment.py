"""An optimizer remembers the wrong thing.

What it is: momentum, RMSprop and Adam keep averages of the gradient and of its square. Here an
average is of the gradient where its square is due, or of its absolute value; it is assigned instead
of averaged; its root is missing in the update; two averages are one and the same array; or the
correction for the start does not count the steps.

Why it matters: the gradient is right and the step is not. A negative number under the root gives
NaN; a missing root makes steps huge where gradients are small; an average that keeps nothing is no
average.

How it is told: the iteration is run from an empty memory and from a filled one. What comes out
tells what share of the old value is kept, and whether the gradient, its square or its size went in.

Fix: `m = b1 * m + (1 - b1) * g`, `v = b2 * v + (1 - b2) * g ** 2`, and the step is
`rate * m_hat / (np.sqrt(v_hat) + eps)` with `m_hat = m / (1 - b1 ** t)` for t = 1, 2, 3, …

Source: Kingma and Ba, Adam: a method for stochastic optimization (2015), algorithm 1.
"""

from __future__ import annotations

from nndiag.program.judging.bug import BUGS, Bug


@BUGS.register("wrong-moment")
def wrong_moment() -> Bug:
    """An optimizer remembers the wrong thing."""
    return Bug(sentence="the optimizer's memory is not what its rule needs")

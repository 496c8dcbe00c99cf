"""A parameter is an array of whole numbers, and every step is cut to whole numbers.

What it is: weights were drawn with `randint` or written as `[1, 0]`, so that their array holds
integers. What is written into it, `W[...] = W - rate * dW`, loses its fraction.

Why it matters: steps are smaller than 1, so that the weight does not move, or jumps by whole
numbers. The rest of the network trains around it.

How it is told: an array of integers meets the data in a product, and the iteration writes into it a
real number that is made of the error.

Fix: start with floats: `np.random.randn(...)`, `np.zeros(...)`, `.astype(float)`.

Source: NumPy user guide, section "Assigning values to indexed arrays".
"""

from __future__ import annotations

from nndiag.program.judging.bug import BUGS, Bug


@BUGS.register("integer-weights")
def integer_weights() -> Bug:
    """A parameter is an array of whole numbers."""
    return Bug(sentence="the parameter holds integers: each step is cut to whole numbers")

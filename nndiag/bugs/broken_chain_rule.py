"""The error is not passed back through the weights of the layer above.

What it is: between two layers the factor Wᵀ is missing, is not transposed, is that of another
layer, or the layer above's delta is not used at all.

Why it matters: the output layer learns, every earlier layer moves in a direction that has little to
do with the loss. With a small network the last layer alone often fits the data half, so it looks
like slow training.

How it is told: the tensors from one layer up are right and all tensors below are wrong; passing the
delta through that layer's weights corrects them.

Fix: multiply the delta of the layer above by its weights, transposed.

Source: Rumelhart, Hinton and Williams, Learning representations by back-propagating errors (1986),
equations 6 and 7.
"""

from __future__ import annotations

from nndiag.program.judging.bug import BUGS, Bug


@BUGS.register("broken-chain-rule")
def broken_chain_rule() -> Bug:
    """The error is not passed back through the weights of the layer above."""
    return Bug(sentence="the error is not passed back through the weights of the layer above")

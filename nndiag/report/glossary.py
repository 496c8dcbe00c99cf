"""The words of a report that are no problems: outcomes and terms, each in a few lines."""

TERMS: dict[str, str] = {
    "diverged": """
The run's loss is not finite, or it ended far above both its start and the loss of the mean
baseline, and does not come back.

The report tells the onset: the step from which on the loss grew, well before it overflowed.
""",
    "stalled": """
The loss no longer falls although more could be gained: the network explains little of what the
data allow, and the run stands on a plateau, a saddle or a swing.

It differs from *converged* by what is left: see r-squared and newton-decrement.
""",
    "converged": """
Nothing is left to gain: the gradient is small because the run is finished, not because it
vanished. The Newton decrement is close to zero and no direction leads down.

A converged run can still sit at a floor that its network cannot go below.
""",
    "improving": """
The loss is still falling: the run was not finished when its steps ended.

Train longer before judging it: training.steps.
""",
    "flat": """
The loss no longer falls, and the log does not say whether that is the best it can reach.

What would tell: a column baseline_loss with the loss of always predicting the mean of the targets
(for classes: their shares), the loss on validation data, or the learning rate of each row, as a
rate that has fallen to zero ends all progress.
""",
    "interrupted": """
The run ended before its last step, by Ctrl-C or because it was killed.

It is judged as far as it got.
""",
    "r-squared": """
R² = 1 − loss / loss of the mean baseline. 0: no better than always predicting the mean of the
targets; 1: no error; below 0: worse than the mean. For a squared error it is the share of the
targets' variance that the predictions explain.

It compares runs whatever the scale of their targets. Noise in the data keeps it below 1 without
any fault.
""",
    "newton-decrement": """
½ gᵀH⁻¹g: the loss that one step to the bottom of the local quadratic would remove, from the
gradient g and the Hessian H of the training loss.

Held against the loss itself it tells a finished run from one that is stuck, whatever the size
of its gradient.
""",
    "sharpness": """
λ_max, the largest eigenvalue of the Hessian of the training loss: how strongly the loss bends
in its steepest direction. It grows with the number of examples where the loss is a sum, with
the size of the inputs and of the weights, and with the width of the network.
""",
    "stability-limit": """
2/λ_max, the learning rate above which gradient descent on the local quadratic grows instead of
shrinking; 2(1+β)/λ_max with momentum β.

It is computed before the first step. Above it a run mostly diverges within a few steps.
""",
    "divergence-threshold": """
The largest learning rate that trains without blowing up, as `nndiag sweep-lr` measures it with
short runs; the smallest over its seeds.

The stability limit is what theory says of it before the first step. They agree within a factor
of 2 unless the curvature changes during the run, or mini-batches add noise.
""",
    "cosine": """
The cosine of the angle between a step and the negative gradient. 1: the same direction; 0: at a
right angle; −1: the step points uphill.

In the sizes of real numbers: 0.99 is 8 degrees, 0.9 is 26 degrees.
""",
    "confidence": """
How sure a cause is. *Confirmed*: a rerun with one change made the failure go away. *Likely*: a
computed bound or a fact of the config says so. *Possible*: the symptoms fit.
""",
    "onset": """
The step from which on the loss grew without coming back. The overflow, which is what a program
reports, comes later.
""",
    "mean-baseline": """
The best prediction that ignores the inputs: the mean of the targets for a squared error, the
class shares for a cross-entropy. Its R² is 0.
""",
    "gradient-norm": """
The Euclidean norm of a layer's gradient, weights and biases together, of the batch of a step.

Its size alone means nothing: it shrinks in every run that finishes.
""",
}
"""Name → explanation, in paragraphs."""

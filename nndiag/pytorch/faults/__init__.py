"""THE FAULTS OF SCRIPTS: what autograd, optimizers and modules make possible, one file each.

A file's docstring is the page that `nndiag explain` prints. It measures in the child, beside the
script, gradient against gradient; it judges and writes the change in the parent, where torch is
not imported. To add one: a file like the others with one function under `@FAULTS.register("name")`,
listed below in the order in which faults are told.
"""

from nndiag.pytorch.faults import (  # noqa: I001 - the order is that in which they are told
    loss_not_connected,
    undefined_operation,
    gradient_accumulates,
    training_starts_anew,
    parameter_not_trained,
    wrong_autograd_function,
    softmax_before_cross_entropy,
    softmax_over_examples,
    broadcast_residual,
    wrong_mode,
    loss_without_bound,
    rate_decays_too_early,
    ends_by_its_own_error,
)
from nndiag.pytorch.faults.contract import FAULTS, measured

__all__ = [
    "FAULTS",
    "broadcast_residual",
    "ends_by_its_own_error",
    "gradient_accumulates",
    "loss_not_connected",
    "loss_without_bound",
    "measured",
    "parameter_not_trained",
    "rate_decays_too_early",
    "softmax_before_cross_entropy",
    "softmax_over_examples",
    "training_starts_anew",
    "undefined_operation",
    "wrong_autograd_function",
    "wrong_mode",
]

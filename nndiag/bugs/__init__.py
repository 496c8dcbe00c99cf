"""The bugs of hand-written backward passes, one file each, named after the bug.

A file's docstring is the page that `nndiag explain` prints. Its function registers a `Bug`: the
sentence that names it. How it is recognised and mended stands in `nndiag.program.judging`.

May import `program`, `registry` and `finding`. To add one: a file with a docstring like the others
and one function under `@BUGS.register("name")`, listed below in the order in which it is printed.
"""

from nndiag.bugs import (  # noqa: I001 - the order is that of the catalogue
    wrong_sign,
    summed_instead_of_averaged,
    wrong_constant_factor,
    loss_gradient_scaled_by_residual,
    wrong_loss_gradient,
    gradient_never_computed,
    missing_activation_derivative,
    activation_derivative_of_wrong_argument,
    wrong_activation_derivative,
    broken_chain_rule,
    raw_error_instead_of_delta,
    uses_updated_weights,
    wrong_layer_activation,
    wrong_bias_gradient,
    bias_per_example,
    softmax_wrong_axis,
    wrong_softmax_gradient,
    mismatched_shapes,
    weight_decay_not_in_loss,
    wrong_weight_decay,
    clipped_gradient,
    assignment_instead_of_increment,
    gradient_not_reset,
    integer_weights,
    wrong_moment,
    loss_is_not_the_objective,
)
from nndiag.program.judging.bug import BUGS

__all__ = [
    "BUGS",
    "activation_derivative_of_wrong_argument",
    "assignment_instead_of_increment",
    "bias_per_example",
    "broken_chain_rule",
    "clipped_gradient",
    "gradient_never_computed",
    "gradient_not_reset",
    "integer_weights",
    "loss_gradient_scaled_by_residual",
    "loss_is_not_the_objective",
    "mismatched_shapes",
    "missing_activation_derivative",
    "raw_error_instead_of_delta",
    "softmax_wrong_axis",
    "summed_instead_of_averaged",
    "uses_updated_weights",
    "weight_decay_not_in_loss",
    "wrong_activation_derivative",
    "wrong_bias_gradient",
    "wrong_constant_factor",
    "wrong_layer_activation",
    "wrong_loss_gradient",
    "wrong_moment",
    "wrong_sign",
    "wrong_softmax_gradient",
    "wrong_weight_decay",
]

"""Cross-entropies in which some classes count more than others.

Each example's loss is multiplied by the weight of its class, w(y) = Σ wₖ·yₖ; a mean still divides
by the number of examples, as in Keras.

Source: King and Zeng 2001, Logistic regression in rare events data, equation 12. "Balanced"
weights B/(K·nₖ) as in scikit-learn.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nndiag.nn.calls import Array, Do

if TYPE_CHECKING:
    from nndiag.nn.losses import Loss


def balanced_weights(targets: Array) -> list[float]:
    """Weights with which every class counts the same: B/(K·nₖ); 1 for a class without examples.

    Args:
        targets: Shape (B, O): shares of the classes, or one column of class 1 against class 0.
    """
    shares = targets if targets.shape[1] > 1 else np.concatenate([1 - targets, targets], axis=1)
    counts = shares.sum(axis=0)
    return [float(len(targets) / (len(counts) * count)) if count > 0 else 1.0 for count in counts]


def weighted(loss: "Loss", weights: Sequence[float] | str) -> "Loss":
    """A cross-entropy whose classes have weights: (w₀, w₁) of a binary one, else one per output.

    Raises:
        ValueError: "balanced" weights were not found from the data yet.
    """
    each = loss.each
    if isinstance(weights, str) or each is None:
        raise ValueError(f"no weights of classes: {weights!r}")
    binary = loss.counts == "elements"
    factors = np.array(weights, dtype=float)[:, None]  # (K, 1)

    def of_examples(targets: Array) -> Array:
        """w(y), shape (…, 1, B), of a binary one for each output, (…, O, B)."""
        if binary:
            return np.asarray(factors[0] + (factors[1] - factors[0]) * targets)
        return np.asarray(np.add.reduce(factors * targets, axis=-2, keepdims=True))

    def total(outputs: Array, targets: Array) -> Array:
        return np.asarray(
            np.add.reduce(each(outputs, targets) * of_examples(targets), axis=(-2, -1))
        )

    def slope(do: Do, outputs: Array, targets: Array, out: Array) -> None:
        each_output = np.empty_like(targets)
        of_each = each_output if binary else np.empty_like(targets[..., :1, :])
        loss.slope(do, outputs, targets, out)
        if binary:
            do(np.multiply, targets, factors[1] - factors[0], of_each)
            do(np.add, of_each, factors[0], of_each)
        else:
            do(np.multiply, targets, factors, each_output)
            do(np.add.reduce, each_output, -2, None, of_each, True)
        do(np.multiply, out, of_each, out)

    def bend(outputs: Array, targets: Array, along: Array) -> Array:
        return loss.bend(outputs, targets, along) * of_examples(targets)

    def constant(targets: Array) -> Array:
        share = of_examples(targets)
        mean = (share * targets).sum(axis=-1, keepdims=True) / share.sum(axis=-1, keepdims=True)
        return loss.constant(mean)

    absorbed = None if loss.absorbed is None else weighted(loss.absorbed, weights)
    return loss.changed(total=total, slope=slope, bend=bend, constant=constant, absorbed=absorbed)

"""The activations that are recognised, by what they make of numbers."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

from nndiag.program.network.tables import is_same

Array = Any

_FEWEST = 3  # numbers below zero that tell the slope of a leaky rectifier


def activation_between(before: list[Array], after: list[Array]) -> tuple[str, float | None] | None:
    """The activation that leads from one value to another each time; None where none does.

    Args:
        before: Arrays of shape (examples, units).
        after: As many.
    """
    if any(np.shape(one) != np.shape(other) for one, other in zip(before, after)):
        return None
    for name, function in FUNCTIONS.items():
        with np.errstate(all="ignore"):
            if all(is_same(b, function(a)) for a, b in zip(before, after)):
                return name, None
    slope = _leak(before, after)
    return None if slope is None else ("leaky_relu", slope)


def _leak(before: list[Array], after: list[Array]) -> float | None:
    """The slope below zero of a leaky rectifier; None where it is none."""
    whole = np.concatenate([np.ravel(item) for item in before])
    given = np.concatenate([np.ravel(item) for item in after])
    below = whole < 0
    if np.count_nonzero(below) < _FEWEST or not is_same(given[~below], whole[~below]):
        return None
    slopes = given[below] / whole[below]
    slope = float(np.median(slopes))
    return slope if 0 < slope < 1 and np.allclose(slopes, slope, rtol=1e-6) else None


def _sigmoid(values: Array) -> Array:
    return 1 / (1 + np.exp(-values))


def _softmax(values: Array) -> Array:
    """Over the units, values (examples, units)."""
    shares = np.exp(values - values.max(axis=-1, keepdims=True))
    return shares / shares.sum(axis=-1, keepdims=True)


def _elu(values: Array) -> Array:
    return np.where(values > 0, values, np.expm1(np.minimum(values, 0.0)))


def _softplus(values: Array) -> Array:
    return np.logaddexp(0.0, values)


FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "linear": lambda values: values,
    "sigmoid": _sigmoid,
    "tanh": np.tanh,
    "relu": lambda values: np.maximum(values, 0.0),
    "softmax": _softmax,
    "softplus": _softplus,
    "elu": _elu,
}
"""The activations by their names; values have a row for each example."""

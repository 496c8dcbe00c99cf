"""The losses that are known, as sums over all outputs and examples."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

Array = Any

_TINY = 1e-300


def _squares(outputs: Array, targets: Array) -> float:
    return float(np.sum((outputs - targets) ** 2))


def _absolute(outputs: Array, targets: Array) -> float:
    return float(np.sum(np.abs(outputs - targets)))


def _binary(outputs: Array, targets: Array) -> float:
    logs = np.log(np.maximum(outputs, _TINY)), np.log(np.maximum(1 - outputs, _TINY))
    return -float(np.sum(targets * logs[0] + (1 - targets) * logs[1]))


def _classes(outputs: Array, targets: Array) -> float:
    return -float(np.sum(targets * np.log(np.maximum(outputs, _TINY))))


TOTALS: dict[str, Callable[[Array, Array], float]] = {
    "mean_squared_error": _squares,
    "binary_cross_entropy": _binary,
    "softmax_cross_entropy": _classes,
    "mean_absolute_error": _absolute,
}
"""The sums over all outputs and examples that losses are multiples of, by the losses' names."""


def _binary_of_sums(sums: Array, targets: Array) -> float:
    return float(np.sum(np.logaddexp(0.0, sums) - targets * sums))


def _classes_of_sums(sums: Array, targets: Array) -> float:
    return float(np.sum(targets * (np.logaddexp.reduce(sums, axis=-1, keepdims=True) - sums)))


BY_SUMS: dict[tuple[str, str], Callable[[Array, Array], float]] = {
    ("binary_cross_entropy", "sigmoid"): _binary_of_sums,
    ("softmax_cross_entropy", "softmax"): _classes_of_sums,
}
"""The same by loss and output activation, from pre-activations, where probabilities lose digits."""

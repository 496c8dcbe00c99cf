"""A network with its loss and gradients, as the author of a course writes it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nndiag.testing import assert_gradients_correct

Arrays = dict[str, Any]

X = np.random.default_rng(1).normal(size=(40, 3))
Y = np.random.default_rng(2).normal(size=(40, 2))


def parameters(seed: int = 0) -> Arrays:
    rng = np.random.default_rng(seed)
    return {
        "W1": rng.normal(size=(3, 6)),
        "b1": 0.1 * rng.normal(size=6),
        "W2": rng.normal(size=(6, 2)),
        "b2": 0.1 * rng.normal(size=2),
    }


def tanh_slope(z: Any) -> Any:
    return 1 - np.tanh(z) ** 2


ACTIVATIONS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "tanh": (np.tanh, tanh_slope),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0) * 1.0),
}


def loss_of(p: Arrays, x: Any = X, y: Any = Y, *, name: str = "tanh") -> float:
    hidden = ACTIVATIONS[name][0](x @ p["W1"] + p["b1"])
    return float(np.mean((hidden @ p["W2"] + p["b2"] - y) ** 2))


def gradients_of(p: Arrays, x: Any = X, y: Any = Y, *, name: str = "tanh") -> Arrays:
    value, slope = ACTIVATIONS[name]
    z = x @ p["W1"] + p["b1"]
    hidden = value(z)
    delta = 2 * (hidden @ p["W2"] + p["b2"] - y) / y.size
    back = delta @ p["W2"].T * slope(z)
    return {"W1": x.T @ back, "b1": back.sum(0), "W2": hidden.T @ delta, "b2": delta.sum(0)}


def failure(gradients: Any, **options: Any) -> str:
    own = options.pop("own", parameters())
    with pytest.raises(AssertionError) as caught:
        assert_gradients_correct(loss_of, own, gradients, **{"examples": 40, **options})
    return str(caught.value)


def changed(name: str, change: Callable[[Any], Any]) -> Arrays:
    gradients = gradients_of(parameters())
    return {**gradients, name: change(gradients[name])}

"""A network of one hidden layer with its gradient by hand, for any activation."""

from typing import Any

import numpy as np

Arrays = dict[str, Any]

ACTIVATIONS = {
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "relu": (lambda z: np.where(np.real(z) > 0, z, 0), lambda z: (z > 0) * 1.0),
}


class Network:
    """D inputs, H units, two outputs, mean squared error, B drawn examples."""

    def __init__(
        self, name: str = "tanh", *, D: int = 3, H: int = 6, B: int = 40, seed: int = 0
    ) -> None:
        rng = np.random.default_rng(seed)
        self.value, self.slope = ACTIVATIONS[name]
        self.x, self.y = rng.normal(size=(B, D)), rng.normal(size=(B, 2))
        self.theta: Arrays = {
            "W1": rng.normal(size=(D, H)),
            "b1": 0.1 * rng.normal(size=H),
            "W2": rng.normal(size=(H, 2)),
            "b2": 0.1 * rng.normal(size=2),
        }
        self.calls = 0

    def loss(self, p: Arrays) -> Any:
        self.calls += 1
        hidden = self.value(self.x @ p["W1"] + p["b1"])
        return np.mean((hidden @ p["W2"] + p["b2"] - self.y) ** 2)

    def gradient(self, p: Arrays | None = None) -> Arrays:
        p = self.theta if p is None else p
        z = self.x @ p["W1"] + p["b1"]
        hidden = self.value(z)
        delta = 2 * (hidden @ p["W2"] + p["b2"] - self.y) / self.y.size
        back = delta @ p["W2"].T * self.slope(z)
        return {
            "W1": self.x.T @ back,
            "b1": back.sum(0),
            "W2": hidden.T @ delta,
            "b2": delta.sum(0),
        }

    def changed(self, name: str, change: Any) -> Arrays:
        gradient = self.gradient()
        return {**gradient, name: change(gradient[name])}

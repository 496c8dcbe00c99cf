"""The right step of a program, by a way of its own: complex step and textbook optimizers.

Everything is in rows: parameters W1, b1, W2, b2, …, weights (inputs, units), examples first.
Source: Squire and Trapp, Using Complex Variables to Estimate Derivatives of Real Functions (1998).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.benchmarks.generated.recipe import Recipe

Arrays = list[np.ndarray]
Objective = Callable[[Arrays, np.ndarray, np.ndarray, dict[str, Any]], complex]
TINY = 1e-30


def complex_step(function: Callable[[Arrays], complex], at: Sequence[np.ndarray]) -> Arrays:
    """The gradient of a real analytic function, exact to rounding."""
    gradients = []
    for index, array in enumerate(at):
        gradient = np.zeros(array.shape)
        for entry in np.ndindex(array.shape):
            moved = [np.array(other, dtype=complex) for other in at]
            moved[index][entry] += TINY * 1j
            gradient[entry] = np.imag(function(moved)) / TINY
        gradients.append(gradient)
    return gradients


def activated(kind: str, z: np.ndarray) -> np.ndarray:
    if kind == "tanh":
        return np.tanh(z)
    if kind == "sigmoid":
        return 1 / (1 + np.exp(-z))
    if kind == "relu":
        return np.where(z.real > 0, z, 0)
    if kind == "leaky":
        return np.where(z.real > 0, z, 0.01 * z)
    if kind == "softmax":
        powers = np.exp(z - z.real.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)
    return z


def loss_value(kind: str, p: np.ndarray, y: np.ndarray) -> complex:
    n = len(y)
    if kind in {"bce", "bce_sum"}:
        total = -np.sum(y * np.log(p) + (1 - y) * np.log(1 - p))
        return total / (n if kind == "bce" else 1)
    if kind in {"ce", "ce_sum"}:
        return -np.sum(y * np.log(p)) / (n if kind == "ce" else 1)
    residual = p - y
    if kind == "mae":
        return np.sum(np.where(residual.real > 0, residual, -residual)) / residual.size
    squares = np.sum(residual**2)
    divisor = {
        "mean": y.size, "half_mean": 2 * y.size, "rows": n, "half_rows": 2 * n,
        "sum": 1, "half_sum": 2,
    }[kind]  # fmt: skip
    return squares / divisor


def outputs(recipe: Recipe, parameters: Arrays, x: np.ndarray) -> np.ndarray:
    a = x
    for layer in range(1, recipe.depth + 1):
        if recipe.bias:
            W, b = parameters[2 * layer - 2 : 2 * layer]
            a = activated(recipe.activation(layer), a @ W + b.reshape(1, -1))
        else:
            a = activated(recipe.activation(layer), a @ parameters[layer - 1])
    return a


def network_objective(recipe: Recipe) -> Objective:
    """The loss that a plain network of this recipe minimises, penalty included."""

    def objective(
        parameters: Arrays, x: np.ndarray, y: np.ndarray, extra: dict[str, Any]
    ) -> complex:
        with np.errstate(all="ignore"):
            value = loss_value(recipe.loss, outputs(recipe, parameters, x), y)
        weights = parameters[::2] if recipe.bias else parameters
        return value + recipe.decay / 2 * sum(np.sum(W**2) for W in weights)

    return objective


@dataclass
class Stepper:
    """An optimizer by the book, with the state that it carries."""

    recipe: Recipe
    count: int = 0
    first: Arrays = field(default_factory=list)
    second: Arrays = field(default_factory=list)

    def change(self, gradients: Arrays, rate: float) -> Arrays:
        """What is added to each parameter."""
        self.count += 1
        if not self.first:
            self.first = [np.zeros_like(g) for g in gradients]
            self.second = [np.zeros_like(g) for g in gradients]
        clip = self.recipe.clip
        if clip:
            gradients = [np.clip(g, -clip, clip) for g in gradients]
        return [self._one(index, g, rate) for index, g in enumerate(gradients)]

    def _one(self, index: int, g: np.ndarray, rate: float) -> np.ndarray:
        kind, m, s = self.recipe.optimizer, self.first, self.second
        if kind == "sgd":
            return -rate * g
        if kind == "momentum":
            m[index] = 0.9 * m[index] - rate * g
            return m[index]
        if kind == "heavy_ball":
            m[index] = 0.9 * m[index] + g
            return -rate * m[index]
        if kind == "averaged":
            m[index] = 0.9 * m[index] + 0.1 * g
            return -rate * m[index]
        if kind == "nesterov":
            old = m[index]
            m[index] = 0.9 * old - rate * g
            return -0.9 * old + 1.9 * m[index]
        if kind == "adagrad":
            s[index] = s[index] + g * g
            return -rate * g / (np.sqrt(s[index]) + 1e-8)
        if kind == "rmsprop":
            s[index] = 0.9 * s[index] + 0.1 * g * g
            return -rate * g / (np.sqrt(s[index]) + 1e-8)
        m[index] = 0.9 * m[index] + 0.1 * g
        s[index] = 0.999 * s[index] + 0.001 * g * g
        mean = m[index] / (1 - 0.9**self.count)
        square = s[index] / (1 - 0.999**self.count)
        return -rate * mean / (np.sqrt(square) + 1e-8)

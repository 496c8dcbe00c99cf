"""The yardstick: gradient descent as a person writes it in numpy, recording as nndiag records.

Examples are rows, biases are separate, arrays are made as they come.
"""

import numpy as np

ACTIVATIONS = {
    "tanh": (np.tanh, lambda a: 1 - a**2),
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda a: a * (1 - a)),
    "linear": (lambda z: z, None),
}


def norm(*parts):
    """The norm of several arrays together."""
    return np.sqrt(sum((part**2).sum() for part in parts if part is not None))


def train(x, y, weights, biases, activations, *, rate, steps=None, rows=None):
    """Loss and gradient norm of each layer at each step.

    Args:
        x: Inputs, shape (B, D).
        y: Targets, shape (B, O).
        weights: One array (inputs, units) per layer.
        biases: One array (units,) per layer, or None without biases.
        activations: Name of each layer's activation.
        rate: Learning rate.
        steps: Number of steps on all examples, or
        rows: the examples of each step, shape (n, batch).
    """
    weights = [w.copy() for w in weights]
    biases = None if biases is None else [b.copy() for b in biases]
    layers = range(len(weights))
    losses, norms = [], []
    for step in range(steps if rows is None else len(rows)):
        a, target = [x if rows is None else x[rows[step]]], y if rows is None else y[rows[step]]
        for layer in layers:
            z = a[-1] @ weights[layer]
            if biases is not None:
                z = z + biases[layer]
            a.append(ACTIVATIONS[activations[layer]][0](z))
        residual = a[-1] - target
        losses.append(np.mean(residual**2))
        delta = 2 * residual / residual.size
        gradients = []
        for layer in reversed(layers):
            slope = ACTIVATIONS[activations[layer]][1]
            if slope is not None:
                delta = delta * slope(a[layer + 1])
            bias = None if biases is None else delta.sum(axis=0)
            gradients.insert(0, (a[layer].T @ delta, bias))
            if layer:
                delta = delta @ weights[layer].T
        norms.append([norm(*gradient) for gradient in gradients])
        for layer, (weight, bias) in enumerate(gradients):
            weights[layer] -= rate * weight
            if bias is not None:
                biases[layer] -= rate * bias
    return np.array(losses), np.array(norms)

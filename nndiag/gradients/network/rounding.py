"""How much of a computed loss or gradient is rounding, to first order.

Each sum W·x is rounded by about ε·|W|·|x|, with ε the spacing of numbers around 1. What that does
to the loss or to a gradient follows by passing absolute values through the network. The estimates
assume that no two errors cancel; they are within a factor of ten of what is seen.

Source: Higham 2002, section 3.1 (error of inner products).
"""

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.nn.calls import now
from nndiag.nn.losses import predictions
from nndiag.nn.network import Architecture, Examples, Workspace, forward, workspace

EPSILON = float(np.finfo(float).eps)


def loss_rounding(shape: Architecture, parameters: FloatArray, data: Examples) -> float:
    """Rounding error of the loss of the network `parameters` (P,)."""
    space, matrices = workspace(shape, data), shape.matrices(parameters)
    forward(now, shape, matrices, space)
    scale = shape.loss.scale(shape.outputs, data.count)
    delta = _slope(shape, space, data)
    total = abs(float(shape.loss.total(space.values[-1], data.targets))) * scale
    if shape.loss.link is not None:
        # A loss on logits subtracts them from each other and takes a logarithm near 1.
        total += float(np.sum(1 + np.abs(space.values[-1]).max(axis=0))) * scale
    for layer in range(shape.layers - 1, -1, -1):
        values, scratch = space.values[layer], np.empty_like(delta)
        activation = shape.activations[layer]
        activation.pull_back(now, space.pre[layer], values, vector=delta, scratch=scratch)
        total += float(np.sum(np.abs(delta) * _terms(matrices, space, layer=layer)))
        if layer > 0:
            delta = matrices[layer][:, : shape.units[layer - 1]].T @ delta
    return EPSILON * total


def gradient_rounding(shape: Architecture, parameters: FloatArray, data: Examples) -> FloatArray:
    """Rounding error of the gradient of the network `parameters` (P,), shape (P,).

    A slope such as tanh's 1 − a² has an error of ε of its largest value where it is small itself,
    so that each activation counts with its steepest slope.
    """
    space, matrices = workspace(shape, data), shape.matrices(parameters)
    forward(now, shape, matrices, space)
    scale = shape.loss.scale(shape.outputs, data.count)
    rounding = np.empty(shape.size)
    terms = _terms(matrices, space, layer=shape.layers - 1)
    bent = shape.loss.bend(space.values[-1], data.targets, terms) * scale
    sizes = np.abs(_slope(shape, space, data)) + np.abs(bent)
    if shape.loss.link is not None:
        sizes += predictions(shape.loss.link, space.values[-1]) * scale  # p − y, with p near y
    for layer in range(shape.layers - 1, -1, -1):
        sizes = sizes * shape.activations[layer].steepest
        shape.matrices(rounding)[layer][...] = EPSILON * (sizes @ np.abs(space.inputs[layer]).T)
        if layer > 0:
            sizes = np.abs(matrices[layer][:, : shape.units[layer - 1]]).T @ sizes
    return rounding


def _slope(shape: Architecture, space: Workspace, data: Examples) -> FloatArray:
    """Gradient of the loss with respect to the outputs, shape (O, B)."""
    delta: FloatArray = np.empty_like(space.values[-1])
    shape.loss.slope(now, space.values[-1], data.targets, delta)
    delta *= shape.loss.scale(shape.outputs, data.count)
    return delta


def _terms(matrices: list[FloatArray], space: Workspace, *, layer: int) -> FloatArray:
    """|W|·|x| of a layer, shape (H, B)."""
    terms: FloatArray = np.abs(matrices[layer]) @ np.abs(space.inputs[layer])
    return terms

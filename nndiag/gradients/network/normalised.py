"""Differences of a network with batch normalisation, in the form that its steps train.

A step's loss depends on each weight through the mean and variance of the whole batch, too, so that
no perturbation stays within a unit: each difference takes two whole forward passes over the batch.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nndiag.arrays import FloatArray
from nndiag.gradients.differences import FunctionDifferences
from nndiag.gradients.network.differences import is_analytic
from nndiag.nn.network import Architecture, Examples, loss, loss_and_gradient


class BatchDifferences(FunctionDifferences):
    """Differences of the loss of one batch, its statistics included.

    Args:
        shape: The network in the form that steps train.
        parameters: The point, shape (P′,).
        data: The batch.
        layer_names: What to call the layers.

    Attributes:
        shapes: The shape of each tensor, by its name: "layer1.weights", "layer1.biases" for β,
            "layer1.gains" for γ.
        places: Where its entries are in the parameters, shape (size,).
    """

    def __init__(
        self,
        shape: Architecture,
        parameters: FloatArray,
        data: Examples,
        *,
        layer_names: Sequence[str] | None = None,
    ) -> None:
        places = _places(shape, layer_names)
        self.shapes = {name: where.shape for name, where in places.items()}
        self.places = {name: where.ravel() for name, where in places.items()}

        def value(theta: Mapping[str, Any]) -> Any:
            moved = np.empty(shape.size, np.result_type(*theta.values()))
            for name, where in places.items():
                moved[where] = theta[name]
            return loss(shape, moved, data)

        theta = {name: parameters[where] for name, where in places.items()}
        super().__init__(value, theta, analytic=is_analytic(shape))
        largest = float(np.max(np.abs(loss_and_gradient(shape, parameters, data)[1])))
        self._gradient_rounding = float(np.finfo(float).eps) * largest

    def rounding(self, name: str) -> FloatArray:
        """The sums over the batch round by their largest terms, also where they cancel to zero."""
        return np.full(self.places[name].shape, self._gradient_rounding)


def _places(shape: Architecture, layer_names: Sequence[str] | None) -> dict[str, NDArray[np.intp]]:
    """Where the entries of each tensor are in the parameters, of the tensor's shape."""
    names = layer_names or [f"layer{number}" for number in range(1, shape.layers + 1)]
    found: dict[str, NDArray[np.intp]] = {}
    layers = zip(names, shape.matrices(np.arange(shape.size)), shape.biases, strict=True)
    for (name, matrix, bias), gain in zip(layers, shape.gains, strict=True):
        width = matrix.shape[1] - bias - gain
        found[f"{name}.weights"] = matrix[:, :width]
        if bias:
            found[f"{name}.biases"] = matrix[:, width]
        if gain:
            found[f"{name}.gains"] = matrix[:, -1]
    return found

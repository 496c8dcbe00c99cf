"""What is measured on all training examples at some steps of a run. Nothing is judged here."""

from collections.abc import Mapping

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.nn.activations import Elementwise
from nndiag.nn.calls import Array, now, product
from nndiag.nn.losses import predictions
from nndiag.nn.network import Architecture, Examples, backward, workspace
from nndiag.nn.network import outputs as outputs_of
from nndiag.trace.classes import classes_of

Measured = Mapping[str, float | FloatArray]

FLAT = 0.05
"""A unit is saturated on an example where its slope is below this share of the steepest."""
MOSTLY = 0.9
"""… and saturated altogether where that holds on more than this share of the examples."""
_TWINS = 1e-8  # weights of twins agree to this share of the layer's largest weight


class Probes:
    """Measures one network again and again, with buffers that are allocated once.

    Args:
        shape: The network.
        training: All training examples.
        validation: The validation examples, if any.
        exact: Whether the steps' own gradients are those over all examples already.
    """

    def __init__(
        self,
        shape: Architecture,
        *,
        training: Examples,
        validation: Examples | None,
        exact: bool,
    ) -> None:
        self._shape, self._training, self._validation = shape, training, validation
        self._exact = exact
        self._space = workspace(shape, training)
        self._gradient = np.empty(shape.size)
        targets = np.asarray(training.targets).T
        self._classes = classes_of(targets, loss=shape.loss.name)
        self._scale = shape.loss.scale(shape.outputs, training.count)

    def measure(self, parameters: FloatArray) -> dict[str, float | FloatArray]:
        """All probe series at `parameters` (P,), but for those that need an update."""
        shape, space = self._shape, self._space
        matrices = shape.matrices(parameters)
        measured: dict[str, float | FloatArray] = {}
        measured |= self._forward(matrices)
        outputs = space.values[-1]
        total = shape.loss.total(outputs, self._training.targets)
        measured["training_loss"] = float(total) * self._scale
        found = predictions(shape.loss.link, outputs)
        measured |= _spread_of(found)
        if self._classes is not None:
            right = self._classes.of(found.T) == self._classes.labels
            measured["accuracy"] = float(np.mean(right))
        measured |= self._slopes()
        measured["identical_share"] = _per_layer(
            [_twins(matrices, layer) for layer in range(shape.layers)]
        )
        measured["weight_norm"] = layer_norms(shape, parameters)
        if not self._exact:
            measured["full_gradient_norm"] = self._gradient_norms(matrices)
        if self._validation is not None:
            measured |= self._on_validation(parameters, self._validation)
        return measured

    def _on_validation(self, parameters: FloatArray, data: Examples) -> dict[str, float]:
        """Loss, and accuracy where there are classes, on the validation examples."""
        outputs = outputs_of(self._shape, parameters, data)
        scale = self._shape.loss.scale(self._shape.outputs, data.count)
        measured = {"validation_loss": float(self._shape.loss.total(outputs, data.targets)) * scale}
        if self._classes is not None:
            found = self._classes.of(predictions(self._shape.loss.link, outputs).T)
            right = found == self._classes.of(np.asarray(data.targets).T)
            measured["validation_accuracy"] = float(np.mean(right))
        return measured

    def _forward(self, matrices: list[Array]) -> dict[str, float | FloatArray]:
        """A forward pass that looks at each layer before and after its activation."""
        shape, space = self._shape, self._space
        before, after = [], []
        for layer, activation in enumerate(shape.activations):
            product(now, matrices[layer], space.inputs[layer], out=space.pre[layer])
            before.append(_mean_and_deviation(space.pre[layer]))
            activation.value(now, space.pre[layer], space.values[layer])
            after.append(_mean_and_deviation(space.values[layer]))
        return {
            "preactivation_mean": _per_layer([mean for mean, _ in before]),
            "preactivation_deviation": _per_layer([deviation for _, deviation in before]),
            "activation_mean": _per_layer([mean for mean, _ in after]),
            "activation_deviation": _per_layer([deviation for _, deviation in after]),
        }

    def _slopes(self) -> dict[str, float | FloatArray]:
        """Shares of saturated and of dead units; NaN for layers that cannot be so."""
        saturated = np.full(self._shape.layers, np.nan)
        dead = np.full(self._shape.layers, np.nan)
        for layer, activation in enumerate(self._shape.activations):
            bounded = np.isfinite(activation.low) and np.isfinite(activation.high)
            if not isinstance(activation, Elementwise) or not (bounded or activation.can_die):
                continue
            slope = self._space.scratch[layer]
            activation.slope(now, self._space.pre[layer], self._space.values[layer], slope)
            if bounded:
                flat = np.mean(slope < FLAT * activation.steepest, axis=-1)  # (H,)
                saturated[layer] = np.mean(flat > MOSTLY)
            else:
                dead[layer] = np.mean(np.all(slope == 0.0, axis=-1))
        return {"saturated_share": saturated, "dead_share": dead}

    def _gradient_norms(self, matrices: list[Array]) -> FloatArray:
        """Norms of the gradient over all training examples, after `_forward`."""
        backward(
            now,
            self._shape,
            matrices,
            self._space,
            targets=self._training.targets,
            scale=self._scale,
            gradients=self._shape.matrices(self._gradient),
        )
        return layer_norms(self._shape, self._gradient)


def layer_norms(shape: Architecture, vector: FloatArray) -> FloatArray:
    """The norm of each layer's part of a vector (P,): shape (L,)."""
    return _per_layer([float(np.linalg.norm(part)) for part in shape.matrices(vector)])


def _spread_of(predicted: Array) -> dict[str, float | FloatArray]:
    """Over outputs and examples (O, B); the deviation is that of each output about its own mean."""
    centred = predicted - predicted.mean(axis=-1, keepdims=True)
    return {
        "prediction_mean": float(np.mean(predicted)),
        "prediction_deviation": float(np.sqrt(np.vdot(centred, centred) / centred.size)),
        "prediction_min": float(np.min(predicted)),
        "prediction_max": float(np.max(predicted)),
    }


def _mean_and_deviation(values: Array) -> tuple[float, float]:
    """Mean and standard deviation of all values, in two passes over them."""
    mean = float(np.add.reduce(values, axis=None)) / values.size
    centred = values - mean
    return mean, float(np.sqrt(np.vdot(centred, centred) / values.size))


def _twins(matrices: list[Array], layer: int) -> float:
    """Share of a layer's units that have the same weights, in and out, as another one.

    Twins are found as neighbours after sorting by a fixed generic projection.
    """
    weights = matrices[layer]
    units = len(weights)
    if units < 2:
        return 0.0
    if layer + 1 < len(matrices):
        weights = np.concatenate([weights, matrices[layer + 1][:, :units].T], axis=1)
    generic = np.sin(np.arange(1.0, weights.shape[1] + 1))
    ordered = weights[np.argsort(weights @ generic)]
    tolerance = _TWINS * np.max(np.abs(weights))
    same = np.max(np.abs(np.diff(ordered, axis=0)), axis=1) <= tolerance  # (H - 1,)
    twin = np.zeros(units, bool)
    twin[1:] |= same
    twin[:-1] |= same
    return float(np.mean(twin))


def _per_layer(values: list[float]) -> FloatArray:
    return np.array(values, dtype=np.float64)

"""What the simplest models reach on the same examples: cheap bounds on what there is to learn.

The mean baseline needs no inputs, the best linear model no hidden layer, the best readout no
training of the hidden layers. A network above the first has learned nothing, one above the second
does not use its hidden layers, one above the third has a last layer that was not trained.
"""

from dataclasses import dataclass

import numpy as np

from nndiag.analysis.reference_fit import reference_fit
from nndiag.arrays import FloatArray
from nndiag.nn.calls import now
from nndiag.nn.losses import baseline
from nndiag.nn.network import Architecture, Examples, architecture, forward, workspace
from nndiag.nn.network import examples as laid_out


@dataclass(frozen=True)
class Bounds:
    """Losses on the scale of the network's own loss.

    Attributes:
        constant: Of the mean baseline outputs.
        linear: Of the best linear model of the inputs.
        readout: Of the best linear readout of the last hidden layer's values; None without a
            hidden layer, or where its values are not finite.
    """

    constant: float
    linear: float
    readout: float | None


def bounds(
    shape: Architecture, parameters: FloatArray, data: Examples, *, seconds: float = 0.2
) -> Bounds:
    """The three losses for a network at one point.

    Args:
        shape: The network.
        parameters: Its parameters, shape (P,).
        data: The examples.
        seconds: Work to spend on each fit that has no closed form.
    """
    inputs, targets = data.inputs[: shape.inputs].T, data.targets.T
    return Bounds(
        constant=baseline(shape.loss, data.targets),
        linear=linear_loss(shape, inputs, targets, seconds=seconds),
        readout=readout_loss(shape, parameters, data, seconds=seconds),
    )


def readout_loss(
    shape: Architecture, parameters: FloatArray, data: Examples, *, seconds: float = 0.2
) -> float | None:
    """The smallest loss of a linear output layer on the last hidden layer's values."""
    if shape.layers < 2:
        return None
    space = workspace(shape, data)
    with np.errstate(all="ignore"):
        forward(now, shape, shape.matrices(parameters), space)
    features = space.values[-2].T  # (B, H)
    if not np.isfinite(features).all():
        return None
    return linear_loss(shape, features, data.targets.T, seconds=seconds)


def linear_loss(
    shape: Architecture, features: FloatArray, targets: FloatArray, *, seconds: float = 0.2
) -> float:
    """The smallest loss of outputs that are linear in `features` (B, n), with biases.

    Squared errors have a closed form; other losses are fitted, from the least-squares solution
    where they work on outputs, from zero where they work on logits.
    """
    count, columns = features.shape
    linear = architecture(columns, [(shape.outputs, "linear")], loss=shape.loss)
    data = laid_out(linear, features, targets)
    padded = np.concatenate([features, np.ones((count, 1))], axis=1)  # (B, n + 1)
    solution = np.linalg.lstsq(padded, targets, rcond=None)[0].T  # (O, n + 1)
    if shape.loss.name == "mean_squared_error":
        total = shape.loss.total(solution @ padded.T, data.targets)
        return float(total * shape.loss.scale(shape.outputs, count))
    starts = {"zero": np.zeros(linear.size), "least squares": solution.ravel()}
    if shape.loss.link is not None:
        del starts["least squares"]
    return reference_fit(linear, starts, data, seconds=seconds).loss

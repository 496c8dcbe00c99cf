"""What the simplest models reach, against closed forms."""

import numpy as np
import pytest

from nndiag.analysis.bounds import bounds
from nndiag.nn.losses import LOSSES
from nndiag.nn.network import architecture, examples


def network(loss="mean_squared_error", *, hidden="tanh", output="linear", targets=None, units=5):
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(40, 2))
    if targets is None:
        targets = inputs @ [[1.0], [-2.0]] + np.sin(3 * inputs[:, :1])
    shape = architecture(2, [(units, hidden), (1, output)], loss=LOSSES.get(loss)())
    return shape, rng.normal(size=shape.size), inputs, targets


def residual_of(features, targets):
    """Mean squared error of the least-squares fit with an intercept."""
    padded = np.concatenate([features, np.ones((len(features), 1))], axis=1)
    solution = np.linalg.lstsq(padded, targets, rcond=None)[0]
    return np.mean((targets - padded @ solution) ** 2)


def test_constant_linear_and_readout_of_a_squared_error():
    shape, parameters, inputs, targets = network()
    found = bounds(shape, parameters, examples(shape, inputs, targets))
    (weights, biases), _ = shape.weights_and_biases(parameters)
    hidden = np.tanh(inputs @ weights.T + biases)
    assert found.constant == pytest.approx(np.var(targets))
    assert found.linear == pytest.approx(residual_of(inputs, targets))
    assert found.readout == pytest.approx(residual_of(hidden, targets))


def test_there_is_no_readout_without_a_hidden_layer():
    shape = architecture(1, [(1, "linear")], loss=LOSSES.get("mean_squared_error")())
    data = examples(shape, np.arange(4.0)[:, None], np.arange(4.0)[:, None])
    assert bounds(shape, np.zeros(2), data).readout is None


def test_there_is_no_readout_of_values_that_are_not_finite():
    shape, parameters, inputs, targets = network(hidden="relu")
    data = examples(shape, inputs, targets)
    assert bounds(shape, np.full_like(parameters, np.nan), data).readout is None


@pytest.mark.parametrize("loss", ["mean_absolute_error", "huber"])
def test_other_losses_are_no_worse_than_the_constant_and_the_least_squares_line(loss):
    shape, parameters, inputs, targets = network(loss)
    data = examples(shape, inputs, targets)
    found = bounds(shape, parameters, data)
    padded = np.concatenate([inputs, np.ones((40, 1))], axis=1)
    line = padded @ np.linalg.lstsq(padded, targets, rcond=None)[0]
    of_line = float(shape.loss.total(line.T, data.targets) * shape.loss.scale(1, 40))
    assert found.linear <= of_line
    assert found.linear <= found.constant


def test_a_separable_cross_entropy_falls_towards_zero():
    shape, parameters, inputs, _ = network("binary_cross_entropy", output="sigmoid")
    targets = (inputs[:, :1] > 0.1).astype(float)
    found = bounds(shape, parameters, examples(shape, inputs, targets))
    share = targets.mean()
    entropy = -share * np.log(share) - (1 - share) * np.log(1 - share)
    assert found.constant == pytest.approx(entropy)
    assert found.linear < 0.01 * entropy

"""The rate that steps on batches bear, beside runs of them on a linear model."""

import numpy as np
import pytest

from nndiag.analysis.batch_noise import curvature_trace, noise_limit
from nndiag.nn.hessian import HessianProducts
from nndiag.nn.losses import binary_cross_entropy, mean_squared_error, softmax_cross_entropy
from nndiag.nn.network import architecture, examples


def growth(rate, *, batch, momentum, steps=4000):
    """Growth per step of the distance from the minimum, of a line through normal inputs.

    Independent of the module: plain steps on 400 examples of y = 0, six columns of sizes 1 to 0.1,
    rescaled every time so that nothing overflows.
    """
    rng = np.random.default_rng(3)
    x = rng.normal(size=(400, 6)) * np.geomspace(1, 0.1, 6)
    weights, velocity, log = np.ones(6), np.zeros(6), 0.0
    for _ in range(steps):
        rows = x[rng.choice(400, batch, replace=False)]
        velocity = momentum * velocity + 2 * rows.T @ (rows @ weights) / batch
        weights = weights - rate * velocity
        size = np.sqrt((weights @ weights) + rate**2 * (velocity @ velocity))
        weights, velocity, log = weights / size, velocity / size, log + np.log(size)
    return log / steps


@pytest.mark.parametrize(("batch", "momentum"), [(4, 0.0), (16, 0.0), (4, 0.9), (64, 0.9)])
def test_the_noise_fades_below_the_limit_and_grows_above_it(batch, momentum):
    x = np.random.default_rng(3).normal(size=(400, 6)) * np.geomspace(1, 0.1, 6)
    curvature = np.linalg.eigvalsh(2 * x.T @ x / 400)
    stability_limit = noise_limit(
        curvature.sum(), curvature[-1], batch=batch, examples=400, momentum=momentum
    )
    assert growth(0.5 * stability_limit, batch=batch, momentum=momentum) < 0
    # The mean square grows before the typical size does: hence the factor of 4.
    assert growth(4 * stability_limit, batch=batch, momentum=momentum) > 0


def test_all_examples_in_one_batch_leave_the_limit_of_descent():
    assert noise_limit(7.0, 4.0, batch=50, examples=50) == pytest.approx(2 / 4.0)
    assert noise_limit(7.0, 4.0, batch=50, examples=50, momentum=0.5) == pytest.approx(3 / 4.0)


def test_a_flat_loss_has_no_limit():
    assert noise_limit(0.0, 0.0, batch=1, examples=10) is None
    assert noise_limit(np.nan, 1.0, batch=1, examples=10) is None


LOSSES = {
    "mean": (mean_squared_error(), "linear", 1),
    "sum": (mean_squared_error(reduction="sum"), "linear", 2),
    "binary": (binary_cross_entropy(), "sigmoid", 1),
    "softmax": (softmax_cross_entropy(), "softmax", 3),
}


@pytest.mark.parametrize("name", LOSSES)
def test_the_trace_is_that_of_the_whole_matrix(name):
    loss, activation, outputs = LOSSES[name]
    shape = architecture(2, [(8, "tanh"), (outputs, activation)], loss=loss)
    rng = np.random.default_rng(0)
    targets = rng.random((40, outputs)) if outputs < 3 else np.eye(3)[rng.integers(3, size=40)]
    data = examples(shape, rng.normal(size=(40, 2)), targets)
    parameters = rng.normal(size=shape.size)
    matrix = HessianProducts(shape, parameters, data).gauss_newton(np.eye(shape.size))
    vector = np.linalg.eigh(matrix)[1][:, -1]
    found = curvature_trace(shape, parameters, data, vector=vector)
    # Twelve random directions, without the largest: some 20 % off; 3 deviations.
    assert found == pytest.approx(np.trace(matrix), rel=0.6)
    assert np.isnan(curvature_trace(shape, parameters * np.inf, data))


def test_a_part_of_many_examples_stands_for_all_of_a_sum():
    shape = architecture(1, [(1, "linear")], loss=mean_squared_error(reduction="sum"))
    x = np.linspace(-1, 1, 1000)[:, None]
    # Σ(wx + b − y)² has the Hessian 2·Σ[x², x; x, 1], of trace 2·Σx² + 2·1000.
    found = curvature_trace(shape, np.zeros(2), examples(shape, x, x), vector=np.array([0.0, 1.0]))
    assert found == pytest.approx(2 * (x**2).sum() + 2000, rel=0.01)

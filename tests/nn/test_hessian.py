"""Hessian products against numeric derivatives of the gradient, for every activation × loss."""

import numpy as np
import pytest

from nndiag.nn.activations import ACTIVATIONS
from nndiag.nn.hessian import HessianProducts
from nndiag.nn.losses import LOSSES
from nndiag.nn.network import architecture, examples, loss_and_gradient, outputs
from tests.combinations import combinations

NAMES = ACTIVATIONS.names()
INPUTS, EXAMPLES = 2, 6
LAYERS = {
    "one layer": (),
    "one hidden layer": (4,),
    "two hidden layers": (4, 3),
}


def case(hidden, last, *, loss, layers=(4, 3), outputs=2, biases=True, seed=0):
    """Shape, parameters and data with a smooth loss at the point."""
    rng = np.random.default_rng(seed)
    shape = architecture(
        INPUTS,
        [*((units, hidden) for units in layers), (outputs, last)],
        loss=LOSSES.get(loss)(),
        biases=biases,
    )
    inputs, targets = rng.normal(size=(EXAMPLES, INPUTS)), rng.random((EXAMPLES, outputs))
    batch = examples(shape, inputs, targets / targets.sum(axis=1, keepdims=True))
    return shape, 0.7 * rng.normal(size=shape.size), batch


def central(shape, parameters, batch):
    """The Hessian (P, P) from central differences of the gradient."""
    steps = 1e-6 * np.eye(shape.size)
    high, low = (loss_and_gradient(shape, parameters + sign * steps, batch)[1] for sign in (1, -1))
    return (high - low) / 2e-6


# One hidden layer and one output take a shorter way than the rest.
WAYS = [((4, 3), 2), ((4,), 1)]
EVERY_CASE = pytest.mark.parametrize(
    ("hidden", "last", "loss", "way"), combinations(NAMES, NAMES, LOSSES.names(), WAYS), ids=str
)


@EVERY_CASE
def test_hessian_agrees_with_central_differences_of_the_gradient(hidden, last, loss, way):
    layers, outputs = way
    shape, parameters, batch = case(hidden, last, loss=loss, layers=layers, outputs=outputs)
    if loss == "binary_cross_entropy" and shape.loss.link is None:
        # A probability outside (0, 1), or near its ends, bends too strongly for differences.
        parameters[shape.offsets[-2] :] *= 0.05
        shape.weights_and_biases(parameters)[-1][1][:] = 0.3
    numeric = central(shape, parameters, batch)
    exact = HessianProducts(shape, parameters, batch).hessian(np.eye(shape.size))
    # Truncation h²·f⁗ ≈ 1e-12 and rounding ε·|g|/h ≈ 1e-10, of numbers of the order of 1.
    assert np.abs(exact - numeric).max() < 1e-6 * max(np.abs(numeric).max(), 1e-2)


def complex_step(shape, parameters, batch):
    """The Hessian (P, P) from the imaginary part of the gradient: no difference is rounded.

    A kink is not crossed by an imaginary step: comparisons go by the real part.
    """
    steps = 1e-20j * np.eye(shape.size)
    return loss_and_gradient(shape, parameters + steps, batch)[1].imag / 1e-20


def sixth_order(shape, parameters, batch):
    """The Hessian (P, P) from six real gradients, none of which lies behind another kink."""
    step, weights = 1e-4, {1: 3 / 4, 2: -3 / 20, 3: 1 / 60}
    total, sides = 0, np.sign(outputs(shape, parameters, batch) - batch.targets)
    for place, weight in weights.items():
        for sign in (1, -1):
            point = parameters + sign * place * step * np.eye(shape.size)
            assert (np.sign(outputs(shape, point, batch) - batch.targets) == sides).all()
            total = total + sign * weight * loss_and_gradient(shape, point, batch)[1] / step
    return total


@EVERY_CASE
def test_hessian_agrees_with_a_second_derivative_beside_the_kinks(hidden, last, loss, way):
    layers, outputs = way
    shape, parameters, batch = case(hidden, last, loss=loss, layers=layers, outputs=outputs)
    # The sign of a complex residual is not that of its real part.
    real = shape.loss.name == "mean_absolute_error"
    numeric = (sixth_order if real else complex_step)(shape, parameters, batch)
    exact = HessianProducts(shape, parameters, batch).hessian(np.eye(shape.size))
    # Rounding: ε·|g| of the complex step, and ε·|g|/h = 1e-12 of the differences.
    tolerance = 1e-10 if real else 1e-12
    assert np.abs(exact - numeric).max() < tolerance * max(np.abs(numeric).max(), 1e-2)


@pytest.mark.parametrize("layers", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("hidden", ["tanh", "softmax"])
@pytest.mark.parametrize("outputs", [1, 2])
def test_dense_is_symmetric_and_made_of_the_products(layers, hidden, outputs):
    shape, parameters, batch = case(
        hidden, "tanh", loss="mean_squared_error", layers=layers, outputs=outputs
    )
    products = HessianProducts(shape, parameters, batch, weight_decay=0.3)
    dense = products.dense()
    np.testing.assert_allclose(dense, dense.T, atol=1e-14)
    np.testing.assert_allclose(products.hessian(np.eye(shape.size)), dense, atol=1e-13)


@pytest.mark.parametrize("biases", [False, (True, False), (False, True)], ids=str)
@pytest.mark.parametrize("outputs", [1, 2])
def test_hessian_without_some_biases(biases, outputs):
    shape, parameters, batch = case(
        "tanh", "sigmoid", loss="huber", layers=(3,), outputs=outputs, biases=biases
    )
    np.testing.assert_allclose(
        HessianProducts(shape, parameters, batch).dense(),
        central(shape, parameters, batch),
        atol=1e-8,
    )


@pytest.mark.parametrize("layers", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("loss", ["mean_squared_error", "softmax_cross_entropy"])
@pytest.mark.parametrize("width", [1, 2])
def test_gauss_newton_is_the_jacobian_squared_with_the_loss_between(layers, loss, width):
    shape, parameters, batch = case("tanh", "tanh", loss=loss, layers=layers, outputs=width)
    # J of all outputs, (O·B, P), by the complex step; then G = Jᵀ·(∂²ℓ/∂o²)·J.
    steps = 1e-20j * np.eye(shape.size)
    jacobian = outputs(shape, parameters + steps, batch).imag / 1e-20  # (P, O, B)
    value = outputs(shape, parameters, batch)
    bent = np.array([shape.loss.bend(value, batch.targets, row) for row in jacobian])
    scale = shape.loss.scale(shape.outputs, batch.count)
    expected = scale * jacobian.reshape(shape.size, -1) @ bent.reshape(shape.size, -1).T
    computed = HessianProducts(shape, parameters, batch).gauss_newton(np.eye(shape.size))
    np.testing.assert_allclose(computed, expected, atol=1e-13)


@pytest.mark.parametrize("layers", LAYERS.values(), ids=LAYERS)
def test_gauss_newton_has_no_negative_eigenvalue(layers):
    shape, parameters, batch = case("gelu", "linear", loss="huber", layers=layers)
    matrix = HessianProducts(shape, parameters, batch).gauss_newton(np.eye(shape.size))
    assert np.linalg.eigvalsh(matrix).min() > -1e-13


@pytest.mark.parametrize("hidden", NAMES)
@pytest.mark.parametrize("outputs", [1, 2])
def test_one_direction_gives_what_a_stack_gives(hidden, outputs):
    shape, parameters, batch = case(hidden, "tanh", loss="huber", layers=(4,), outputs=outputs)
    products = HessianProducts(shape, parameters, batch)
    directions = np.random.default_rng(1).normal(size=(5, shape.size))
    together = products.hessian(directions)
    for row, direction in zip(together, directions, strict=True):
        np.testing.assert_allclose(products.hessian(direction), row, rtol=1e-11, atol=1e-14)


def test_many_directions_are_worked_through_in_blocks(monkeypatch):
    shape, parameters, batch = case("tanh", "tanh", loss="huber")
    products = HessianProducts(shape, parameters, batch)
    directions = np.random.default_rng(1).normal(size=(7, shape.size))
    whole = products.hessian(directions)
    monkeypatch.setattr("nndiag.nn.hessian._BLOCK", 2 * 4 * EXAMPLES)  # two directions
    np.testing.assert_allclose(products.hessian(directions), whole, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("hidden", NAMES)
def test_the_point_s_loss_and_gradient_are_the_network_s(hidden):
    shape, parameters, batch = case(hidden, "softmax", loss="mean_squared_error")
    products = HessianProducts(shape, parameters, batch, weight_decay=0.5)
    value, gradient = loss_and_gradient(shape, parameters, batch)
    assert products.loss == pytest.approx(float(value), rel=1e-14)
    np.testing.assert_allclose(products.gradient, gradient + 0.5 * parameters, rtol=1e-12)


@pytest.mark.parametrize("outputs", [1, 2])
def test_weight_decay_adds_its_multiple_of_the_direction(outputs):
    shape, parameters, batch = case("tanh", "tanh", loss="huber", layers=(4,), outputs=outputs)
    direction = np.random.default_rng(1).normal(size=shape.size)
    plain = HessianProducts(shape, parameters, batch)
    decayed = HessianProducts(shape, parameters, batch, weight_decay=0.25)
    np.testing.assert_allclose(
        decayed.hessian(direction) - plain.hessian(direction), 0.25 * direction, atol=1e-14
    )

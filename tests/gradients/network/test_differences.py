"""The fast differences against whole forward passes, and both against the backward pass."""

import numpy as np
import pytest

from nndiag.gradients.network import differences
from nndiag.gradients.network.differences import (
    central_differences,
    complex_steps,
    full_differences,
    is_analytic,
)
from nndiag.nn.activations import ACTIVATIONS
from nndiag.nn.losses import LOSSES
from nndiag.nn.network import architecture, examples, forward, loss, loss_and_gradient
from tests.combinations import combinations

NAMES = ACTIVATIONS.names()


def case(hidden, last, *, of="mean_squared_error", layers=(5, 4), outputs=2, biases=True, seed=0):
    rng = np.random.default_rng(seed)
    shape = architecture(
        3,
        [*((units, hidden) for units in layers), (outputs, last)],
        loss=LOSSES.get(of)(),
        biases=biases,
    )
    targets = rng.random((8, outputs))
    batch = examples(shape, rng.normal(size=(8, 3)), targets / targets.sum(axis=1, keepdims=True))
    return shape, 0.6 * rng.normal(size=shape.size), batch


@pytest.mark.parametrize(
    ("hidden", "last", "of", "outputs"), combinations(NAMES, NAMES, LOSSES.names(), [1, 2])
)
def test_passing_on_one_unit_s_change_equals_whole_forward_passes(hidden, last, of, outputs):
    shape, parameters, batch = case(hidden, last, of=of, outputs=outputs)
    fast = central_differences(shape, parameters, batch)
    whole, crossed = full_differences(
        shape, parameters, batch, indices=np.arange(shape.size), steps=fast.steps
    )
    assert fast.known.all()
    clear = ~(fast.crossed | crossed)
    assert clear.mean() > 0.8
    # Both carry rounding of about 1e-16·loss/6e-6 and the same truncation error.
    size = np.linalg.norm(whole[clear]) + float(loss(shape, parameters, batch))
    assert np.abs(fast.gradient - whole)[clear].max() <= 1e-9 * size


@pytest.mark.parametrize("layers", [(), (6,), (5, 4, 3)])
@pytest.mark.parametrize("biases", [True, False])
def test_differences_agree_with_the_backward_pass(layers, biases):
    shape, parameters, batch = case("tanh", "sigmoid", layers=layers, biases=biases)
    gradient = loss_and_gradient(shape, parameters, batch)[1]
    fast = central_differences(shape, parameters, batch)
    np.testing.assert_allclose(fast.gradient, gradient, atol=1e-9)


@pytest.mark.parametrize("block", [1, 64, 300])
@pytest.mark.parametrize(("hidden", "last"), [("tanh", "linear"), ("softmax", "softmax")])
def test_the_size_of_the_blocks_changes_nothing(hidden, last, block, monkeypatch):
    shape, parameters, batch = case(hidden, last)
    whole = central_differences(shape, parameters, batch).gradient
    monkeypatch.setattr("nndiag.gradients.network.differences._BLOCK", block)
    blocked = central_differences(shape, parameters, batch).gradient
    np.testing.assert_allclose(blocked, whole, rtol=1e-6, atol=1e-10)


def test_only_the_chosen_units_are_perturbed():
    shape, parameters, batch = case("tanh", "linear")
    units = [np.array([0, 3]), np.array([1]), np.array([0, 1])]
    found = central_differences(shape, parameters, batch, units=units)
    everything = central_differences(shape, parameters, batch)
    for layer, known in enumerate(shape.matrices(found.known)):
        assert sorted(np.flatnonzero(known.any(axis=1))) == units[layer].tolist()
        assert known[units[layer]].all()
    np.testing.assert_allclose(
        found.gradient[found.known], everything.gradient[found.known], rtol=1e-6, atol=1e-10
    )


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e4])
def test_steps_follow_the_size_of_the_inputs(scale):
    # Inputs × s and weights ÷ s is the same network: its differences are as accurate.
    shape, parameters, batch = case("tanh", "linear", layers=(5,))
    batch.inputs[:3] *= scale
    shape.matrices(parameters)[0][:, :3] /= scale
    gradient = loss_and_gradient(shape, parameters, batch)[1]
    fast = central_differences(shape, parameters, batch).gradient
    first = shape.matrices(np.arange(shape.size))[0][:, :3].ravel()
    error = np.abs(fast - gradient)[first].max() / np.abs(gradient[first]).max()
    assert error < 1e-8


def test_an_input_that_is_always_zero_has_a_derivative_of_zero():
    shape, parameters, batch = case("tanh", "linear", layers=(5,))
    batch.inputs[1] = 0.0
    weights = shape.matrices(central_differences(shape, parameters, batch).gradient)[0]
    assert np.all(weights[:, 1] == 0.0)


@pytest.mark.parametrize("name", [n for n in NAMES if not ACTIVATIONS.get(n)().analytic])
@pytest.mark.parametrize("layer", [0, 1])
def test_a_unit_that_changes_sides_is_marked(name, layer):
    shape, parameters, batch = case(name, "linear")
    matrix = shape.matrices(parameters)[layer]
    matrix[2] = 0.0  # the unit is exactly at its kink on every example
    found = central_differences(shape, parameters, batch)
    assert shape.matrices(found.crossed)[layer][2, -1]
    _, crossed = full_differences(
        shape,
        parameters,
        batch,
        indices=np.array([shape.offsets[layer] + 3 * matrix.shape[1] - 1]),
        steps=np.array([1e-6]),
    )
    assert crossed.all()


@pytest.mark.parametrize("name", ["mean_absolute_error", "huber"])
def test_an_output_at_a_kink_of_the_loss_is_marked(name):
    shape, parameters, batch = case("tanh", "linear", of=name, layers=(), outputs=1)
    parameters[:] = 0.0
    batch.targets[:] = 0.0 if name == "mean_absolute_error" else 1.0
    assert central_differences(shape, parameters, batch).crossed.all()


def test_nothing_is_marked_in_a_smooth_network():
    shape, parameters, batch = case("tanh", "linear")
    assert not central_differences(shape, np.zeros_like(parameters), batch).crossed.any()


@pytest.mark.parametrize("hidden", [n for n in NAMES if ACTIVATIONS.get(n)().analytic])
def test_the_complex_step_is_exact_to_rounding(hidden):
    shape, parameters, batch = case(hidden, "linear")
    assert is_analytic(shape)
    indices = np.array([0, 5, 17, shape.size - 1])
    exact = loss_and_gradient(shape, parameters, batch)[1][indices]
    found = complex_steps(shape, parameters, batch, indices=indices)
    np.testing.assert_allclose(found, exact, rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize(("hidden", "of"), [("relu", "huber"), ("tanh", "mean_absolute_error")])
def test_a_kink_anywhere_makes_the_network_not_analytic(hidden, of):
    assert not is_analytic(case(hidden, "linear", of=of)[0])


def test_the_difference_of_squares_is_formed_without_cancellation():
    # One linear unit: the loss is quadratic, central differences are exact but for rounding. The
    # residuals are 1e6 times the gradient's own size, so subtracting two losses would leave
    # 1e-16·1e12/6e-6 ≈ 20 of noise.
    shape, parameters, batch = case("tanh", "linear", layers=(), outputs=1)
    batch.targets[:] = 1e6 * np.resize([1.0, -1.0], batch.count)
    gradient = loss_and_gradient(shape, parameters, batch)[1]
    fast = central_differences(shape, parameters, batch).gradient
    assert np.abs(fast - gradient).max() < 1e-2 * max(1.0, np.abs(gradient).max() * 1e-6)


def test_a_complex_step_computes_only_what_it_changes(monkeypatch):
    """A network of 20,000 units: one whole pass, however many parameters are asked for."""
    shape = architecture(
        1, [(20_000, "tanh"), (1, "linear")], loss=LOSSES.get("mean_squared_error")()
    )
    parameters = np.random.default_rng(0).normal(size=shape.size) / 100
    batch = examples(shape, np.linspace(-1, 1, 20)[:, None], np.ones((20, 1)))
    passes = []
    monkeypatch.setattr(
        differences, "forward", lambda *given: (passes.append(1), forward(*given))[1]
    )
    indices = np.array([0, 1, 777, 39_999, 40_000, shape.size - 1])
    found = complex_steps(shape, parameters, batch, indices=indices)
    exact = loss_and_gradient(shape, parameters, batch)[1][indices]
    np.testing.assert_allclose(found, exact, rtol=1e-9, atol=1e-14)
    assert len(passes) == 1

"""The forward and the backward pass against a network written with loops, and against
numeric derivatives for every activation × output activation × loss × reduction.
"""

from typing import get_args

import numpy as np
import pytest

from nndiag.nn.activations import ACTIVATIONS
from nndiag.nn.calls import execute, later, now
from nndiag.nn.losses import LOSSES
from nndiag.nn.network import (
    architecture,
    backward,
    examples,
    forward,
    loss,
    loss_and_gradient,
    outputs,
    predicted,
    workspace,
)
from tests.combinations import combinations

NAMES = ACTIVATIONS.names()
REDUCED_LOSSES = [
    (name, reduction)
    for name in LOSSES.names()
    for reduction in get_args(LOSSES.options(name)["reduction"].annotation)
]
EXAMPLES, INPUTS = 6, 2


def data(shape, *, seed=0):
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(EXAMPLES, INPUTS))
    targets = rng.random((EXAMPLES, shape.outputs))
    return examples(shape, inputs, targets / targets.sum(axis=1, keepdims=True))


def point(shape, *, seed=0, stack=()):
    return 0.7 * np.random.default_rng(seed).normal(size=(*stack, shape.size))


def deep(hidden, last, *, of, biases=True, units=3):
    name, reduction = of
    return architecture(
        INPUTS,
        [(4, hidden), (units, hidden), (2, last)],
        loss=LOSSES.get(name)(reduction=reduction),
        biases=biases,
    )


def one_by_one(network_loss, parameters, step):
    """The losses after adding `step` to each parameter by itself, as one stack."""
    return network_loss(parameters + step * np.eye(parameters.size))


@pytest.mark.parametrize(
    ("hidden", "last", "of"), combinations(NAMES, NAMES, REDUCED_LOSSES), ids=str
)
def test_gradient_agrees_with_numeric_derivatives(hidden, last, of):
    shape = deep(hidden, last, of=of)
    batch, parameters = data(shape), point(shape)
    value, gradient = loss_and_gradient(shape, parameters, batch)

    def losses(networks):
        return loss(shape, networks, batch)

    # Central differences: truncation h² and rounding ε·loss/h, both about 1e-10 of the loss.
    high, low = (one_by_one(losses, parameters, step) for step in (1e-6, -1e-6))
    scale = np.linalg.norm(gradient) + value
    assert np.abs((high - low) / 2e-6 - gradient).max() < 1e-7 * scale
    if shape.loss.analytic and all(activation.analytic for activation in shape.activations):
        exact = one_by_one(losses, parameters, 1e-20j).imag / 1e-20
        assert np.abs(exact - gradient).max() < 1e-13 * scale


@pytest.mark.parametrize("biases", [False, (True, False, True), (False, True, False)], ids=str)
@pytest.mark.parametrize("units", [1, 3])
def test_gradient_without_some_biases_agrees_with_the_complex_step(biases, units):
    shape = deep("tanh", "sigmoid", of=("mean_squared_error", "sum"), biases=biases, units=units)
    batch, parameters = data(shape), point(shape)
    exact = loss(shape, parameters + 1e-20j * np.eye(shape.size), batch).imag / 1e-20
    np.testing.assert_allclose(
        loss_and_gradient(shape, parameters, batch)[1], exact, rtol=1e-11, atol=1e-14
    )


@pytest.mark.parametrize("name", NAMES)
def test_gradient_below_a_single_unit_agrees_with_central_differences(name):
    shape = architecture(INPUTS, [(5, name), (1, "linear")], loss=LOSSES.get("huber")())
    batch, parameters = data(shape), point(shape)
    steps = 1e-6 * np.eye(shape.size)
    high, low = (loss(shape, parameters + sign * steps, batch) for sign in (1, -1))
    np.testing.assert_allclose(
        loss_and_gradient(shape, parameters, batch)[1], (high - low) / 2e-6, rtol=1e-6, atol=1e-8
    )


def looped(shape, parameters, inputs):
    """Outputs (B, O) of a tanh network with a linear output, with plain loops over floats."""
    rows = []
    for example in inputs:
        values = list(example)
        for layer, (weights, biases) in enumerate(shape.weights_and_biases(parameters)):
            total = [
                sum(w * x for w, x in zip(row, values, strict=True))
                + (0.0 if biases is None else biases[unit])
                for unit, row in enumerate(weights)
            ]
            values = total if layer == shape.layers - 1 else [np.tanh(z) for z in total]
        rows.append(values)
    return np.array(rows)


@pytest.mark.parametrize("biases", [True, False])
def test_outputs_agree_with_loops_over_units_and_examples(biases):
    shape = deep("tanh", "linear", of=("mean_squared_error", "mean"), biases=biases)
    inputs = np.random.default_rng(3).normal(size=(EXAMPLES, INPUTS))
    batch, parameters = examples(shape, inputs, np.zeros((EXAMPLES, 2))), point(shape)
    expected = looped(shape, parameters, inputs)
    np.testing.assert_allclose(outputs(shape, parameters, batch).T, expected, rtol=1e-13)
    assert loss(shape, parameters, batch) == pytest.approx(np.mean(expected**2))


@pytest.mark.parametrize("hidden", NAMES)
def test_a_stack_gives_what_its_networks_give_alone(hidden):
    shape = deep(hidden, "linear", of=("softmax_cross_entropy", "mean"))
    batch, stack = data(shape), point(shape, stack=(4,))
    losses, gradients = loss_and_gradient(shape, stack, batch)
    for network, parameters in enumerate(stack):
        alone = loss_and_gradient(shape, parameters, batch)
        assert losses[network] == pytest.approx(alone[0], rel=1e-14)
        np.testing.assert_allclose(gradients[network], alone[1], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("hidden", NAMES)
@pytest.mark.parametrize("last", ["linear", "softmax"])
def test_a_planned_pass_can_be_repeated_on_new_parameters(hidden, last):
    shape = deep(hidden, last, of=("mean_squared_error", "mean"))
    batch, parameters = data(shape), np.zeros(shape.size)
    space, gradient, plan = workspace(shape, batch), np.empty(shape.size), []
    matrices = shape.matrices(parameters)
    forward(later(plan), shape, matrices, space)
    backward(
        later(plan),
        shape,
        matrices,
        space,
        targets=batch.targets,
        scale=shape.loss.scale(shape.outputs, batch.count),
        gradients=shape.matrices(gradient),
    )
    for seed in (1, 2):
        parameters[...] = point(shape, seed=seed)
        execute(plan)
        np.testing.assert_array_equal(gradient, loss_and_gradient(shape, parameters, batch)[1])


def test_parameters_are_laid_out_layer_by_layer_with_biases_last():
    shape = architecture(
        2,
        [(3, "tanh"), (1, "linear")],
        loss=LOSSES.get("mean_squared_error")(),
        biases=[True, False],
    )
    assert shape.shapes == ((3, 3), (1, 3))
    assert shape.offsets == (0, 9, 12)
    (weights, biases), (outer, none) = shape.weights_and_biases(np.arange(12.0))
    assert weights.tolist() == [[0, 1], [3, 4], [6, 7]]
    assert biases.tolist() == [2, 5, 8]
    assert outer.tolist() == [[9, 10, 11]]
    assert none is None


def test_matrices_are_views_of_the_parameters():
    shape = deep("tanh", "linear", of=("huber", "mean"))
    parameters = np.zeros(shape.size)
    shape.matrices(parameters)[1][0, -1] = 1.0
    assert parameters.sum() == 1.0


@pytest.mark.parametrize(
    ("last", "name"),
    [("sigmoid", "binary_cross_entropy"), ("softmax", "softmax_cross_entropy")],
)
def test_a_loss_absorbs_its_activation_and_still_predicts_through_it(last, name):
    absorbed = deep("tanh", last, of=(name, "mean"))
    plain = deep("tanh", last, of=("mean_squared_error", "mean"))
    batch, parameters = data(absorbed), point(absorbed)
    through = outputs(plain, parameters, batch)
    np.testing.assert_allclose(predicted(absorbed, parameters, batch), through, rtol=1e-13)
    assert loss(absorbed, parameters, batch) == pytest.approx(
        -np.sum(batch.targets * np.log(through)) / EXAMPLES
        if last == "softmax"
        else -np.mean(batch.targets * np.log(through) + (1 - batch.targets) * np.log(1 - through))
    )


def test_examples_come_last_with_a_row_of_ones_for_the_biases():
    shape = deep("tanh", "linear", of=("huber", "mean"), biases=(True, False, False))
    batch = examples(shape, np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[5.0, 6.0], [7.0, 8.0]]))
    assert batch.inputs.tolist() == [[1, 3], [2, 4], [1, 1]]
    assert batch.targets.tolist() == [[5, 7], [6, 8]]
    assert batch.count == 2


def test_a_workspace_is_reused_without_a_trace_of_the_last_pass():
    shape = deep("gelu", "softmax", of=("huber", "mean"))
    batch, space = (
        data(shape),
        workspace(deep("gelu", "softmax", of=("huber", "mean")), data(shape)),
    )
    forward(now, shape, shape.matrices(np.full(shape.size, np.nan)), space)
    forward(now, shape, shape.matrices(point(shape)), space)
    np.testing.assert_array_equal(space.values[-1], outputs(shape, point(shape), batch))

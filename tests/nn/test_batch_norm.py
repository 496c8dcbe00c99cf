"""Batch normalisation: its gradient, its statistics, and the ordinary network that it is."""

import numpy as np
import pytest

from nndiag.nn.activations import ACTIVATIONS
from nndiag.nn.folding import folded, raised
from nndiag.nn.losses import LOSSES
from nndiag.nn.network import architecture, examples, loss, loss_and_gradient, outputs
from nndiag.nn.optimizers import OPTIMIZERS
from nndiag.nn.stack import Stack
from tests.combinations import combinations

COUNT = 12


def shape_of(hidden="tanh", loss_name="mean_squared_error", *, units=3, norm=(True, True, False)):
    return architecture(
        2,
        [(5, hidden), (units, hidden), (2, "sigmoid")],
        loss=LOSSES.get(loss_name)(),
        batch_norm=norm,
    )


def arrays_of(shape, count=COUNT):
    rng = np.random.default_rng(1)
    targets = rng.random((count, shape.outputs))
    return rng.normal(size=(count, 2)), targets / targets.sum(axis=1, keepdims=True)


def stack_of(shape, *, networks=1, rates=None, threads=None, decay=0.0):
    start = 0.7 * np.random.default_rng(3).normal(size=(1, shape.size)).repeat(networks, axis=0)
    optimizer = OPTIMIZERS.get("sgd")(learning_rate=0.1).changed(weight_decay=decay)
    x, y = arrays_of(shape)
    return Stack(
        shape, start, optimizer=optimizer, inputs=x, targets=y, rates=rates, threads=threads
    )


@pytest.mark.parametrize(
    ("hidden", "name"), combinations(ACTIVATIONS.names(), LOSSES.names()), ids=str
)
@pytest.mark.parametrize("units", [1, 3])
def test_the_gradient_agrees_with_numeric_derivatives(hidden, name, units):
    form = shape_of(hidden, name, units=units).in_training
    batch = examples(form, *arrays_of(form))
    parameters = 0.7 * np.random.default_rng(4).normal(size=form.size)
    value, gradient = loss_and_gradient(form, parameters, batch)
    high, low = (loss(form, parameters + step * np.eye(form.size), batch) for step in (1e-6, -1e-6))
    # Truncation h² and rounding ε·loss/h, both about 1e-10 of the loss, times what the normalised
    # units' curvature adds.
    scale = np.linalg.norm(gradient) + value
    assert np.abs((high - low) / 2e-6 - gradient).max() < 1e-6 * scale
    if form.loss.analytic and all(activation.analytic for activation in form.activations):
        exact = loss(form, parameters + 1e-20j * np.eye(form.size), batch).imag / 1e-20
        assert np.abs(exact - gradient).max() < 1e-12 * scale


@pytest.mark.parametrize("norm", [(True, False, False), (False, True, False), (False, False, True)])
def test_any_layer_can_be_the_one_that_is_normalised(norm):
    form = shape_of(norm=norm).in_training
    batch = examples(form, *arrays_of(form))
    parameters = np.random.default_rng(4).normal(size=form.size)
    exact = loss(form, parameters + 1e-20j * np.eye(form.size), batch).imag / 1e-20
    gradient = loss_and_gradient(form, parameters, batch)[1]
    np.testing.assert_allclose(gradient, exact, rtol=1e-10, atol=1e-14)


def test_a_normalised_layer_is_what_its_formula_says():
    form = architecture(
        2, [(3, "tanh"), (1, "linear")], loss=LOSSES.get("huber")(), batch_norm=(True, False)
    ).in_training
    x, y = arrays_of(form)
    parameters = np.random.default_rng(4).normal(size=form.size)
    (first, last), batch = form.matrices(parameters), examples(form, x, y)
    z = x @ first[:, :2].T
    unit = (z - z.mean(axis=0)) / np.sqrt(z.var(axis=0) + 1e-5)
    hidden = np.tanh(first[:, 3] * unit + first[:, 2])
    np.testing.assert_allclose(
        outputs(form, parameters, batch).T, hidden @ last[:, :3].T + last[:, 3], rtol=1e-12
    )


def test_the_folded_network_is_the_normalised_one_on_all_examples():
    shape = shape_of()
    batch = examples(shape, *arrays_of(shape))
    trained = np.random.default_rng(4).normal(size=(3, shape.in_training.size))
    np.testing.assert_allclose(
        outputs(shape, folded(shape, trained, batch), batch),
        outputs(shape.in_training, trained, batch),
        rtol=1e-10,
    )


def test_the_size_of_the_weights_below_is_of_no_matter():
    shape = shape_of(norm=(True, False, False))
    batch = examples(shape, *arrays_of(shape))
    parameters = np.random.default_rng(4).normal(size=shape.size)
    larger = parameters.copy()
    shape.weights_and_biases(larger)[0][0][...] *= 50
    one, other = (
        outputs(shape, folded(shape, raised(shape, point), batch), batch)
        for point in (parameters, larger)
    )
    np.testing.assert_allclose(one, other, atol=1e-4)  # ε is 1e-5 beside a variance of about 1


def test_a_stack_takes_the_steps_of_gradient_descent_on_weights_shifts_and_gains():
    shape = shape_of()
    form, engine = shape.in_training, stack_of(shape)
    start = 0.7 * np.random.default_rng(3).normal(size=shape.size)
    batch, trained = examples(shape, *arrays_of(shape)), raised(shape, start)
    losses = []
    for _ in range(20):
        value, gradient = loss_and_gradient(form, trained, batch)
        losses.append(float(value))
        trained = trained - 0.1 * gradient
    np.testing.assert_allclose(engine.run(steps=20).losses[:, 0], losses, rtol=1e-10)
    np.testing.assert_allclose(engine.parameters[0], folded(shape, trained, batch), rtol=1e-9)


def test_networks_of_a_stack_do_not_touch_each_other():
    shape, rates = shape_of(), np.array([0.01, 0.1, 0.3])
    together = stack_of(shape, networks=3, rates=rates)
    losses = together.run(steps=30).losses
    together.keep(np.array([False, True, True]))
    for index in range(3):
        alone = stack_of(shape, rates=rates[index : index + 1])
        np.testing.assert_allclose(losses[:, index], alone.run(steps=30).losses[:, 0], rtol=1e-9)
        if index:
            # Sums in another order: 1e-16 a step.
            np.testing.assert_allclose(
                together.parameters[index - 1], alone.parameters[0], rtol=1e-8, atol=1e-12
            )


def test_a_batch_is_never_split_between_threads(monkeypatch):
    monkeypatch.setattr("nndiag.nn.step_plan._SHARD_VALUES", 1)
    shape = shape_of()
    one, two = (stack_of(shape, threads=threads).run(steps=20).losses for threads in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_a_decay_of_a_layer_leaves_shift_and_gain_alone():
    shape = shape_of(norm=(True, False, False))
    decays = np.zeros(shape.size)
    shape.weights_and_biases(decays)[0][0][...] = 0.5
    plain, decayed = (stack_of(shape, decay=decay) for decay in (0.0, decays))
    start = 0.7 * np.random.default_rng(3).normal(size=shape.size)
    for engine in (plain, decayed):
        engine.run(steps=1)
    form = shape.in_training
    change = form.matrices(decayed._parameters - plain._parameters)[0]
    expected = -0.1 * 0.5 * shape.weights_and_biases(start)[0][0]
    np.testing.assert_allclose(change[:, :2], expected, rtol=1e-9)
    assert not change[:, 2:].any()


def test_one_example_a_step_is_normalised_to_nothing_without_a_failure():
    shape = shape_of()
    block = stack_of(shape).run(rows=np.zeros((1_200, 1), int))
    assert np.isfinite(block.losses).all()

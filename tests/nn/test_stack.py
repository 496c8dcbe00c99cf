"""The engine against a plain training loop that shares no code with it."""

import numpy as np
import pytest

from nndiag.nn.activations import ACTIVATIONS
from nndiag.nn.losses import LOSSES
from nndiag.nn.network import architecture, examples, loss_and_gradient
from nndiag.nn.optimizers import OPTIMIZERS
from nndiag.nn.stack import Stack

RNG = np.random.default_rng(5)


def data(count=30, inputs=2, outputs=1):
    x = RNG.standard_normal((count, inputs))
    return x, np.tanh(x[:, :1] * 0.7 + 0.2).repeat(outputs, axis=1)


def reference(shape, start, x, y, *, rows, update):
    """Step by step: loss and layer norms of each batch, then `update(theta, gradient, t)`."""
    theta, losses, norms = start.copy(), [], []
    for t, chosen in enumerate(rows):
        loss, gradient = loss_and_gradient(shape, theta, examples(shape, x[chosen], y[chosen]))
        losses.append(loss)
        norms.append([np.linalg.norm(part) for part in shape.matrices(gradient)])
        theta = update(theta, gradient, t)
    return theta, np.array(losses), np.array(norms)


def stack(shape, start, x, y, optimizer=None, rates=None):
    optimizer = optimizer or OPTIMIZERS.get("sgd")(learning_rate=0.1)
    return Stack(shape, start, optimizer=optimizer, inputs=x, targets=y, rates=rates)


def network(*layers, inputs=2, loss="mean_squared_error", biases=True):
    return architecture(inputs, layers, loss=LOSSES.get(loss)(), biases=biases)


def start_of(shape, networks=1):
    return 0.5 * RNG.standard_normal((networks, shape.size))


@pytest.mark.parametrize("batch", [30, 7, 1])
@pytest.mark.parametrize("layers", [[(5, "tanh"), (1, "linear")], [(4, "gelu"), (3, "softmax")]])
def test_follows_the_reference_step_by_step(batch, layers):
    shape = network(*layers)
    x, y = data(outputs=layers[-1][0])
    start = start_of(shape)
    rows = np.stack([RNG.permutation(30)[:batch] for _ in range(300)])
    engine = stack(shape, start, x, y)
    block = engine.run(rows=rows) if batch < 30 else engine.run(steps=300)
    theta, losses, norms = reference(
        shape, start[0], x, y, rows=rows, update=lambda p, g, t: p - 0.1 * g
    )
    # Another order of summation: errors of 1e-16 per step, which 300 steps may multiply.
    np.testing.assert_allclose(block.losses[:, 0], losses, rtol=1e-9)
    np.testing.assert_allclose(block.gradient_norms[:, 0], norms, rtol=1e-8, atol=1e-14)
    np.testing.assert_allclose(engine.parameters[0], theta, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["linear", "tanh", "sigmoid", "relu", "leaky_relu", "softplus"])
def test_tiny_steps_on_plain_floats_follow_the_reference(name):
    shape = network((3, name), (1, "linear"))
    x, y = data()
    start = start_of(shape)
    rows = RNG.integers(0, 30, (1_500, 1))  # the translated step takes over after 1,000
    block = stack(shape, start, x, y).run(rows=rows)
    _, losses, norms = reference(
        shape, start[0], x, y, rows=rows, update=lambda p, g, t: p - 0.1 * g
    )
    np.testing.assert_allclose(block.losses[:, 0], losses, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(block.gradient_norms[:, 0], norms, rtol=1e-6, atol=1e-10)


def test_an_overflow_on_plain_floats_is_left_to_numpy():
    shape = network((1, "sigmoid"), inputs=1, biases=False)
    x, y = np.array([[1.0], [-1.0]]), np.array([[1.0], [1.0]])
    engine = stack(shape, np.array([[2.0]]), x, y)
    rows = np.zeros((1_100, 1), int)
    engine.run(rows=rows)
    engine._parameters[...] = 800.0  # e^800 is no float: Python raises where numpy says inf
    block = engine.run(rows=np.ones((3, 1), int))
    # sigmoid(−800) = 0: the loss is (0 − 1)² and the slope is zero.
    np.testing.assert_array_equal(block.losses[:, 0], [1.0, 1.0, 1.0])


def test_batches_as_large_as_the_data_may_repeat_examples():
    shape = network((3, "tanh"), (1, "linear"))
    x, y = data(count=4)
    start = start_of(shape)
    rows = RNG.integers(0, 4, (200, 4))
    block = stack(shape, start, x, y).run(rows=rows)
    _, losses, _ = reference(shape, start[0], x, y, rows=rows, update=lambda p, g, t: p - 0.1 * g)
    np.testing.assert_allclose(block.losses[:, 0], losses, rtol=1e-9)


def test_networks_of_a_stack_do_not_touch_each_other():
    shape = network((6, "tanh"), (2, "tanh"), (1, "linear"))
    x, y = data()
    starts = start_of(shape, networks=3)
    rates = np.array([0.01, 0.1, 0.3])
    together = stack(shape, starts, x, y, rates=rates).run(steps=50)
    for index in range(3):
        alone = stack(shape, starts[index : index + 1], x, y, rates=rates[index : index + 1])
        block = alone.run(steps=50)
        np.testing.assert_allclose(together.losses[:, index], block.losses[:, 0], rtol=1e-12)
        np.testing.assert_allclose(
            together.gradient_norms[:, index], block.gradient_norms[:, 0], rtol=1e-10
        )


def test_two_threads_give_what_one_gives(monkeypatch):
    shape = network((8, "tanh"), (8, "sigmoid"), (2, "linear"))
    x, y = data(count=101, outputs=2)
    start = start_of(shape)
    alone = stack(shape, start, x, y).run(steps=40)
    monkeypatch.setattr("nndiag.nn.step_plan._SHARD_VALUES", 1)
    monkeypatch.setattr("nndiag.nn.step_plan.processors", lambda: 2)
    shared = [stack(shape, start, x, y).run(steps=40) for _ in range(2)]
    np.testing.assert_allclose(shared[0].losses, alone.losses, rtol=1e-12)
    np.testing.assert_array_equal(shared[0].losses, shared[1].losses)
    np.testing.assert_array_equal(shared[0].gradient_norms, shared[1].gradient_norms)


def test_an_interruption_leaves_no_thread_waiting(monkeypatch):
    monkeypatch.setattr("nndiag.nn.step_plan._SHARD_VALUES", 1)
    monkeypatch.setattr("nndiag.nn.step_plan.processors", lambda: 2)
    shape = network((3, "tanh"), (1, "linear"))
    x, y = data()
    engine = stack(shape, start_of(shape), x, y)
    plan = engine._plan(None)

    def interrupt():
        raise KeyboardInterrupt

    calls = plan._calls
    plan._calls = [*calls[:3], (interrupt, ()), *calls[3:]]
    with pytest.raises(KeyboardInterrupt):
        engine.run(steps=1)
    plan._calls = calls
    assert np.isfinite(engine.run(steps=5).losses).all()


def test_clipping_and_weight_decay_change_the_update_but_not_the_record():
    shape = network((4, "tanh"), (1, "linear"))
    x, y = data()
    start = start_of(shape)
    plain = OPTIMIZERS.get("sgd")(learning_rate=0.5)
    optimizer = plain.changed(clip_norm=0.05, weight_decay=0.02)
    engine = stack(shape, start, x, y, optimizer=optimizer)
    block = engine.run(steps=60)

    def update(theta, gradient, _):
        norm = np.linalg.norm(gradient)
        clipped = gradient * min(1.0, 0.05 / norm)
        return theta - 0.5 * (clipped + 0.02 * theta)

    rows = np.tile(np.arange(30), (60, 1))
    theta, losses, norms = reference(shape, start[0], x, y, rows=rows, update=update)
    np.testing.assert_allclose(block.losses[:, 0], losses, rtol=1e-10)
    np.testing.assert_allclose(block.gradient_norms[:, 0], norms, rtol=1e-9)
    np.testing.assert_allclose(engine.parameters[0], theta, rtol=1e-10)


def test_repeats_bit_by_bit():
    shape = network((7, "relu"), (1, "linear"))
    x, y = data()
    start = start_of(shape)
    rows = RNG.integers(0, 30, (2_000, 1))
    first, second = (stack(shape, start, x, y).run(rows=rows) for _ in range(2))
    np.testing.assert_array_equal(first.losses, second.losses)
    np.testing.assert_array_equal(first.gradient_norms, second.gradient_norms)


def test_a_diverged_run_records_what_is_not_finite_without_a_warning():
    shape = network((5, "linear"), (1, "linear"))
    x, y = data()
    optimizer = OPTIMIZERS.get("sgd")(learning_rate=1e3)
    block = stack(shape, start_of(shape), x, y, optimizer=optimizer).run(steps=200)
    assert not np.isfinite(block.losses[-1, 0])


def test_subnormal_parameters_become_zero():
    shape = network((1, "linear"), inputs=1, biases=False)
    x, y = np.zeros((2, 1)), np.zeros((2, 1))
    engine = stack(shape, np.array([[1e-310]]), x, y)
    engine.run(steps=1)
    assert engine.parameters[0, 0] == 0.0


@pytest.mark.parametrize("name", ACTIVATIONS.names())
def test_every_activation_trains_in_a_stack(name):
    shape = network((4, name), (2, name), (1, "linear"))
    x, y = data()
    block = stack(shape, start_of(shape, networks=2), x, y).run(steps=30)
    assert np.isfinite(block.losses).all()
    assert (block.losses[-1] < block.losses[0]).all()


@pytest.mark.parametrize("kept", [[True, False, True], [False, True, False]])
@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_the_networks_that_are_kept_go_on_as_if_nothing_had_happened(name, kept):
    shape = network((5, "tanh"), (1, "linear"))
    x, y = data()
    start, rates = start_of(shape, networks=3), np.array([0.01, 0.02, 0.05])
    optimizer = OPTIMIZERS.get(name)(learning_rate=1.0)
    alone, together = (stack(shape, start, x, y, optimizer, rates=rates) for _ in range(2))
    for engine in (alone, together):
        engine.run(steps=20)
    together.keep(np.array(kept))
    expected, losses = alone.run(steps=20).losses[:, kept], together.run(steps=20).losses
    # Products over stacks of other sizes may sum in another order: 1e-16 a step.
    np.testing.assert_allclose(losses, expected, rtol=1e-11)
    np.testing.assert_allclose(together.parameters, alone.parameters[kept], rtol=1e-10, atol=1e-14)
    for mine, other in zip(together.memory, alone.memory, strict=True):
        np.testing.assert_allclose(mine, other[kept], rtol=1e-9, atol=1e-16)

"""Dropout: masks of training steps, the gradient through a mask that is held, and evaluation."""

import numpy as np
import pytest

from nndiag.nn.activations import ACTIVATIONS
from nndiag.nn.losses import LOSSES
from nndiag.nn.network import architecture, examples, loss, loss_and_gradient, outputs
from nndiag.nn.optimizers import OPTIMIZERS
from nndiag.nn.stack import Stack
from tests.combinations import combinations

COUNT, SHARES = 12, (0.5, 0.25, 0.0)


def shape_of(hidden="tanh", loss_name="mean_squared_error", *, dropout=SHARES, units=3, outs=2):
    layers = [(5, hidden), (units, hidden), (outs, "sigmoid")]
    return architecture(2, layers, loss=LOSSES.get(loss_name)(), dropout=dropout)


def data_of(shape, count=COUNT):
    rng = np.random.default_rng(1)
    targets = rng.random((count, shape.outputs))
    return rng.normal(size=(count, 2)), targets / targets.sum(axis=1, keepdims=True)


def masks_of(shape, count=COUNT):
    rng = np.random.default_rng(2)
    return [
        (rng.random((units, count)) >= share) / (1 - share) if share else None
        for units, share in zip(shape.units, shape.dropout, strict=True)
    ]


def stack_of(shape, *, networks=1, count=COUNT, seed=7, rates=None, threads=None):
    start = 0.7 * np.random.default_rng(3).normal(size=(1, shape.size)).repeat(networks, axis=0)
    optimizer = OPTIMIZERS.get("sgd")(learning_rate=0.1)
    x, y = data_of(shape, count)
    return Stack(
        shape,
        start,
        optimizer=optimizer,
        inputs=x,
        targets=y,
        rates=rates,
        threads=threads,
        seed=seed,
    )


@pytest.mark.parametrize(
    ("hidden", "name"), combinations(ACTIVATIONS.names(), LOSSES.names()), ids=str
)
@pytest.mark.parametrize("units", [1, 3])
def test_the_gradient_through_held_masks_agrees_with_central_differences(hidden, name, units):
    shape = shape_of(hidden, name, units=units)
    batch, masks = examples(shape, *data_of(shape)), masks_of(shape)
    parameters = 0.7 * np.random.default_rng(4).normal(size=shape.size)
    value, gradient = loss_and_gradient(shape, parameters, batch, masks=masks)
    high, low = (
        loss(shape, parameters + step * np.eye(shape.size), batch, masks=masks)
        for step in (1e-6, -1e-6)
    )
    # Truncation h² and rounding ε·loss/h: both about 1e-10 of the loss.
    scale = np.linalg.norm(gradient) + value
    assert np.abs((high - low) / 2e-6 - gradient).max() < 1e-7 * scale


def test_a_single_unit_above_a_mask_has_the_right_gradient_too():
    shape = architecture(
        2, [(5, "tanh"), (1, "linear")], loss=LOSSES.get("huber")(), dropout=(0.5, 0.0)
    )
    batch, masks = examples(shape, *data_of(shape)), masks_of(shape)
    parameters = np.random.default_rng(4).normal(size=shape.size)
    exact = loss(shape, parameters + 1e-20j * np.eye(shape.size), batch, masks=masks).imag / 1e-20
    gradient = loss_and_gradient(shape, parameters, batch, masks=masks)[1]
    np.testing.assert_allclose(gradient, exact, rtol=1e-11, atol=1e-14)


def test_the_mean_over_masks_is_the_whole_network_where_it_is_linear():
    shape = architecture(2, [(4, "linear"), (1, "linear")], loss=LOSSES.get("huber")())
    x, y = data_of(shape)
    batch, rng = examples(shape, x, y), np.random.default_rng(5)
    parameters, share, draws = rng.normal(size=shape.size), 0.4, 4_000
    masks = (rng.random((draws, 4, COUNT)) >= share) / (1 - share)
    found = [outputs(shape, parameters, batch, masks=[mask, None]) for mask in masks]
    whole = outputs(shape, parameters, batch)
    # A mean of 4,000 draws is off by 1/63 of their deviation; five times that never happens.
    deviation = np.std(found, axis=0) / np.sqrt(draws)
    assert (np.abs(np.mean(found, axis=0) - whole) <= 5 * deviation).all()


def test_each_step_drops_other_values_and_a_seed_repeats_them():
    shape = shape_of()
    first, again, other = (stack_of(shape, seed=seed).run(steps=150) for seed in (7, 7, 8))
    np.testing.assert_array_equal(first.losses, again.losses)
    assert (first.losses[:5] != other.losses[:5]).all()
    assert len(np.unique(np.diff(first.losses[:, 0]))) > 140


def test_a_network_of_a_stack_drops_what_it_drops_alone():
    shape, rates = shape_of(), np.array([0.1, 0.02, 0.3])
    together = stack_of(shape, networks=3, rates=rates)
    losses = [together.run(steps=20).losses]
    together.keep(np.array([True, False, True]))
    losses.append(together.run(steps=20).losses)
    for column, (before, after) in zip((0, 2), ((0, 0), (2, 1)), strict=True):
        alone = stack_of(shape, rates=rates[column : column + 1]).run(steps=40).losses[:, 0]
        mine = np.concatenate([losses[0][:, before], losses[1][:, after]])
        np.testing.assert_allclose(mine, alone, rtol=1e-10)  # sums in another order


def test_two_threads_drop_what_one_drops(monkeypatch):
    shape = shape_of()
    alone = stack_of(shape, count=101).run(steps=30)
    monkeypatch.setattr("nndiag.nn.step_plan._SHARD_VALUES", 1)
    shared = stack_of(shape, count=101, threads=2).run(steps=30)
    np.testing.assert_allclose(shared.losses, alone.losses, rtol=1e-12)


def test_a_step_is_the_gradient_at_its_mask():
    shape = shape_of(dropout=(0.5, 0.0, 0.0))
    engine = stack_of(shape)
    before, batch = engine.parameters[0], examples(shape, *data_of(shape))
    # The documented stream of the masks: one draw for each unit and example.
    drawn = np.random.default_rng([7, 4]).random((1, 5, COUNT), dtype=np.float32)[0]
    value, gradient = loss_and_gradient(
        shape, before, batch, masks=[(drawn >= 0.5) * 2.0, None, None]
    )
    block = engine.run(steps=1)
    assert block.losses[0, 0] == pytest.approx(float(value), rel=1e-12)
    np.testing.assert_allclose(engine.parameters[0], before - 0.1 * gradient, rtol=1e-11)


def test_evaluation_drops_nothing():
    shape, plain = shape_of(), shape_of(dropout=())
    parameters = np.random.default_rng(4).normal(size=shape.size)
    batch = examples(shape, *data_of(shape))
    assert loss(shape, parameters, batch) == loss(plain, parameters, batch)

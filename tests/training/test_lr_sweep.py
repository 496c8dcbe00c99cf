"""The learning-rate sweep: its runs, its range, its divergence threshold, what it recommends."""

import os
import signal
import tracemalloc

import numpy as np
import pytest

from nndiag.experiment.building import build
from nndiag.experiment.loading import experiment_of
from nndiag.nn.stack import Stack
from nndiag.training import train
from nndiag.training.lr_sweep import sweep_learning_rates
from nndiag.training.schedule import batches_of
from nndiag.training.sweep_blocks import BlockTrainer
from nndiag.training.sweep_choice import rounded
from nndiag.training.sweep_failure import Reason
from nndiag.training.sweep_runs import SweepTask, blocks_of, train_block
from nndiag.training.sweep_verdict import Fate

TANH = {
    "seed": 3,
    "dataset": {"name": "sine", "samples": 40},
    "network": {"layers": [{"units": 8, "activation": "tanh"}, {"units": 1}]},
    "optimizer": {"name": "sgd", "learning_rate": 0.05},
    "training": {"steps": 200},
}
LINE = {
    "dataset": {"name": "linear_doubling", "samples": 20, "low": 0.5, "high": 2.0},
    "network": {"layers": [{"units": 1, "bias": False, "weights": [[0.1]]}]},
    "training": {"steps": 400},
}
"""y = 2x by one weight: the loss is (w − 2)²·mean(x²), its only curvature 2·mean(x²)."""
CURVATURE = 2 * np.mean(np.linspace(0.5, 2.0, 20) ** 2)


def changed(base, **sections):
    """A config with some keys of its sections replaced."""
    merged = dict(base)
    for name, section in sections.items():
        merged[name] = {**base.get(name, {}), **section} if isinstance(section, dict) else section
    return experiment_of(merged)


def task_of(experiment, *, seeds=(3,), steps=100):
    """A task whose seeds all start from the config's own weights."""
    built = build(experiment)
    starts = dict.fromkeys(seeds, built.parameters)
    shape, optimizer, batches = built.shape, built.optimizer, batches_of(built)
    return SweepTask(shape, optimizer, *built.training, batches, starts, steps)


def run_here(task, pairs):
    """The runs of pairs in one block, by rate."""
    runs = train_block(task, pairs, steps=task.steps, stopped=lambda: False)
    return {run.rate: run for run in runs}


def test_a_short_run_is_the_trainers_run():
    experiment = changed(TANH, training={"steps": 100})
    run = run_here(task_of(experiment), [(0.05, 3)])[0.05]
    trace = train(build(experiment)).trace
    expected = np.append(trace.loss, trace.ending.loss)[run.steps]
    # The same steps in the same engine; in a block of one there is nothing else to add up.
    np.testing.assert_allclose(run.curve, expected, rtol=1e-12)


def test_with_mini_batches_a_short_run_sees_the_trainers_batches():
    experiment = changed(TANH, training={"steps": 100, "batch_size": 7})
    run = run_here(task_of(experiment), [(0.05, 3)])[0.05]
    trace = train(build(experiment)).trace
    measured = trace.series["training_loss"]
    shared, mine, theirs = np.intersect1d(run.steps, measured.steps, return_indices=True)
    assert len(shared) > 10
    np.testing.assert_allclose(run.curve[mine], measured.values[theirs], rtol=1e-10)
    assert run.curve[-1] == pytest.approx(trace.ending.loss, rel=1e-10)


def test_with_mini_batches_the_peak_is_that_of_all_examples():
    experiment = changed(TANH, training={"batch_size": 1, "steps": 100})
    still = run_here(task_of(experiment), [(1e-12, 3)])[1e-12]
    assert still.peak == pytest.approx(still.initial)  # single examples have larger losses


@pytest.mark.parametrize("optimizer", [{"name": "sgd", "momentum": 0.9}, {"name": "adam"}])
def test_networks_that_are_lost_do_not_disturb_their_neighbours(optimizer):
    task = task_of(changed(TANH, optimizer=optimizer))
    kept = [(0.001, 3), (0.01, 3)]
    together = run_here(task, [*kept, (1e9, 3), (1e200, 3)])
    alone = run_here(task, kept)
    for rate, _ in kept:
        # Products over stacks of another size may add up in another order.
        np.testing.assert_allclose(together[rate].curve, alone[rate].curve, rtol=1e-10)
    assert together[1e200].lost_at is not None
    assert together[1e200].final == np.inf


def test_a_run_is_only_given_up_where_nothing_comes_back():
    """400-fold is no reason: the run goes on, and its peak is told."""
    experiment = changed(LINE, training={"steps": 30})
    rate = 2.2 / CURVATURE  # the error grows by 1.2 a step, the loss by 1.44: 56,000-fold
    run = run_here(task_of(experiment, seeds=(0,), steps=30), [(rate, 0)])[rate]
    assert run.lost_at is None
    # The last step's loss is before its update: 29 growths.
    assert run.peak / run.initial == pytest.approx(1.2 ** (2 * 29), rel=1e-9)


def test_the_final_loss_is_the_geometric_mean_of_the_end():
    task = task_of(changed(TANH), steps=100)
    run = run_here(task, [(0.05, 3)])[0.05]
    engine = Stack(
        task.shape, task.starts[3][None], optimizer=task.optimizer, inputs=task.inputs,
        targets=task.targets, rates=np.array([0.05]),
    )  # fmt: skip
    losses = engine.run(steps=101).losses[95:, 0]  # before steps 95 … 99, and after the last
    assert run.final == pytest.approx(np.exp(np.mean(np.log(losses))), rel=1e-12)


def test_blocks_hold_neighbouring_rates_and_with_batches_one_seed():
    pairs = [(rate, seed) for rate in (0.1, 0.01, 1.0) for seed in (3, 4)]
    full = task_of(changed(TANH), seeds=(3, 4))
    assert [pair for block in blocks_of(full, pairs, workers=1) for pair in block] == sorted(pairs)
    batches = task_of(changed(TANH, training={"batch_size": 7}), seeds=(3, 4))
    for block in blocks_of(batches, pairs, workers=1):
        assert len({seed for _, seed in block}) == 1


def test_workers_give_what_one_process_gives():
    task = task_of(changed(TANH))
    pairs = [(float(rate), 3) for rate in np.geomspace(1e-3, 10, 12)]
    alone = BlockTrainer(task, interrupted=lambda: False, done=None)
    several = BlockTrainer(task, interrupted=lambda: False, done=None)
    with several.started(seconds=100):
        there = {run.rate: run.final for run in several.train(pairs)}
    here = {run.rate: run.final for run in alone.train(pairs)}
    assert sorted(there) == sorted(here) == [rate for rate, _ in pairs]
    for rate, final in here.items():
        assert there[rate] == pytest.approx(final, rel=1e-9)


MOMENTUM = {"learning_rate": 0.1, "momentum": 0.8}
CLOSED_FORMS = [
    pytest.param({"name": "sgd"}, 2.0, id="sgd"),
    pytest.param(MOMENTUM, 2 * 1.8, id="heavy ball"),
    pytest.param({**MOMENTUM, "nesterov": True}, 2 * 1.8 / 2.6, id="nesterov"),
]


@pytest.mark.parametrize(("optimizer", "factor"), CLOSED_FORMS)
def test_on_a_quadratic_threshold_and_limit_are_the_closed_form(optimizer, factor):
    result = sweep_learning_rates(changed(LINE, optimizer=optimizer), seeds=1)
    exact = factor / CURVATURE
    assert result.theory.start.stability_limit == pytest.approx(exact, rel=1e-6)
    # Bisection narrows a quarter of a decade 27-fold: 2.2 %. In 400 steps, 1 % above the divergence
    # threshold grows by 1.02^800 = 7e6: enough to be seen.
    assert 0.97 * exact < result.threshold.value < 1.01 * exact
    assert result.theory.ratio == pytest.approx(result.threshold.value / exact, rel=1e-5)
    assert result.theory.reading == "agree"
    assert result.recommended < result.threshold.value
    assert result.band[0] < result.recommended < result.band[1]


def test_a_sum_over_examples_divides_every_rate_by_their_number():
    mean = sweep_learning_rates(changed(TANH), seeds=1)
    summed = sweep_learning_rates(
        changed(TANH, loss={"name": "mean_squared_error", "reduction": "sum"}), seeds=1
    )
    assert summed.threshold.value == pytest.approx(mean.threshold.value / 40, rel=0.01)
    assert summed.best == pytest.approx(mean.best / 40, rel=0.01)
    assert summed.recommended == pytest.approx(mean.recommended / 40, rel=0.1)  # two digits
    # Beyond the divergence threshold runs are chaotic; below it the last digit of a rate changes
    # little.
    mean_fates, summed_fates = (
        [rate.fate for rate in result.rates if rate.value < result.threshold.value]
        for result in (mean, summed)
    )
    assert summed_fates[:8] == mean_fates[:8]


@pytest.mark.parametrize("configured", [1e-12, 1e12])
def test_the_configured_rate_decides_nothing(configured):
    usual = sweep_learning_rates(changed(TANH), seeds=1)
    odd = sweep_learning_rates(changed(TANH, optimizer={"learning_rate": configured}), seeds=1)
    assert (odd.recommended, odd.threshold.value) == (usual.recommended, usual.threshold.value)


@pytest.mark.parametrize(
    ("rate", "place"), [(1e-7, "below-band"), (0.05, "in-band"), (5.0, "above-threshold")]
)
def test_tells_the_place_of_the_configured_rate(rate, place):
    result = sweep_learning_rates(changed(TANH, optimizer={"learning_rate": rate}), seeds=1)
    assert result.place == place
    assert result.configured_rate.value == rate


def test_both_ends_are_seen():
    result = sweep_learning_rates(changed(TANH), seeds=2)
    assert result.rates[0].fates[0] is Fate.TOO_SMALL
    assert result.rates[-1].fate.unstable


def test_a_rate_that_is_far_faster_is_told():
    result = sweep_learning_rates(changed(TANH, optimizer={"learning_rate": 1e-4}), seeds=1)
    slow = result.configured_rate.runs[0]
    fast = next(run for run in result.recommended_runs if run.seed == slow.seed)
    reached = fast.steps[np.flatnonzero(fast.curve <= slow.final)[0]]
    assert result.speed_up == pytest.approx(200 / reached)
    assert result.speed_up > 10


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adam"])
@pytest.mark.parametrize("batch_size", ["full", 8])
def test_recommends_a_rate_that_learns_for_every_optimizer(optimizer, batch_size):
    experiment = changed(
        TANH,
        optimizer={"name": optimizer, "learning_rate": 100.0},
        training={"batch_size": batch_size},
    )
    result = sweep_learning_rates(experiment, seeds=2)
    assert result.recommended is not None
    trained = train(
        build(changed(dict(experiment.resolved), optimizer={"learning_rate": result.recommended}))
    ).trace
    assert trained.ending.loss < 0.6 * trained.facts.baseline_loss
    assert len(result.recommended_runs) == 4  # two fresh seeds among them
    assert all(run.lost_at is None for run in result.recommended_runs)
    if optimizer != "sgd" and batch_size == "full":
        # The stability limit of an adaptive optimizer is only of the divergence threshold's size
        # where its run ends.
        assert result.theory.settled > 10 * result.theory.start.stability_limit
        assert 0.1 < result.theory.ratio < 10


DEAD = {"units": 8, "activation": "relu", "biases": [-100.0] * 8}
NOTHING = [
    pytest.param(changed(TANH, network={"layers": [DEAD, {"units": 1}]}), Reason.FLAT_UNITS),
    pytest.param(
        changed(TANH, network={"bias": False, "initializer": {"name": "zeros"}}),
        Reason.NO_GRADIENT,
    ),
    pytest.param(
        changed(LINE, network={"layers": [{"units": 1, "bias": False, "weights": [[2.0]]}]}),
        Reason.NOTHING_TO_LEARN,
    ),
]


@pytest.mark.parametrize(("experiment", "reason"), NOTHING)
def test_says_that_no_rate_learns_and_why(experiment, reason):
    result = sweep_learning_rates(experiment, seeds=2)
    assert result.failure.reason is reason
    assert result.recommended is result.best is result.band is None
    assert result.threshold is None or result.threshold.fate.blown_up  # nobody stops learning


def test_fixed_ends_and_number_of_rates_are_kept_to():
    result = sweep_learning_rates(changed(TANH), seeds=1, rates=9, low=1e-3, high=10.0, steps=50)
    grid = [rate.value for rate in result.rates if rate.value != 0.05]
    np.testing.assert_allclose(grid, np.geomspace(1e-3, 10, 9), rtol=1e-5)
    assert result.steps == 50


@pytest.mark.parametrize("steps", [100, 20_000])
def test_an_interruption_reports_what_is_known(steps):
    """Both with and without worker processes: 20,000 steps are worth some."""
    ended = []

    def press(made, expected):
        assert made <= expected
        ended.append(made)
        if made >= 12 > ([0, *ended])[-2]:
            os.kill(os.getpid(), signal.SIGINT)

    result = sweep_learning_rates(changed(TANH), seeds=2, steps=steps, progress=press)
    assert result.interrupted
    assert 12 <= result.runs < 60
    assert result.rates
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_memory_does_not_grow_with_the_number_of_runs():
    """What `nndiag sweep-lr` on 64-64-64, 256 rates and 8 seeds relies on."""
    experiment = changed(
        TANH,
        dataset={"samples": 500},
        network={"layers": [{"units": 32, "activation": "tanh"}] * 2 + [{"units": 1}]},
    )
    task = task_of(experiment, steps=2)

    def peak(count):
        workers = BlockTrainer(task, interrupted=lambda: False, done=None)
        tracemalloc.start()
        workers.train([(float(rate), 3) for rate in np.geomspace(1e-4, 1e-2, count)])
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    few, many = peak(8), peak(128)
    # A block's buffers are some MB; what is kept of a run (a curve of 3 points) is under 10 kB.
    assert many - few < 120 * 10_000
    assert many < 1.3 * few + 120 * 10_000


@pytest.mark.parametrize(
    ("rate", "expected"), [(0.0131, 0.013), (0.2, 0.2), (9.99, 9.9), (3.1e-7, 3.1e-7), (128, 120.0)]
)
def test_rates_are_rounded_down_to_two_digits(rate, expected):
    assert rounded(rate) == expected


LAST = {"units": 1}
STARTS = [
    {"name": "glorot_uniform"},
    {"name": "uniform", "low": -1.0, "high": 1.0},
    {"name": "normal", "std": 1.0},
    {"name": "normal", "std": 0.1},
]


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("start", STARTS)
def test_the_exploding_sines_threshold_is_at_the_limit_or_it_is_said_why_not(start, reduction):
    experiment = changed(
        TANH,
        dataset={"samples": 200},
        network={"layers": [{"units": 100, "activation": "tanh"}, LAST], "initializer": start},
        loss={"name": "mean_squared_error", "reduction": reduction},
        training={"steps": 120},
    )  # fmt: skip
    result = sweep_learning_rates(experiment, seeds=1)
    stability_limit = result.theory.start.stability_limit
    assert result.threshold.value / stability_limit == pytest.approx(result.theory.ratio, rel=1e-6)
    if 0.5 <= result.theory.ratio <= 2.0:
        assert result.theory.reading == "agree"
    else:  # the network moved to where the stability limit is higher, as was measured
        assert result.theory.reading == "flattens"
        assert result.theory.settled > 1.5 * stability_limit

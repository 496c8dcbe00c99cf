"""The trainer: what it records, that it repeats, how it ends."""

import os
import signal
import threading

import numpy as np
import pytest

from nndiag.errors import ConfigError
from nndiag.experiment import load_experiment
from nndiag.experiment.building import build
from nndiag.nn.network import examples, loss, loss_and_gradient
from nndiag.trace import SERIES
from nndiag.training import train
from nndiag.training.schedule import Batches, probe_steps

CONFIG = """
dataset: {name: sine, samples: 40}
network:
  layers:
    - {units: 6, activation: tanh}
    - {units: 1, activation: linear}
optimizer: {name: sgd, learning_rate: 0.05}
training: {steps: 60}
"""


@pytest.fixture
def built(tmp_path):
    """Builds the small config, with overrides."""
    path = tmp_path / "small.yaml"
    path.write_text(CONFIG)

    def make(*overrides):
        return build(load_experiment(path, list(overrides)))

    return make


def test_records_the_loss_and_the_norms_of_every_step(built):
    subject = built()
    trace = train(subject).trace
    data = examples(subject.shape, *subject.training)
    theta = subject.parameters.copy()
    for step in range(60):
        value, gradient = loss_and_gradient(subject.shape, theta, data)
        norms = [np.linalg.norm(part) for part in subject.shape.matrices(gradient)]
        # The same sums in another order: 1e-16 a step.
        assert trace.loss[step] == pytest.approx(value, rel=1e-11)
        np.testing.assert_allclose(
            trace.series["gradient_norm"].values[step], norms, rtol=1e-10, atol=1e-14
        )
        theta = theta - 0.05 * gradient
    assert trace.ending.loss == pytest.approx(loss(subject.shape, theta, data), rel=1e-11)
    np.testing.assert_array_equal(trace.step, np.arange(60))


def test_records_every_series_of_the_dictionary_that_applies(built):
    subject = built("training.batch_size=8", "dataset.validation=0.25")
    recorded = set(train(subject).trace.series) | {"loss"}
    of_classes = {"accuracy", "validation_accuracy"}
    assert recorded == set(SERIES) - of_classes
    # Three of four rows of "and" are 0, and so are all outputs of weights and biases of zero.
    classified = built(
        "dataset={name: logic_gate, gate: and}",
        "network={layers: [{units: 1, activation: sigmoid, initializer: zeros}]}",
        "loss=binary_cross_entropy",
    )
    assert train(classified).trace.series["accuracy"].values[0] == 0.75


def test_probes_measure_what_a_direct_computation_gives(built):
    subject = built("training.batch_size=8", "training.steps=1")
    series = train(subject).trace.series
    theta = subject.parameters
    data = examples(subject.shape, *subject.training)
    value, gradient = loss_and_gradient(subject.shape, theta, data)
    (weights, biases), (last, last_bias) = subject.shape.weights_and_biases(theta)
    z = weights @ data.inputs[:1] + biases[:, None]
    a = np.tanh(z)
    predicted = last @ a + last_bias[:, None]
    expected = {
        "training_loss": value,
        "prediction_mean": predicted.mean(),
        "prediction_deviation": predicted.std(),
        "prediction_min": predicted.min(),
        "prediction_max": predicted.max(),
        "activation_mean": [a.mean(), predicted.mean()],
        "activation_deviation": [a.std(), predicted.std()],
        "preactivation_mean": [z.mean(), predicted.mean()],
        "preactivation_deviation": [z.std(), predicted.std()],
        "weight_norm": [np.linalg.norm(m) for m in subject.shape.matrices(theta)],
        "full_gradient_norm": [np.linalg.norm(m) for m in subject.shape.matrices(gradient)],
        "saturated_share": [np.mean(np.mean(1 - a**2 < 0.05, axis=1) > 0.9), np.nan],
    }
    for name, number in expected.items():
        np.testing.assert_allclose(series[name].values[0], number, rtol=1e-12, err_msg=name)


def test_dead_units_are_those_that_are_inactive_everywhere(built):
    subject = built(
        "network.layers.0.activation=relu",
        "network.layers.0.biases=[-100, -100, 0.5, 0.5, 0.5, 0.5]",
    )
    dead = train(subject).trace.series["dead_share"].values
    np.testing.assert_allclose(dead[0], [2 / 6, np.nan])


def test_twins_are_counted_as_long_as_in_and_outgoing_weights_agree(built):
    same = built("network.initializer={name: constant, value: 0.3}")
    assert train(same).trace.series["identical_share"].values[:, 0].min() == 1.0
    assert train(built()).trace.series["identical_share"].values.max() == 0.0


def test_update_ratio_is_the_step_over_the_weights(built):
    subject = built("training.steps=1")
    result = train(subject)
    parts = [subject.shape.matrices(v) for v in (result.parameters, subject.parameters)]
    expected = [
        np.linalg.norm(after - before) / np.linalg.norm(before)
        for after, before in zip(*parts, strict=True)
    ]
    np.testing.assert_allclose(result.trace.series["update_ratio"].values[0], expected, rtol=1e-12)


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["training.batch_size=7"],
        ["training.batch_size=1", "training.steps=2500"],
        ["training.batch_size=7", "training.order=with_replacement", "optimizer.name=adam"],
    ],
)
def test_repeats_bit_by_bit(built, overrides):
    first, second = (train(built(*overrides)) for _ in range(2))
    np.testing.assert_array_equal(first.trace.loss, second.trace.loss)
    np.testing.assert_array_equal(first.parameters, second.parameters)
    for name, series in first.trace.series.items():
        np.testing.assert_array_equal(series.values, second.trace.series[name].values)


def test_the_number_of_progress_reports_does_not_change_the_run(built, monkeypatch):
    monkeypatch.setattr("nndiag.training.trainer._PROGRESS_SECONDS", 0.0)
    seen = []
    reported = train(built("training.batch_size=7"), progress=seen.append)
    silent = train(built("training.batch_size=7"))
    np.testing.assert_array_equal(reported.trace.loss, silent.trace.loss)
    assert [progress.step for progress in seen] == sorted(progress.step for progress in seen)
    assert {progress.total for progress in seen} == {60}


def test_stops_at_the_first_loss_that_is_not_finite(built):
    trace = train(built("optimizer.learning_rate=1e6", "training.steps=5000")).trace
    assert trace.ending.reason == "non-finite"
    assert np.isfinite(trace.loss[:-1]).all()
    assert not np.isfinite(trace.loss[-1])
    assert trace.steps < 500


def test_stops_when_converged_if_asked(built):
    overrides = [
        "dataset={name: linear_doubling}",
        "network.layers=[{units: 1, activation: linear}]",
        "training.steps=100000",
        "optimizer.learning_rate=0.5",
    ]
    stopped = train(built(*overrides, "training.stop_when_converged=true")).trace
    assert stopped.ending.reason == "converged"
    assert stopped.steps < 100_000
    assert stopped.ending.loss < 1e-12


def test_an_interruption_ends_the_run_and_keeps_its_record(built):
    def press(progress):
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    trace = train(built("training.steps=50000000"), progress=press).trace
    assert trace.ending.reason == "interrupted"
    assert 0 < trace.steps < 50_000_000
    np.testing.assert_array_equal(trace.step, np.arange(trace.steps))
    assert signal.getsignal(signal.SIGINT) is before


def test_trains_outside_the_main_thread(built):
    results = []
    subject = built()
    thread = threading.Thread(target=lambda: results.append(train(subject)))
    thread.start()
    thread.join()
    np.testing.assert_array_equal(results[0].trace.loss, train(built()).trace.loss)


def test_epochs_see_each_example_once():
    batches = Batches(10, 4, "shuffled")
    assert batches.steps_per_epoch == 3
    blocks = batches.rows(np.random.default_rng(0))
    epoch = np.concatenate([next(blocks).ravel(), next(blocks).ravel()])
    assert sorted(epoch) == list(range(10))


def test_sequential_batches_keep_the_order_of_the_data():
    rows = next(Batches(6, 2, "sequential").rows(np.random.default_rng(0)))
    np.testing.assert_array_equal(rows[:4], [[0, 1], [2, 3], [4, 5], [0, 1]])


def test_drawing_with_replacement_needs_no_epoch():
    rows = next(Batches(5, 3, "with_replacement").rows(np.random.default_rng(0)))
    assert rows.shape[1] == 3
    # 1,024 draws of 3 out of 5: the chance that none repeats an example in a batch is nil.
    assert any(len(set(row)) < 3 for row in rows.tolist())


@pytest.mark.parametrize("total", [1, 2, 5, 60, 10_000, 500_000])
def test_probes_stand_at_both_ends_and_grow_sparse(total):
    steps = probe_steps(total)
    assert steps[0] == 0
    assert steps[-1] == total - 1
    assert (np.diff(steps) > 0).all()
    assert len(steps) <= 10 + 14 * max(1, np.log10(total))


STOPPED = (
    "dataset={name: sine, samples: 40, noise: 0.5, validation: 0.5}",
    "network={layers: [{units: 50, activation: tanh}, {units: 1}]}",
    "optimizer={name: adam, learning_rate: 0.02}",
    "training={steps: 3000, early_stopping: {patience: 30}}",
)


def test_early_stopping_ends_the_run_and_keeps_its_best(built):
    subject = built(*STOPPED)
    result = train(subject)
    held_out = examples(subject.shape, *subject.validation)
    assert result.trace.ending.reason == "stopped early"
    assert 30 < result.trace.steps < 3000
    # The best of all epochs is 30 epochs (of one step) before the last one.
    again = train(built(*STOPPED, f"training={{steps: {result.trace.steps - 30}}}"))
    assert result.parameters == pytest.approx(again.parameters, rel=1e-9)
    assert loss(subject.shape, result.parameters, held_out) < subject.validation[1].var()


def test_early_stopping_needs_validation_examples(built):
    with pytest.raises(ConfigError, match="validation"):
        built("training={steps: 10, early_stopping: {patience: 3}}")

"""Settings that people brought, with the answer that is right for each kind."""

import itertools

import numpy as np
import pytest

import nndiag
from nndiag.checkup import Status, checkup
from nndiag.experiment import experiment_of
from nndiag.finding import Outcome
from nndiag.fixing import measured
from nndiag.remedies import Case, changed, remedy_of


def network(*layers):
    return {"layers": [{"units": units, "activation": name} for units, name in layers]}


@pytest.fixture
def config(tmp_path):
    """Makes a config on a table of inputs and one target."""

    def make(inputs, targets, *, validation=0.0, **settings):
        path = tmp_path / "data.csv"
        names = [f"x{column}" for column in range(inputs.shape[1])]
        table = np.column_stack([inputs, targets])
        header = ",".join([*names, "y"])
        np.savetxt(path, table, delimiter=",", header=header, comments="", fmt="%.17g")
        dataset = {"name": "csv", "path": str(path), "x": names, "y": ["y"]}
        return {"dataset": {**dataset, "validation": validation}, **settings}

    return make


def parity(bits):
    inputs = np.array(list(itertools.product([0.0, 1.0], repeat=bits)))
    return inputs, inputs.sum(axis=1) % 2


def problems(result):
    return {finding.problem for finding in result.findings}


def test_parity_is_not_taken_for_noise(config):
    settings = config(
        *parity(8),
        network=network((8, "relu"), (1, "sigmoid")),
        loss="binary_cross_entropy",
        optimizer={"name": "sgd", "learning_rate": 0.01},
        training={"epochs": 200, "batch_size": 32},
    )
    result = nndiag.train(settings)
    assert "nothing-to-learn" not in problems(result)
    assert result.outcome is not Outcome.CONVERGED
    assert result.diagnosis.failing  # half of the examples are wrong


def test_parity_is_cured_by_more_units_and_a_better_optimizer(config):
    settings = config(
        *parity(5),
        network=network((3, "relu"), (1, "sigmoid")),
        loss="binary_cross_entropy",
        optimizer={"name": "sgd", "learning_rate": 0.01},
        training={"epochs": 300, "batch_size": 8},
    )
    winner = nndiag.fix(settings).winner
    assert winner is not None
    assert winner.trial.run.accuracy >= 0.95
    assert "wider-layers" in winner.trial.remedies


def square(rows):
    """x² for x in ±500: inputs and targets are both off scale."""
    inputs = np.random.default_rng(0).uniform(-500, 500, (rows, 1))
    return inputs, inputs[:, 0] ** 2


SQUARE = {
    "network": network((8, "relu"), (1, "linear")),
    "optimizer": {"name": "rmsprop", "learning_rate": 0.01},
    "training": {"epochs": 120, "batch_size": 16},
    "validation": 0.2,
}


def test_a_run_that_rests_short_of_what_scaled_data_reach_is_told_of_their_scales(config):
    result = nndiag.train(config(*square(500), **SQUARE))
    assert {"unscaled-inputs", "unscaled-targets"} <= problems(result)


def test_inputs_and_targets_are_scaled_together_where_both_need_it(config):
    winner = nndiag.fix(config(*square(500), **SQUARE)).winner
    assert set(winner.trial.remedies) == {"standardized-inputs", "scaled-targets"}
    assert winner.trial.run.score >= 0.97


def shuffled(config, **changed):
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(500, 5))
    targets = rng.permutation(np.sin(inputs[:, 0]) + inputs[:, 1])
    return config(
        inputs,
        targets,
        network=network((64, "relu"), (64, "relu"), (1, "linear")),
        optimizer={"name": "adam", "learning_rate": 0.001},
        training={"epochs": 200, "batch_size": 32},
        **changed,
    )


def test_targets_that_are_only_known_by_heart_are_noise(config):
    result = nndiag.train(shuffled(config, validation=0.2))
    assert result.cause.finding.problem == "nothing-to-learn"
    assert "overfitting" in {finding.problem for finding in result.cause.explains}
    assert result.diagnosis.suggested == ()  # as `fix` says: no setting is against it


def test_a_handful_knows_a_summed_loss_and_examples_whose_targets_differ(config):
    line = np.linspace(-np.pi, np.pi, 400)
    settings = config(
        np.column_stack([line, line**2, line**3]),
        np.sin(line),
        network=network((1, "linear")),
        loss={"name": "mean_squared_error", "reduction": "sum"},
        optimizer={"name": "sgd", "learning_rate": 1e-6},
        training={"steps": 2000},
    )
    checks = {check.name: check for check in checkup(experiment_of(settings)).checks}
    assert checks["a handful can be learned"].status is Status.OK


def wave(rows, *, noise=0.1):
    """Two periods of a sine, under noise."""
    inputs = np.linspace(-3, 3, rows)[:, None]
    targets = np.sin(2 * inputs[:, 0]) + noise * np.random.default_rng(0).normal(size=rows)
    return inputs, targets


def test_a_fix_goes_on_with_what_the_run_of_its_best_cure_needs(config):
    """A rate that is halved all the time: without that, the run needs more steps as well."""
    schedule = {"name": "exponential", "every": 10, "factor": 0.5}
    settings = config(
        *wave(200),
        network=network((20, "tanh"), (1, "linear")),
        optimizer={"name": "sgd", "learning_rate": 0.1, "schedule": schedule},
        training={"epochs": 100, "batch_size": 32},
    )
    found = nndiag.fix(settings)
    alone = next(x for x in found.trials if x.remedies == ("constant-rate",))
    assert alone.cures
    assert set(found.winner.trial.remedies) > {"constant-rate"}
    assert found.winner.trial.error < 0.75 * alone.error


def test_a_run_that_one_bad_epoch_stopped_is_given_more_patience(config):
    settings = config(
        *wave(200, noise=0.02),
        validation=0.2,
        network=network((20, "tanh"), (1, "linear")),
        optimizer={"name": "adam", "learning_rate": 0.005},
        training={"epochs": 400, "batch_size": 16, "early_stopping": {"patience": 1}},
    )
    result = nndiag.train(settings)
    assert result.outcome is Outcome.IMPROVING
    assert result.cause.finding.problem == "not-enough-steps"
    assert result.diagnosis.suggested[0].remedy == "more-patience"
    first = nndiag.fix(settings).trials[0]
    assert first.remedies == ("more-patience",)
    assert first.cures


WAVE = np.linspace(-15, 15, 150)[:, None]


def test_steep_units_learn_a_wave_whose_periods_usual_ones_do_not_tell_apart(config):
    """Five periods on 24 units: what a fix tries there makes the difference by itself."""
    settings = config(
        WAVE,
        np.sin(WAVE),
        network=network((24, "tanh"), (1, "linear")),
        optimizer={"name": "adam", "learning_rate": 0.01},
        training={"steps": 800},
    )
    settings["dataset"]["scale_inputs"] = "standardize"
    usual = experiment_of(settings)
    steep = changed(usual, remedy_of("steep-first-layer").changes(Case(usual)))
    assert measured(usual).score < 0.2
    assert measured(steep).score > 0.95


def test_a_run_that_falls_to_no_better_than_its_network_reaches_has_too_few_units(config):
    """Two turns of a spiral on four units; the loss still falls when the run ends."""
    rng = np.random.default_rng(0)
    label = np.arange(300) % 2
    angle = 3 * np.pi * np.sqrt(rng.random(300))
    arm = angle + np.pi * label
    spiral = np.column_stack([angle * np.cos(arm), angle * np.sin(arm)]) / 9
    settings = config(
        spiral,
        label,
        network=network((4, "tanh"), (1, "sigmoid")),
        loss="binary_cross_entropy",
        optimizer={"name": "adam", "learning_rate": 0.02},
        training={"epochs": 600, "batch_size": 64},
    )
    assert nndiag.train(settings).diagnosis.cause.finding.problem == "too-few-units"


def test_a_rare_class_with_a_weak_signal_is_told_by_what_a_constant_gets_right(config):
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(1500, 6))
    chance = 1 / (1 + np.exp(1.6 - 0.6 * inputs[:, 0]))  # an AUC of 0.66, 82 % of them 0
    result = nndiag.train(
        config(
            inputs,
            (rng.random(1500) < chance).astype(float),
            validation=0.2,
            network=network((16, "relu"), (1, "sigmoid")),
            loss="binary_cross_entropy",
            optimizer={"name": "adam", "learning_rate": 0.002},
            training={"epochs": 40, "batch_size": 32},
        )
    )
    assert "nothing-to-learn" not in problems(result)
    assert result.cause.finding.problem == "imbalanced-classes"
    assert "a constant is right in 8" in result.cause.finding.message


def test_the_second_largest_of_ten_numbers_is_fixed_near_what_can_be_reached(config):
    """Scaled inputs and targets and Adam, not a rate so small that the raw ones bear it."""
    inputs = np.random.default_rng(0).uniform(0, 100, (600, 10))
    found = nndiag.fix(
        config(
            inputs,
            np.sort(inputs, axis=1)[:, -2],
            network=network((32, "relu"), (32, "relu"), (1, "linear")),
            optimizer={"name": "sgd", "learning_rate": 0.01},
            training={"epochs": 30, "batch_size": 32},
        )
    )
    assert {"standardized-inputs", "scaled-targets"} <= set(found.winner.trial.remedies)
    assert found.winner.trial.error <= 0.08

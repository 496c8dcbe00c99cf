"""The common scale: independent of loss, scaling and encoding."""

import numpy as np
import pytest

from nndiag.experiment.building import build
from nndiag.fixing.measure import (
    WORST_ERROR,
    OutOfTimeError,
    accuracy_of,
    measured,
    score_of,
)
from nndiag.nn.network import examples, predicted
from tests.fixing.conftest import EXPLODING, HEALTHY, experiment_from

XOR = {"name": "logic_gate", "gate": "xor"}
HIDDEN = {"units": 3, "activation": "tanh"}


def explained(predictions, targets):
    residual = ((predictions - targets) ** 2).sum(axis=0)
    return np.mean(1 - residual / ((targets - targets.mean(axis=0)) ** 2).sum(axis=0))


def test_the_score_is_the_explained_share_of_the_raw_targets():
    built = build(
        experiment_from(
            HEALTHY,
            dataset={"name": "linear_doubling", "samples": 9, "noise": 0.3, "low": 4, "high": 9,
                     "scale_targets": "standardize"},
        )
    )  # fmt: skip
    outputs = predicted(built.shape, built.parameters, examples(built.shape, *built.training)).T
    raw = built.target_scaling.undo(built.training[1])
    expected = explained(built.target_scaling.undo(outputs), raw)
    assert score_of(built, built.parameters) == pytest.approx(expected)


@pytest.mark.parametrize("loss", ["mean_squared_error", "mean_absolute_error", "huber"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_score_does_not_depend_on_the_loss(loss, reduction):
    built = build(experiment_from(HEALTHY, loss={"name": loss, "reduction": reduction}))
    reference = build(experiment_from(HEALTHY))
    assert score_of(built, built.parameters) == score_of(reference, reference.parameters)


def test_two_encodings_of_the_same_prediction_have_one_score():
    # p and (1 − p, p) as outputs of linear layers with given weights
    one = build(experiment_from(
        HEALTHY, dataset=XOR,
        network={"layers": [{"units": 1, "weights": [[0.2], [0.4]], "biases": [0.1]}]},
    ))  # fmt: skip
    two = build(experiment_from(
        HEALTHY, dataset={**XOR, "encoding": "one_hot"},
        network={"layers": [
            {"units": 2, "weights": [[-0.2, 0.2], [-0.4, 0.4]], "biases": [0.9, 0.1]}
        ]},
    ))  # fmt: skip
    assert score_of(two, two.parameters) == pytest.approx(score_of(one, one.parameters))
    assert accuracy_of(two, two.parameters) == accuracy_of(one, one.parameters)


def test_held_out_examples_count_where_they_are_worse():
    data = {"name": "sine", "samples": 12, "noise": 0.5, "inputs": "uniform", "validation": 0.4}
    network = {"layers": [{"units": 30, "activation": "tanh"}, {"units": 1}]}
    built = build(experiment_from(HEALTHY, dataset=data, network=network))
    scores = []
    for inputs, targets in (built.training, built.validation):
        outputs = predicted(built.shape, built.parameters, examples(built.shape, inputs, targets)).T
        scores.append(explained(outputs, targets))
    assert score_of(built, built.parameters) == pytest.approx(min(scores))


def test_classes_of_held_out_examples_count_where_they_are_worse():
    # a unit that says 1 where the first input is 1: wrong on one of the four rows
    data = {"name": "logic_gate", "gate": "or", "samples": 12, "validation": 0.25}
    step = {"units": 1, "weights": [[10.0], [0.0]], "biases": [-5.0]}
    built = build(experiment_from(HEALTHY, dataset=data, network={"layers": [step]}))
    shares = []
    for inputs, targets in (built.training, built.validation):
        shares.append(np.mean((inputs[:, 0] > 0.5) == (targets[:, 0] > 0.5)))
    assert shares[0] != shares[1]
    assert accuracy_of(built, built.parameters) == min(shares)


def test_targets_without_variance_have_no_score():
    data = {"name": "linear_doubling", "samples": 1}
    built = build(experiment_from(HEALTHY, dataset=data))
    assert score_of(built, built.parameters) is None


@pytest.mark.parametrize(("weights", "told"), [([0.5, 0.5], True), ([0.5, 0.0], False)])
def test_classes_are_told_by_an_unsure_network_that_is_right(weights, told):
    """Outputs of 0.1, 0.6, 0.6, 1.1 for the rows of "or"; or 0.1 for one of its ones, too."""
    unit = {"units": 1, "weights": [[weights[0]], [weights[1]]], "biases": [0.1]}
    run = measured(experiment_from(
        HEALTHY, dataset={**XOR, "gate": "or"}, network={"layers": [unit]},
        optimizer={"learning_rate": 1e-12}, training={"steps": 2},
    ))  # fmt: skip
    assert run.tells_classes is told


def test_there_is_no_accuracy_of_numbers():
    built = build(experiment_from(HEALTHY))
    assert accuracy_of(built, built.parameters) is None


def test_a_diverged_run_has_the_worst_error(exploding):
    assert exploding.error == WORST_ERROR
    assert exploding.needs_cure


def test_a_healthy_run_needs_no_cure(healthy):
    assert healthy.good
    assert not healthy.needs_cure
    assert healthy.error == pytest.approx(0, abs=1e-3)


def test_a_deadline_ends_a_training():
    long = experiment_from(EXPLODING, optimizer={"learning_rate": 1e-4}, training={"steps": 10**7})
    with pytest.raises(OutOfTimeError):
        measured(long, deadline=0.0)


def test_thresholds_of_the_config_are_used():
    ignoring = {"ignore": ["learning-rate-above-stability-limit"]}
    run = measured(experiment_from(EXPLODING, diagnosis=ignoring))
    assert "learning-rate-above-stability-limit" not in run.problems

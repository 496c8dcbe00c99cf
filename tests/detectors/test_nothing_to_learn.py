import numpy as np
import pytest

from nndiag.detectors import run
from nndiag.detectors.nothing_to_learn import shares_left_out
from nndiag.finding import Severity, Skipped

PROBLEM = "nothing-to-learn"


def data(signal, *, columns=1, examples=800, seed=0):
    """Inputs, and targets of which the share `signal` of the variance is a sine of the first."""
    rng = np.random.default_rng(seed)
    inputs = rng.uniform(-np.pi, np.pi, (examples, columns))
    noise = rng.normal(size=(examples, 1))
    wave = np.sqrt(2) * np.sin(inputs[:, :1])  # variance 1, as the noise
    return {"inputs": inputs, "targets": np.sqrt(signal) * wave + np.sqrt(1 - signal) * noise}


@pytest.mark.parametrize("columns", [1, 3, 8])
@pytest.mark.parametrize("examples", [200, 800])
def test_warns_of_targets_that_are_noise(columns, examples, curves, make_trace):
    facts = data(0.0, columns=columns, examples=examples)
    (finding,) = run(PROBLEM, make_trace(curves["stuck"], facts=facts))
    assert finding.severity is Severity.WARNING
    assert finding.message.startswith("the inputs say nothing about the targets")


@pytest.mark.parametrize("signal", [0.2, 0.5, 1.0])
@pytest.mark.parametrize("columns", [1, 3])
def test_stays_silent_on_a_signal_under_noise(columns, signal, curves, make_trace):
    facts = data(signal, columns=columns)
    assert run(PROBLEM, make_trace(curves["stuck"], facts=facts)) == []


def test_sees_a_product_of_two_inputs_among_five(curves, make_trace):
    rng = np.random.default_rng(1)
    inputs = rng.normal(size=(400, 5))
    facts = {"inputs": inputs, "targets": inputs[:, :1] * inputs[:, 1:2]}
    assert run(PROBLEM, make_trace(curves["stuck"], facts=facts)) == []


@pytest.mark.parametrize(
    ("columns", "wave"),
    [
        (1, lambda x: np.sin(6 * np.pi * x)),  # 18 periods over the range
        (2, lambda x: np.sign(np.sin(np.pi * x).prod(axis=1, keepdims=True))),  # a checker
        (3, lambda x: np.sign(x.prod(axis=1, keepdims=True))),  # the parity of three signs
    ],
)
def test_sees_a_signal_that_is_neither_linear_nor_quadratic(columns, wave, curves, make_trace):
    inputs = np.random.default_rng(2).uniform(-3, 3, (600, columns))
    facts = {"inputs": inputs, "targets": wave(inputs)}
    assert run(PROBLEM, make_trace(curves["stuck"], facts=facts)) == []


@pytest.mark.parametrize("seed", range(4))
def test_does_not_take_the_squares_of_a_chessboard_for_noise(seed, curves, make_trace):
    rows = np.random.default_rng(seed).permutation(64)[:48]  # neighbours always differ
    inputs = np.stack([rows // 8, rows % 8], axis=1).astype(float)
    facts = {"inputs": inputs, "targets": inputs.sum(axis=1, keepdims=True) % 2}
    assert run(PROBLEM, make_trace(curves["stuck"], facts=facts)) == []


def test_says_how_often_shuffled_targets_are_explained_as_well(curves, make_trace):
    (finding,) = run(PROBLEM, make_trace(curves["stuck"], facts=data(0.0)))
    better = int(finding.message.split("of shuffled targets in ")[1].split()[0])
    assert 1 <= better <= 99  # noise is one order among a hundred


def test_the_comparison_with_shuffled_targets_is_an_exact_test():
    rng, few = np.random.default_rng(3), 0
    for _ in range(60):
        found = shares_left_out(rng.normal(size=(60, 2)), rng.normal(size=(60, 1)))
        few += found.better < 5
    # The rank of noise among 100 orders is uniform: 3 of 60 in the mean, above 9 once in 1,500.
    assert few <= 9


def test_stays_silent_where_the_run_fits_the_data(curves, make_trace):
    facts = data(0.0)
    ending = {"predictions": facts["targets"]}
    assert run(PROBLEM, make_trace(curves["learned"], facts=facts, ending=ending)) == []


@pytest.mark.parametrize(("explained", "fires"), [(0.1, True), (0.3, False)])
def test_more_than_so_few_parameters_learn_by_heart_is_a_signal(
    explained, fires, curves, make_trace
):
    """800 examples, 30 + 11 parameters: noise lets them explain 1.5·41/800 + 0.05 = 13 %."""
    facts = data(0.0, columns=2)
    facts["initial_weights"] = (np.zeros((10, 2)), np.zeros((1, 10)))
    targets = facts["targets"]
    predictions = targets.mean() + (1 - np.sqrt(1 - explained)) * (targets - targets.mean())
    trace = make_trace(curves["stuck"], facts=facts, ending={"predictions": predictions})
    assert bool(run(PROBLEM, trace)) is fires


@pytest.mark.parametrize("column", [np.full((200, 1), 3.0), np.full((200, 1), np.nan)])
def test_stays_silent_on_constant_or_non_finite_inputs(column, curves, make_trace):
    facts = {**data(0.0, examples=200), "inputs": column}
    assert run(PROBLEM, make_trace(curves["stuck"], facts=facts)) == []


@pytest.mark.parametrize(("examples", "skipped"), [(39, True), (40, False)])
def test_forty_examples_are_its_boundary(examples, skipped, curves, make_trace):
    result = run(PROBLEM, make_trace(curves["stuck"], facts=data(0.0, examples=examples)))
    assert isinstance(result, Skipped) is skipped


def test_is_skipped_without_targets(curves, make_trace):
    result = run(PROBLEM, make_trace(curves["stuck"], facts={"targets": None}))
    assert result == Skipped(PROBLEM, "the trace has no targets")


def test_is_skipped_where_all_inputs_are_switches(make_trace):
    switches = np.array([[k >> bit & 1 for bit in range(6)] for k in range(64)], float)
    facts = {"inputs": switches, "targets": switches.sum(axis=1, keepdims=True) % 2}
    assert isinstance(run(PROBLEM, make_trace([1.0] * 20, facts=facts)), Skipped)


@pytest.mark.parametrize("seed", range(5))
def test_sees_a_rare_class_in_many_rows(seed):
    """One example in 25, its logit off by the first column: an AUC of about 0.8."""
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(2400, 6))
    chance = 1 / (1 + np.exp(4 - 1.3 * inputs[:, :1]))
    found = shares_left_out(inputs, (rng.random((2400, 1)) < chance).astype(float))
    assert found.better == 0
    assert found.shares["by a linear model"] > 0.02


@pytest.mark.parametrize(("follows", "fires"), [(2.8, True), (3.2, False)])
def test_predictions_that_follow_held_out_targets_have_found_something(
    follows, fires, curves, make_trace
):
    """A correlation of 3 standard errors, 3/√400: too little for the models to be sure of it."""
    rng = np.random.default_rng(0)
    ranks = np.linalg.qr(np.column_stack([np.ones(400), rng.normal(size=(400, 2))]))[0]
    share = follows / 20
    predictions = share * ranks[:, 1:2] + np.sqrt(1 - share**2) * ranks[:, 2:]
    facts = data(0.0) | {"validation_targets": ranks[:, 1:2]}
    facts |= {"validation_baseline_loss": 1.0}
    trace = make_trace(
        curves["stuck"],
        facts=facts,
        series={"validation_loss": [1.0] * 20, "training_loss": [1.0] * 20},
        ending={"validation_predictions": predictions},
    )
    assert bool(run(PROBLEM, trace)) is fires

import numpy as np
import pytest

from nndiag.detectors import run
from nndiag.finding import Severity, Skipped

PROBLEM = "loss-does-not-fit-output"
BINARY, CLASSES, SQUARED = "binary_cross_entropy", "softmax_cross_entropy", "mean_squared_error"
LABELS = (np.arange(64) >= 32).astype(float)[:, None]  # along with the inputs: learnable
ONE_HOT = np.column_stack([1 - LABELS, LABELS])


def outputs(activation, units=1):
    return ((10, "tanh"), (units, activation))


def made(make_trace, losses, *, loss, activation, targets=LABELS, ending=None):
    layers = outputs(activation, targets.shape[1])
    facts = {"loss": loss, "targets": targets}
    return make_trace(losses, layers=layers, facts=facts, ending=ending)


@pytest.mark.parametrize("shape", ["learned", "stuck", "falling"])
@pytest.mark.parametrize(
    ("loss", "activation"), [(BINARY, "softmax"), (CLASSES, "softmax"), (CLASSES, "sigmoid")]
)
def test_fires_on_one_unit_behind_a_softmax_whatever_the_run_did(
    loss, activation, shape, curves, make_trace
):
    trace = made(make_trace, curves[shape], loss=loss, activation=activation)
    (finding,) = run(PROBLEM, trace)
    assert finding.severity is Severity.ERROR
    assert "is 1, whatever it gets" in finding.message


@pytest.mark.parametrize(
    "targets",
    [
        2 * LABELS - 1,
        (np.arange(64) % 3).astype(float)[:, None],
        np.linspace(0, 7.5, 64)[:, None],
    ],
)
def test_fires_on_targets_outside_the_domain(targets, curves, make_trace):
    trace = made(make_trace, curves["learned"], loss=BINARY, activation="sigmoid", targets=targets)
    (finding,) = run(PROBLEM, trace)
    assert finding.severity is Severity.ERROR


@pytest.mark.parametrize(
    ("loss", "activation", "targets"),
    [
        (BINARY, "relu", LABELS),
        (BINARY, "tanh", LABELS),
        (BINARY, "linear", LABELS),
        (CLASSES, "sigmoid", ONE_HOT),
        (CLASSES, "relu", ONE_HOT),
        (CLASSES, "softmax", np.ones((64, 2)) * LABELS),  # rows of (1, 1) and (0, 0)
    ],
)
def test_fires_where_output_or_shares_do_not_suit_a_failed_run(
    loss, activation, targets, curves, make_trace
):
    trace = made(make_trace, curves["stuck"], loss=loss, activation=activation, targets=targets)
    (finding,) = run(PROBLEM, trace)
    assert (finding.severity, finding.layer) == (Severity.ERROR, "layer2")


@pytest.mark.parametrize("shape", ["learned", "falling"])
def test_stays_silent_where_an_unfit_output_learns_nevertheless(shape, curves, make_trace):
    trace = made(make_trace, curves[shape], loss=CLASSES, activation="sigmoid", targets=ONE_HOT)
    assert run(PROBLEM, trace) == []


def test_warns_where_only_the_loss_says_that_the_run_learned(curves, make_trace):
    # Linear outputs of 2 for class 1 count as 1 − 1e-7 in the loss, and are off by a whole class.
    ending = {"predictions": 2 * LABELS}
    trace = made(make_trace, curves["learned"], loss=BINARY, activation="linear", ending=ending)
    (finding,) = run(PROBLEM, trace)
    assert finding.severity is Severity.WARNING


@pytest.mark.parametrize(
    ("loss", "activation", "targets"),
    [
        (BINARY, "sigmoid", LABELS),
        (CLASSES, "softmax", ONE_HOT),
        (CLASSES, "linear", ONE_HOT),
        (SQUARED, "linear", 5 * LABELS),
        (CLASSES, "softmax", np.zeros((64, 1))),
    ],
)
def test_stays_silent_where_loss_output_and_targets_fit(
    loss, activation, targets, curves, make_trace
):
    trace = made(make_trace, curves["stuck"], loss=loss, activation=activation, targets=targets)
    assert run(PROBLEM, trace) == []


@pytest.mark.parametrize(("right", "fires"), [(54, True), (60, False)])
def test_warns_of_several_classes_behind_a_softmax_that_misses_some(
    right, fires, curves, make_trace
):
    """Of both classes' 64 labels so many are given as they are, the others as a half.

    Labels have variance 0.25, of which a half misses all: 10 or 4 of 64 are 16 or 6 %.
    """
    targets = np.column_stack([LABELS, LABELS])
    predictions = targets.copy()
    predictions[right:] = 0.5
    trace = made(
        make_trace, curves["learned"], loss=CLASSES, activation="softmax", targets=targets,
        ending={"predictions": predictions},
    )  # fmt: skip
    assert [x.severity for x in run(PROBLEM, trace)] == fires * [Severity.WARNING]


@pytest.mark.parametrize(("wrong", "fires"), [(12, False), (13, True)])
def test_a_fifth_of_the_classes_at_the_wrong_end_is_its_boundary(wrong, fires, curves, make_trace):
    predictions = 0.5 + 0.4 * (LABELS - 0.5)  # right, and far from both ends
    predictions[:wrong] = 0.99 - 0.98 * LABELS[:wrong]  # 13 of 64 are 20.3 %
    ending = {"predictions": predictions}
    trace = made(make_trace, curves["stuck"], loss=SQUARED, activation="sigmoid", ending=ending)
    assert bool(run(PROBLEM, trace)) is fires


@pytest.mark.parametrize("missing", ["targets", "loss"])
def test_is_skipped_without_its_facts(missing, curves, make_trace):
    facts = {"loss": BINARY, "targets": LABELS, missing: None}
    result = run(PROBLEM, make_trace(curves["stuck"], facts=facts))
    assert result == Skipped(PROBLEM, f"the trace has no {missing}")


@pytest.mark.parametrize(("off", "fires"), [(16, False), (17, True)])
def test_a_rectified_output_is_switched_off_for_more_than_half_of_a_class(
    off, fires, curves, make_trace
):
    predictions = 0.2 + np.zeros((64, 1))
    predictions[32 : 32 + off] = 0.0  # the upper class is the last 32 examples
    ending = {"predictions": predictions}
    trace = made(make_trace, curves["stuck"], loss=SQUARED, activation="relu", ending=ending)
    assert bool(run(PROBLEM, trace)) is fires


@pytest.mark.parametrize(("mean", "fires"), [(0.0, True), (0.5, True), (2.0, False)])
def test_silent_where_weights_of_one_sign_put_the_output_at_an_end(mean, fires, curves, make_trace):
    # of 10 inputs, a mean of 2 adds up to 2 · 10 / √2 = 14 × what He's weights give for equal ones
    hidden, last = np.full((10, 2), 0.1), mean + np.linspace(-0.1, 0.1, 10)[None, :]
    facts = {"loss": SQUARED, "targets": LABELS, "initial_weights": (hidden, last)}
    ending = {"predictions": np.ones((64, 1))}
    layers = outputs("sigmoid")
    trace = make_trace(curves["stuck"], layers=layers, facts=facts, ending=ending)
    assert bool(run(PROBLEM, trace)) is fires

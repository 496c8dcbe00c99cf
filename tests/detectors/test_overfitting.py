import numpy as np
import pytest

from nndiag.detectors import course_of, run
from nndiag.finding import Outcome, Severity, Skipped

PROBLEM = "overfitting"
FALLING = np.geomspace(1.0, 0.01, 21)
FELL = np.geomspace(1.0, 0.2, 11)


def losses(after):
    """A validation loss that falls to 0.2 by the 11th of 21 records and then goes to `after`."""
    return np.concatenate([FELL, np.linspace(0.2, after, 11)[1:]])


def made(make_trace, curve, *, held_out, training=FALLING):
    series = {"validation_loss": held_out, "training_loss": training}
    return make_trace(curve, series=series)


@pytest.mark.parametrize("after", [0.6, 1.5])
def test_warns_where_the_validation_loss_turns(after, curves, make_trace):
    (finding,) = run(PROBLEM, made(make_trace, curves["learned"], held_out=losses(after)))
    assert finding.severity is Severity.WARNING
    # The turn is at the 11th of 21 records of 200 steps, step 100; the smallest median of three
    # neighbours is one record before.
    assert "after step 90," in finding.message


@pytest.mark.parametrize("held_out", [FALLING + 0.1, np.full(21, 0.29), np.linspace(1.0, 0.2, 21)])
def test_stays_silent_where_it_falls_or_rests(held_out, curves, make_trace):
    assert run(PROBLEM, made(make_trace, curves["learned"], held_out=held_out)) == []


def test_stays_silent_where_both_losses_rise(curves, make_trace):
    trace = made(make_trace, curves["stuck"], held_out=losses(0.6), training=losses(0.6))
    assert run(PROBLEM, trace) == []


def test_stays_silent_where_the_validation_loss_wavers(curves, make_trace):
    wavering = 0.4 + 0.2 * (-1.0) ** np.arange(21)
    trace = made(make_trace, curves["learned"], held_out=wavering, training=FALLING**0.3)
    assert run(PROBLEM, trace) == []


def test_stays_silent_where_both_are_next_to_nothing(curves, make_trace):
    tiny = np.concatenate([np.geomspace(1.0, 1e-4, 11), np.geomspace(1e-4, 1e-3, 11)[1:]])
    assert run(PROBLEM, made(make_trace, curves["learned"], held_out=tiny)) == []


@pytest.mark.parametrize(("after", "fires"), [(0.267, False), (0.271, True)])
def test_three_tenths_above_the_best_is_its_boundary(after, fires, curves, make_trace):
    # The smallest median of three is one record after the turn, 0.2 + (after − 0.2)/10; the last
    # one is the last value. 1.3 times the first is the second at 0.234/0.87 = 0.269.
    trace = made(make_trace, curves["learned"], held_out=losses(after))
    assert bool(run(PROBLEM, trace)) is fires


@pytest.mark.parametrize(
    ("held_out", "training", "fires"),
    [(0.31, 0.07, True), (0.29, 0.07, False), (0.35, 0.089, False), (0.35, 0.087, True)],
)
def test_warns_where_only_the_training_examples_are_known(
    held_out, training, fires, curves, make_trace
):
    """The mean baseline's loss is 1: 0.3 of it has to be missed, and four times the other."""
    series = {"held_out": np.full(21, held_out), "training": np.full(21, training)}
    found = run(PROBLEM, made(make_trace, curves["learned"], **series))
    assert [finding.message for finding in found] == fires * [
        f"the validation examples are at loss {held_out}, the training examples at {training}: "
        "they are known by heart"
    ]


def test_is_skipped_without_held_out_examples(curves, make_trace):
    trace = make_trace(curves["learned"], series={"training_loss": FALLING})
    assert run(PROBLEM, trace) == Skipped(PROBLEM, "the trace has no validation loss")


def test_stays_silent_where_validation_lies_apart(curves, make_trace):
    inputs = np.linspace(-np.pi, np.pi, 64)[:, None]
    facts = {"inputs": inputs, "validation_inputs": inputs + 10}
    series = {"validation_loss": losses(1.5), "training_loss": FALLING}
    assert run(PROBLEM, make_trace(curves["learned"], series=series, facts=facts)) == []


def test_a_run_that_learns_by_heart_is_not_improving(curves, make_trace):
    trace = made(make_trace, curves["falling"], held_out=losses(0.6))
    assert course_of(trace).outcome is Outcome.CONVERGED

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


def made(make_trace, curve, *, held_out, training=FALLING, facts=None, **accuracies):
    series = {"validation_loss": held_out, "training_loss": training, **accuracies}
    return make_trace(curve, series=series, facts={"validation_baseline_loss": 1.0} | (facts or {}))


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


CLASSES = np.arange(100.0)[:, None] % 2


def of_classes(make_trace, curve, *, best, end, training=1.0, count=100, held_out=1.5):
    """A run whose validation accuracy goes from `best` at the turn to `end`."""
    facts = {"targets": CLASSES, "validation_targets": CLASSES[:count], "loss": "cross_entropy"}
    accuracy = np.concatenate([np.full(11, best), np.full(10, end)])
    return made(
        make_trace,
        curve,
        held_out=losses(held_out),
        training=FALLING * 10,  # so that nothing but the turn is seen
        facts=facts,
        validation_accuracy=accuracy,
        accuracy=np.full(21, training),
    )


@pytest.mark.parametrize(
    ("best", "end", "count", "severity"),
    [
        (0.93, 0.93, 100, Severity.NOTE),  # more confident, no more mistakes
        (0.94, 0.90, 100, Severity.NOTE),  # four examples: two standard errors, 2√4, are no less
        (0.95, 0.90, 100, Severity.WARNING),  # five: 2√5 = 4.5
        (0.75, 0.60, 20, Severity.NOTE),  # three of twenty
        (0.85, 0.60, 20, Severity.WARNING),
    ],
)
def test_a_turn_of_classes_costs_accuracy(best, end, count, severity, curves, make_trace):
    trace = of_classes(make_trace, curves["learned"], best=best, end=end, count=count, training=end)
    assert [finding.severity for finding in run(PROBLEM, trace)] == [severity]


def test_a_note_tells_that_it_costs_nothing(curves, make_trace):
    (note,) = run(PROBLEM, of_classes(make_trace, curves["learned"], best=0.97, end=0.97))
    assert note.message.endswith(
        "it costs nothing: accuracy of the validation examples 97 % at its best and 97 % at the "
        "end, of the training examples 100 %"
    )


def test_what_is_known_by_heart_costs_what_the_training_promises(curves, make_trace):
    """No turn costs anything here: the accuracy outside never was better than at the end."""
    trace = of_classes(make_trace, curves["learned"], best=0.6, end=0.6, held_out=1.5)
    trace.series["training_loss"].values[:] /= 10
    assert [finding.severity for finding in run(PROBLEM, trace)] == [Severity.WARNING]


def test_a_small_turn_of_numbers_costs_nothing(curves, make_trace):
    """From 0.02 to 0.04 of the mean baseline's loss the R² falls from 0.98 to 0.96."""
    small = np.concatenate([np.geomspace(1.0, 0.02, 11), np.linspace(0.02, 0.04, 11)[1:]])
    (note,) = run(PROBLEM, made(make_trace, curves["learned"], held_out=small))
    assert note.severity is Severity.NOTE
    assert "R² of the validation examples 0.98 at its best and 0.96 at the end" in note.message


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

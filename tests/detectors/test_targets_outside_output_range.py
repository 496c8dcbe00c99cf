import numpy as np
import pytest

from nndiag.detectors import run
from nndiag.finding import Severity, Skipped

PROBLEM = "targets-outside-output-range"
RAMP = np.linspace(0.0, 1.0, 64)[:, None]
AT_MINIMUM = {"newton_decrement": 0.0, "smallest_eigenvalue": 0.1, "largest_eigenvalue": 1.0}


def outputs(activation):
    return ((10, "tanh"), (1, activation))


@pytest.mark.parametrize(
    ("activation", "targets"),
    [("relu", RAMP - 0.5), ("tanh", 5 * RAMP), ("sigmoid", 1 + 9 * RAMP), ("softmax", 3 * RAMP)],
)
def test_fires_on_targets_that_cannot_be_reached(activation, targets, curves, make_trace):
    trace = make_trace(curves["stuck"], layers=outputs(activation), facts={"targets": targets})
    (finding,) = run(PROBLEM, trace)
    assert finding.severity is Severity.ERROR


def test_is_an_error_where_many_are_out_of_reach_even_if_half_was_learned(make_trace):
    trace = make_trace(
        np.full(200, 0.4), layers=outputs("relu"), facts={"targets": RAMP - 0.5}, ending=AT_MINIMUM
    )
    assert run(PROBLEM, trace)[0].severity is Severity.ERROR


def test_is_a_warning_where_the_run_learned_the_rest(curves, make_trace):
    facts = {"targets": 1.1 * RAMP}
    trace = make_trace(curves["learned"], layers=outputs("tanh"), facts=facts)
    assert run(PROBLEM, trace)[0].severity is Severity.WARNING


@pytest.mark.parametrize(
    ("activation", "targets"),
    [("sigmoid", np.round(RAMP)), ("tanh", 0.9 * RAMP), ("relu", RAMP), ("tanh", RAMP)],
)
def test_stays_silent_on_labels_and_on_targets_inside(activation, targets, curves, make_trace):
    facts = {"targets": targets}
    trace = make_trace(curves["learned"], layers=outputs(activation), facts=facts)
    assert run(PROBLEM, trace) == []


def test_warns_of_the_floor_of_an_end_that_is_only_approached(make_trace):
    short = np.minimum(RAMP, 0.8)  # all of the remaining error lies next to the end
    trace = make_trace(
        np.full(200, 0.05),
        layers=outputs("tanh"),
        facts={"targets": RAMP},
        ending={"predictions": short, **AT_MINIMUM},
    )
    (finding,) = run(PROBLEM, trace)
    assert finding.severity is Severity.WARNING
    assert "the end that a tanh output only approaches" in finding.message


@pytest.mark.parametrize(("above", "fires"), [(0, False), (1, True)])
def test_one_target_in_a_hundred_is_its_boundary(above, fires, curves, make_trace):
    targets = 0.5 * RAMP
    targets[:above] = 2.0  # 1 of 64 is 1.6 %
    trace = make_trace(curves["stuck"], layers=outputs("tanh"), facts={"targets": targets})
    assert bool(run(PROBLEM, trace)) is fires


def test_is_skipped_for_an_unbounded_output(curves, make_trace):
    result = run(PROBLEM, make_trace(curves["stuck"]))
    assert result == Skipped(PROBLEM, "a linear output layer reaches every target")


def test_is_skipped_without_targets(curves, make_trace):
    result = run(PROBLEM, make_trace(curves["stuck"], facts={"targets": None}))
    assert result == Skipped(PROBLEM, "the trace has no targets")

import numpy as np
import pytest

from nndiag.detectors import run
from nndiag.finding import Severity, Skipped

PROBLEM = "mismatched-data"
GROUPS = np.repeat([0.0, 1.0, 2.0, 3.0], 16)[:, None]  # four different inputs, 16 of each
WITHIN = np.tile([-1.0, 1.0], 32)[:, None]  # differs among equal inputs, variance 1


def made(make_trace, losses, *, inputs, targets):
    return make_trace(losses, facts={"inputs": inputs, "targets": targets})


@pytest.mark.parametrize("shape", ["stuck", "learned"])
def test_fires_on_inputs_that_are_all_the_same(shape, curves, make_trace):
    trace = made(make_trace, curves[shape], inputs=np.ones((64, 3)), targets=WITHIN)
    (finding,) = run(PROBLEM, trace)
    assert finding.severity is Severity.ERROR


def test_warns_of_equal_inputs_with_different_targets(curves, make_trace):
    trace = made(make_trace, curves["stuck"], inputs=GROUPS, targets=WITHIN)
    (finding,) = run(PROBLEM, trace)
    assert finding.severity is Severity.WARNING
    assert finding.message.startswith(
        "100% of the targets' variance is among equal inputs (4 different ones in 64)"
    )


@pytest.mark.parametrize(
    ("inputs", "targets"),
    [
        (np.arange(64.0)[:, None], WITHIN),  # all inputs differ
        (np.column_stack([np.ones(64), np.arange(64.0)]), WITHIN),  # one column is constant
        (GROUPS, GROUPS),  # equal inputs have equal targets
        (GROUPS, np.ones((64, 1))),  # nothing to tell apart
    ],
)
def test_stays_silent_where_inputs_tell_the_targets_apart(inputs, targets, curves, make_trace):
    assert run(PROBLEM, made(make_trace, curves["stuck"], inputs=inputs, targets=targets)) == []


def test_stays_silent_on_repeated_examples_of_a_run_that_learned(curves, make_trace):
    trace = made(make_trace, curves["learned"], inputs=GROUPS, targets=WITHIN)
    assert run(PROBLEM, trace) == []


@pytest.mark.parametrize(("size", "fires"), [(1.10, False), (1.13, True)])
def test_half_of_the_variance_is_its_boundary(size, fires, curves, make_trace):
    # The four groups' means have variance 5/4, what differs within has size²: half at 1.118.
    targets = GROUPS + size * WITHIN
    trace = made(make_trace, curves["stuck"], inputs=GROUPS, targets=targets)
    assert bool(run(PROBLEM, trace)) is fires


def test_is_skipped_without_inputs(curves, make_trace):
    result = run(PROBLEM, make_trace(curves["stuck"], facts={"inputs": None}))
    assert result == Skipped(PROBLEM, "the trace has no inputs")

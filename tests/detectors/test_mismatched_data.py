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
        "100 % of the targets' variance is among equal inputs (4 different ones in 64)"
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


def test_is_a_note_where_equal_inputs_have_noisy_targets_and_the_run_learned_their_means(
    make_trace,
):
    """Groups of means 0 to 3 under noise of variance 4: 5/21 of the variance is the groups'."""
    rng = np.random.default_rng(0)
    inputs = np.repeat([0.0, 1.0, 2.0, 3.0], 100)[:, None]
    targets = inputs + 2 * rng.normal(size=(400, 1))
    means = np.array([targets[inputs == group].mean() for group in range(4)])
    spread = ((targets - targets.mean()) ** 2).mean()
    rest = ((targets - means[inputs.astype(int)]) ** 2).mean()
    learned = np.linspace(spread, rest, 200)
    learned[100:] = rest
    facts = {"inputs": inputs, "targets": targets, "baseline_loss": spread, "batch_size": 400}
    (finding,) = run(PROBLEM, make_trace(learned, facts=facts))
    assert finding.severity is Severity.NOTE
    (finding,) = run(PROBLEM, make_trace(np.full(200, spread), facts=facts))
    assert finding.severity is Severity.WARNING


@pytest.mark.parametrize(("size", "fires"), [(1.10, False), (1.13, True)])
def test_half_of_the_variance_is_its_boundary(size, fires, curves, make_trace):
    # The four groups' means have variance 5/4, what differs within has size²: half at 1.118.
    targets = GROUPS + size * WITHIN
    trace = made(make_trace, curves["stuck"], inputs=GROUPS, targets=targets)
    assert bool(run(PROBLEM, trace)) is fires


def test_is_skipped_without_inputs(curves, make_trace):
    result = run(PROBLEM, make_trace(curves["stuck"], facts={"inputs": None}))
    assert result == Skipped(PROBLEM, "the trace has no inputs")

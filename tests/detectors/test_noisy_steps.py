import numpy as np
import pytest

from nndiag.detectors import course_of, run
from nndiag.finding import Severity, Skipped

PROBLEM = "noisy-steps"


def made(make_trace, losses, *, jump=0.5, batch=8, records=40):
    """A run in batches whose loss over all examples jumps by `jump` of its level, 0.8."""
    level = 0.8 * (1 + 0.5 * jump * (-1.0) ** np.arange(records))
    facts = {"batch_size": batch}
    return make_trace(losses, series={"training_loss": level}, facts=facts)


def test_fires_on_a_run_in_batches_that_does_not_come_to_rest(make_trace):
    (finding,) = run(PROBLEM, made(make_trace, np.full(200, 0.8)))
    assert finding.severity is Severity.ERROR
    assert finding.message == (
        "with batches of 8 the loss over all examples jumps by 50 % of its level, 0.8, "
        "from record to record"
    )


def test_stays_silent_where_only_the_batches_are_noisy(make_trace):
    batches = 0.8 + 0.4 * (-1.0) ** np.arange(200)
    assert run(PROBLEM, made(make_trace, batches, jump=0.0)) == []


def test_stays_silent_in_a_run_that_learned(curves, make_trace):
    facts, series = {"batch_size": 8}, {"training_loss": np.geomspace(1.0, 0.01, 40)}
    assert run(PROBLEM, make_trace(curves["learned"], facts=facts, series=series)) == []


def test_stays_silent_on_a_steady_fall(make_trace):
    """Each record lies 10 % below the last one; the second differences are 1 %."""
    series = {"training_loss": 0.9 ** np.arange(40) + 0.0}
    trace = make_trace(np.full(200, 0.8), series=series, facts={"batch_size": 8})
    assert run(PROBLEM, trace) == []


@pytest.mark.parametrize(("jump", "fires"), [(0.049, False), (0.051, True)])
def test_a_jump_of_a_twentieth_is_its_boundary(jump, fires, make_trace):
    # Ten records swing symmetrically around 0.8: their median is 0.8. No model learns noise: all of
    # the loss is thought to be in reach here.
    trace = made(make_trace, np.full(200, 0.8), jump=jump)
    assert course_of(trace).learned.left == pytest.approx(1.0, abs=0.01)
    assert bool(run(PROBLEM, trace)) is fires


def test_is_skipped_for_full_batches(make_trace):
    result = run(PROBLEM, made(make_trace, np.full(200, 0.8), batch=64))
    assert result == Skipped(PROBLEM, "each step sees all examples")


def test_is_skipped_with_few_records(make_trace):
    result = run(PROBLEM, made(make_trace, np.full(200, 0.8), records=19))
    assert result == Skipped(PROBLEM, "fewer than 20 records of the loss over all examples")

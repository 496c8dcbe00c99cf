import numpy as np
import pytest

from nndiag.detectors import run
from nndiag.finding import Severity, Skipped

PROBLEM = "learning-rate-above-stability-limit"


def rates(rate, ceiling=0.1, **more):
    return {"learning_rate": rate, "stability_ceiling": ceiling, **more}


@pytest.mark.parametrize(
    ("shape", "severity"),
    [
        ("exploded", Severity.ERROR),
        ("exploded_and_stuck", Severity.ERROR),
        ("learned", Severity.NOTE),
        ("recovered", Severity.NOTE),
        ("falling", Severity.NOTE),
    ],
)
def test_fires_as_gravely_as_the_run_failed(shape, severity, curves, make_trace):
    (finding,) = run(PROBLEM, make_trace(curves[shape], facts=rates(0.4)))
    assert finding.severity is severity
    assert "4 × the stability ceiling 0.1" in finding.message


def test_suggests_half_the_ceiling_and_the_mean_for_a_sum(curves, make_trace):
    facts = rates(0.4, reduction="half_sum")
    (finding,) = run(PROBLEM, make_trace(curves["exploded"], facts=facts))
    assert finding.remedies[:2] == ("optimizer.learning_rate=0.05", "loss.reduction=mean")


def test_a_failed_run_that_never_rose_has_another_reason(curves, make_trace):
    assert run(PROBLEM, make_trace(curves["stuck"], facts=rates(0.4))) == []


@pytest.mark.parametrize(("rate", "fires"), [(0.1, False), (0.101, True)])
def test_the_ceiling_is_its_boundary(rate, fires, curves, make_trace):
    assert bool(run(PROBLEM, make_trace(curves["exploded"], facts=rates(rate)))) is fires


def test_is_skipped_without_a_ceiling(curves, make_trace):
    result = run(PROBLEM, make_trace(curves["exploded"], facts=rates(0.4, None)))
    assert result == Skipped(PROBLEM, "the trace has no stability ceiling")


def grown(start, end):
    """A curvature that grows before step 100 of 200, with the rate at 0.8 × its first ceiling."""
    table = np.full(20, float(start))
    table[5:] = end
    return {"facts": rates(0.08, initial_sharpness=start), "series": {"sharpness": table}}


@pytest.mark.parametrize(("factor", "fires"), [(1.2, False), (1.3, True)])
def test_fires_where_the_curvature_grew_over_it_and_the_gain_was_lost(factor, fires, make_trace):
    losses = np.concatenate([np.linspace(1.0, 0.2, 150), np.full(50, 0.9)])
    found = run(PROBLEM, make_trace(losses, **grown(20.0, factor * 20.0)))
    assert bool(found) is fires  # 0.8 × 1.25 = 1


def test_curvature_after_the_blow_up_does_not_count(curves, make_trace):
    trace = make_trace(curves["exploded_and_stuck"], **grown(20.0, 2000.0))
    assert run(PROBLEM, trace) == []


def test_settling_at_the_edge_is_healthy(curves, make_trace):
    assert run(PROBLEM, make_trace(curves["learned"], **grown(20.0, 30.0))) == []

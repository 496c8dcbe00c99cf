import numpy as np
import pytest

from nndiag.detectors import run
from nndiag.finding import Severity, Skipped

PROBLEM = "learning-rate-above-stability-limit"


def rates(rate, stability_limit=0.1, **more):
    return {"learning_rate": rate, "stability_limit": stability_limit, **more}


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
    assert "4 × the stability limit 0.1" in finding.message


def test_a_failed_run_that_never_rose_has_another_reason(curves, make_trace):
    assert run(PROBLEM, make_trace(curves["stuck"], facts=rates(0.4))) == []


@pytest.mark.parametrize(("rate", "fires"), [(0.1, False), (0.101, True)])
def test_the_limit_is_its_boundary(rate, fires, curves, make_trace):
    assert bool(run(PROBLEM, make_trace(curves["exploded"], facts=rates(rate)))) is fires


def test_is_skipped_without_a_limit(curves, make_trace):
    result = run(PROBLEM, make_trace(curves["exploded"], facts=rates(0.4, None)))
    assert result == Skipped(PROBLEM, "the trace has no stability limit")


def grown(start, end):
    """A curvature that grows before step 100 of 200, with the rate at 0.8 × its first limit."""
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


def test_batches_bear_less_than_all_examples(curves, make_trace):
    facts = rates(0.08, noise_limit=0.02, batch_size=4)
    (finding,) = run(PROBLEM, make_trace(curves["exploded"], facts=facts))
    assert finding.message == (
        "learning rate 0.08 is 4 × what the noise of batches of 4 bears: 0.02"
    )


def test_a_run_that_learns_on_noisy_batches_is_not_told_so(curves, make_trace):
    facts = rates(0.08, noise_limit=0.02, batch_size=4)
    assert run(PROBLEM, make_trace(curves["learned"], facts=facts)) == []


@pytest.mark.parametrize(("step", "fires"), [(0.099, False), (0.101, True)])
def test_scaled_steps_are_held_against_the_weights(step, fires, curves, make_trace):
    """Adam has no stability limit: its first steps have a length, here in the layer moved least."""
    ratios = np.where(np.arange(20) < 5, step, 1e-6)[:, None] * [2.0, 1.0]
    series = {"update_ratio": ratios}
    trace = make_trace(curves["exploded"], facts=rates(0.3, None), series=series)
    assert bool(run(PROBLEM, trace)) is fires


def test_a_run_that_was_thrown_and_is_far_from_its_start_still_is_failing(make_trace):
    # Thrown to 3 × the mean baseline, and back to 0.98 of it by the end of 200 steps.
    losses = np.concatenate([np.full(20, 3.0), np.linspace(3.0, 0.98, 180)])
    losses[0] = 1.0
    (finding,) = run(PROBLEM, make_trace(losses, facts=rates(0.4)))
    assert finding.severity is Severity.ERROR


def test_too_few_steps_to_tell_are_no_failure(make_trace):
    losses = np.concatenate([[1.0], np.linspace(3.0, 0.95, 19)])
    (finding,) = run(PROBLEM, make_trace(losses, facts=rates(0.4)))
    assert finding.severity is Severity.NOTE


@pytest.mark.parametrize(("rate", "fires"), [(0.0199, False), (0.0201, True)])
def test_momentum_remembers_only_so_much(rate, fires, curves, make_trace):
    """β = 0.99, stability limit 0.199: plain descent bears 0.1, with momentum 20 × 0.01 of it."""
    facts = rates(rate, 0.199, settings={"optimizer": {"momentum": 0.99}})
    assert bool(run(PROBLEM, make_trace(curves["exploded"], facts=facts))) is fires


@pytest.mark.parametrize(("peak", "fires"), [(9.0, False), (11.0, True)])
def test_a_run_that_is_still_coming_back_from_a_blow_up_was_thrown(peak, fires, make_trace):
    # tenfold above its start is a blow-up; it ends at half the baseline, and still falls
    losses = np.concatenate([[1.0], np.geomspace(peak, 0.5, 199)])
    found = run(PROBLEM, make_trace(losses, facts=rates(0.4, baseline_loss=1.0)))
    graver = [x for x in found if x.severity is not Severity.NOTE]
    assert bool(graver) is fires


@pytest.mark.parametrize(("share", "fires"), [(0.4, False), (0.6, True)])
def test_outputs_that_were_thrown_to_a_flat_end_tell_of_it(share, fires, curves, make_trace):
    shares = np.zeros((20, 2))
    shares[3:, 1] = share  # of the last layer, from the fourth record on
    trace = make_trace(curves["stuck"], series={"saturated_share": shares}, facts=rates(0.4))
    assert bool(run(PROBLEM, trace)) is fires

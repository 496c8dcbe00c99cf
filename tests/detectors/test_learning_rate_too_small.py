import numpy as np
import pytest

from nndiag.detectors import run
from nndiag.finding import Severity, Skipped

PROBLEM = "learning-rate-too-small"


def made(make_trace, losses, *, step=1e-5, **facts):
    """A run whose layers take steps of `step` of their weights."""
    known = {"learning_rate": 1e-4, "stability_limit": 2.0, **facts}
    return make_trace(losses, series={"update_ratio": np.full((20, 2), step)}, facts=known)


def test_fires_far_below_the_limit(curves, make_trace):
    (finding,) = run(PROBLEM, made(make_trace, curves["stuck"]))
    assert finding.severity is Severity.ERROR
    # half the stability limit is 1; 199 steps of 1e-5 are 0.002 of the weights' length
    assert finding.message == (
        "learning rate 0.0001 is far below half the stability limit, 1; "
        "200 such steps move the weights by 0.002 of their length"
    )


@pytest.mark.parametrize(("rate", "fires"), [(4e-3, True), (6e-3, False)])
def test_weights_that_start_at_zero_are_told_by_the_steepest_direction(
    rate, fires, curves, make_trace
):
    # 200 steps of 0.004 at a curvature of 1 (limit 2) go 0.8 of the way, of 0.006 go 1.2
    ratios = np.full((20, 2), 1e-5)
    ratios[0] = np.inf
    facts = {"learning_rate": rate, "stability_limit": 2.0}
    trace = make_trace(curves["stuck"], series={"update_ratio": ratios}, facts=facts)
    assert bool(run(PROBLEM, trace)) is fires


def test_fires_on_tiny_steps_where_there_is_no_limit(curves, make_trace):
    assert run(PROBLEM, made(make_trace, curves["stuck"], stability_limit=None))


@pytest.mark.parametrize("shape", ["learned", "exploded", "falling"])
def test_stays_silent_in_a_run_that_learns_or_diverges(shape, curves, make_trace):
    assert run(PROBLEM, made(make_trace, curves[shape])) == []


@pytest.mark.parametrize("step", [0.0, 0.1])
def test_stays_silent_where_nothing_moves_or_everything_did(step, curves, make_trace):
    # no step at all: no rate helps; 199 steps of 0.1: the weights moved by twenty lengths
    assert run(PROBLEM, made(make_trace, curves["stuck"], step=step)) == []


@pytest.mark.parametrize(("rate", "fires"), [(0.0099, True), (0.0101, False)])
def test_a_hundredth_of_half_the_limit_is_its_boundary(rate, fires, curves, make_trace):
    trace = made(make_trace, curves["stuck"], learning_rate=rate)
    assert bool(run(PROBLEM, trace)) is fires


@pytest.mark.parametrize(("rate", "fires"), [(0.0024, True), (0.0026, False)])
def test_small_batches_may_have_smaller_rates(rate, fires, curves, make_trace):
    # 16 of 64 examples: a quarter of 0.01
    trace = made(make_trace, curves["stuck"], learning_rate=rate, batch_size=16)
    assert bool(run(PROBLEM, trace)) is fires


@pytest.mark.parametrize(("step", "fires"), [(0.99e-4, True), (1.01e-4, False)])
def test_a_ten_thousandth_of_the_weights_is_its_boundary(step, fires, curves, make_trace):
    trace = made(make_trace, curves["stuck"], step=step, stability_limit=None)
    assert bool(run(PROBLEM, trace)) is fires


@pytest.mark.parametrize(("halfway", "fires"), [(1e-3, True), (0.1, False)])
def test_judges_the_rate_that_was_left_of_it_by_decay(halfway, fires, curves, make_trace):
    series = {"update_ratio": np.full((20, 2), 1e-5), "learning_rate": np.full(20, halfway)}
    facts = {"learning_rate": 1.0, "stability_limit": 2.0}
    found = run(PROBLEM, make_trace(curves["stuck"], series=series, facts=facts))
    assert bool(found) is fires


def test_is_skipped_without_its_series(curves, make_trace):
    result = run(PROBLEM, make_trace(curves["stuck"], facts={"learning_rate": 0.1}))
    assert result == Skipped(PROBLEM, "the trace has no update ratio")


@pytest.mark.parametrize(("share", "fires"), [(0.4, True), (0.6, False)])
def test_no_rate_helps_where_units_are_saturated_from_the_start(share, fires, curves, make_trace):
    tables = {"update_ratio": np.full((20, 2), 1e-5), "saturated_share": np.zeros((20, 2))}
    tables["saturated_share"][:, 1] = share  # the last layer
    facts = {"learning_rate": 1e-4, "stability_limit": 2.0}
    assert bool(run(PROBLEM, make_trace(curves["stuck"], series=tables, facts=facts))) is fires

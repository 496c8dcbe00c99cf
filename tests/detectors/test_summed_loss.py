import numpy as np
import pytest

from nndiag.detectors import run
from nndiag.finding import Severity, Skipped

PROBLEM = "summed-loss"
# 64 examples with one target each: the mean's stability limit is 64 × that of the sum.
SUM = {"reduction": "sum", "loss": "mean_squared_error", "stability_limit": 0.01}


def test_fires_where_the_mean_would_be_stable(curves, make_trace):
    facts = {**SUM, "learning_rate": 0.5}
    (finding,) = run(PROBLEM, make_trace(curves["exploded"], facts=facts))
    assert finding.severity is Severity.ERROR
    assert finding.message == (
        "the loss is a sum of 64 terms: learning rate 0.5 is 50 × the sum's stability limit, "
        "0.78 × that of the mean"
    )


@pytest.mark.parametrize(("batch", "terms"), [(16, 16), (64, 64), (1000, 64)])
def test_counts_the_examples_that_a_step_sees(batch, terms, curves, make_trace):
    facts = {**SUM, "learning_rate": 0.15, "batch_size": batch}
    (finding,) = run(PROBLEM, make_trace(curves["exploded"], facts=facts))
    assert f"a sum of {terms} terms" in finding.message


@pytest.mark.parametrize(
    ("rate", "fires"), [(0.063, False), (0.065, True), (1.27, True), (1.29, False)]
)
def test_a_tenth_and_twice_the_limit_of_the_mean_are_its_boundaries(
    rate, fires, curves, make_trace
):
    # 0.01 is the sum's stability limit, 0.64 that of the mean.
    facts = {**SUM, "learning_rate": rate}
    assert bool(run(PROBLEM, make_trace(curves["exploded"], facts=facts))) is fires


@pytest.mark.parametrize("shape", ["learned", "falling", "stuck"])
def test_stays_silent_in_a_run_that_was_not_thrown(shape, curves, make_trace):
    trace = make_trace(curves[shape], facts={**SUM, "learning_rate": 0.5})
    assert run(PROBLEM, trace) == []


def test_is_skipped_for_a_mean(curves, make_trace):
    facts = {**SUM, "reduction": "mean", "learning_rate": 0.5}
    result = run(PROBLEM, make_trace(curves["exploded"], facts=facts))
    assert result == Skipped(PROBLEM, "the loss is a mean")


def test_is_skipped_without_a_limit(curves, make_trace):
    result = run(PROBLEM, make_trace(curves["exploded"], facts={"reduction": "sum"}))
    assert isinstance(result, Skipped)


@pytest.mark.parametrize(("times", "fires"), [(1, True), (10, True), (1000, False)])
def test_inputs_that_are_off_scale_account_for_their_part_of_the_excess(
    times, fires, curves, make_trace
):
    # Inputs of size 6 account for 0.5 · 6², beside twice the limit of the mean, 1.28: 23 in all.
    inputs = np.linspace(-1, 1, 64)[:, None] * 6 * np.sqrt(3)
    facts = {**SUM, "inputs": inputs, "learning_rate": 1.27 * times}
    assert bool(run(PROBLEM, make_trace(curves["exploded"], facts=facts))) is fires

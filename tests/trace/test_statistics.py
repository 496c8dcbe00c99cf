"""Summaries say what a person would read off the curve."""

from dataclasses import replace

import numpy as np
import pytest

from nndiag.trace import Ending, Facts, Series, Trace
from nndiag.trace.statistics import layer_gradients, log_profile, loss_summary


def trace_of(losses, **known):
    losses = np.asarray(losses, dtype=float)
    return Trace(np.arange(len(losses)), losses, **known)


def with_gradients(values, **facts):
    values = np.asarray(values, dtype=float)
    steps = np.arange(len(values))
    series = {"gradient_norm": Series(steps, values[:, None])}
    return trace_of(np.ones(len(values)), series=series, layers=("layer1",), facts=Facts(**facts))


def test_gradients_are_medians_of_the_first_middle_and_last_steps():
    # 300 steps: windows of 20; medians of 0…19, 140…159 and 280…299
    (layer,) = layer_gradients(with_gradients(np.arange(300)))
    assert (layer.first, layer.middle, layer.end) == (9.5, 149.5, 289.5)
    assert layer.change == pytest.approx(289.5 / 9.5)


def test_gradients_of_the_full_batch_are_those_of_single_steps():
    facts = {"inputs": np.zeros((4, 1)), "batch_size": 4}
    (layer,) = layer_gradients(with_gradients(10.0 ** np.arange(0, 300, 3), **facts))
    assert (layer.first, layer.middle, layer.end) == pytest.approx((1, 10.0**147, 10.0**297))


def test_a_gradient_that_ends_infinite_is_not_hidden_by_the_median():
    (layer,) = layer_gradients(with_gradients([*np.ones(299), np.inf]))
    assert layer.end == np.inf
    assert layer.change == np.inf
    assert layer.largest == 1  # of the finite ones


def test_a_single_step_is_its_own_beginning_and_end():
    (layer,) = layer_gradients(with_gradients([2.0]))
    assert (layer.first, layer.middle, layer.end) == (2.0, 2.0, 2.0)


def test_without_gradients_there_is_no_table():
    assert layer_gradients(trace_of([1.0])) == ()


def test_the_best_loss_is_the_smallest_finite_one():
    summary = loss_summary(trace_of([3.0, 1.0, 2.0, np.inf]))
    assert (summary.initial, summary.final, summary.best, summary.best_step) == (3, np.inf, 1, 1)


def test_the_loss_after_the_last_update_is_the_final_one_and_may_be_the_best():
    summary = loss_summary(trace_of([3.0, 1.0], ending=Ending("finished", 0.5)))
    assert (summary.final, summary.best, summary.best_step) == (0.5, 0.5, 2)


def test_the_loss_of_one_lucky_batch_is_not_the_best_loss():
    facts = Facts(inputs=np.zeros((10, 1)), batch_size=1)
    measured = {"training_loss": Series(np.array([0, 2]), np.array([0.9, 0.4]))}
    summary = loss_summary(trace_of([5.0, 1e-9, 0.3], facts=facts, series=measured))
    assert (summary.initial, summary.best, summary.best_step) == (0.9, 0.4, 2)


@pytest.mark.parametrize("losses", [[], [np.nan], [np.inf, np.nan]])
def test_a_run_without_a_finite_loss_has_no_best(losses):
    assert loss_summary(trace_of(losses)).best_step is None


def test_a_profile_of_one_column_per_step_is_the_logarithm():
    losses = np.geomspace(1, 1e-3, 50)
    np.testing.assert_allclose(log_profile(trace_of(losses), columns=50), np.log10(losses))


def test_a_profile_keeps_a_start_and_an_end_that_a_mean_would_hide():
    losses = np.ones(1000)
    losses[0], losses[-1] = 1e-3, 1e3
    profile = log_profile(trace_of(losses), columns=10)
    assert (profile[0], profile[-1]) == pytest.approx((-3, 3))
    np.testing.assert_allclose(profile[1:-1], 0, atol=1e-12)


def test_a_falling_loss_has_a_falling_profile():
    profile = log_profile(trace_of(np.geomspace(1, 1e-9, 5003)), columns=70)
    assert (np.diff(profile) <= 0).all()


def test_swings_between_columns_are_seen():
    profile = log_profile(trace_of(np.tile([1.0, 10.0], 500)), columns=10)
    assert profile[1:-1].tolist() == [0, 1, 0, 1, 0, 1, 0, 1]


def test_a_noisy_run_shows_the_mean_of_its_batches():
    facts = Facts(inputs=np.zeros((10, 1)), batch_size=1)
    losses = np.tile([1e-12, 2.0], 500)  # mean 1 in every column
    profile = log_profile(trace_of(losses, facts=facts), columns=10)
    np.testing.assert_allclose(profile, 0, atol=1e-12)


def test_losses_near_the_largest_float_do_not_overflow():
    profile = log_profile(trace_of(np.full(100, 1e308)), columns=10)
    np.testing.assert_allclose(profile, 308, rtol=1e-6)


def test_a_loss_of_zero_is_drawn_at_the_smallest_positive_one():
    profile = log_profile(trace_of([1.0, 0.1, 0.0]), columns=3)
    np.testing.assert_allclose(profile, [0, -1, -1])


def test_a_summary_leaves_the_trace_as_it_was():
    trace = trace_of([1.0, 0.0, np.nan, np.inf])
    before = replace(trace, loss=trace.loss.copy())
    log_profile(trace, columns=2)
    loss_summary(trace)
    np.testing.assert_array_equal(trace.loss, before.loss)

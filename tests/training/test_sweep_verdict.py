"""What becomes of short runs, told from runs made by hand."""

import numpy as np
import pytest

from nndiag.training.sweep_ranking import band_of, best_of, rates_of
from nndiag.training.sweep_runs import ShortRun
from nndiag.training.sweep_verdict import Fate, fates_of, removed, threshold_of


def run(rate, final, **known):
    """A run that started at the mean baseline's loss, 1, and ended at `final`."""
    steps = np.array([0, 10, 100])
    values = {
        "seed": 0,
        "initial": 1.0,
        "reference": 1.0,
        "steps": steps,
        "curve": np.array([1.0, (1 + min(final, 1e3)) / 2, final]),
        "peak": max(1.0, final),
        "lost_at": None if np.isfinite(final) else 7,
        "swing": 0.0,
        "amplitude": 0.0,
        "flat_share": None,
    }
    return ShortRun(rate=rate, final=final, **(values | known))


GOOD = [run(0.001, 0.99), run(0.01, 0.5), run(0.1, 0.01)]


@pytest.mark.parametrize(
    ("last", "fate"),
    [
        (run(1.0, 0.02), Fate.WORKS),
        (run(1.0, 0.3), Fate.WORSE),
        (run(1.0, np.inf), Fate.DIVERGES),
        (run(1.0, 50.0), Fate.BLOWS_UP),
        (run(1.0, 50.0, flat_share=0.9), Fate.SATURATED),
        (run(1.0, 0.97), Fate.STUCK),
        (run(1.0, 0.97, flat_share=0.9), Fate.SATURATED),
        (run(1.0, 0.97, swing=0.5, amplitude=1.0), Fate.OSCILLATES),
        (run(1.0, 0.97, swing=0.5, amplitude=0.001), Fate.STUCK),
        (run(1.0, 0.6, peak=40.0), Fate.STUCK),
        (run(1.0, 0.05, peak=40.0), Fate.WORKS),
    ],
)
def test_tells_what_became_of_the_largest_rate(last, fate):
    assert fates_of([*GOOD, last])[1.0] is fate


def test_below_the_best_a_rate_is_slow_or_too_small():
    assert list(fates_of(GOOD).values()) == [Fate.TOO_SMALL, Fate.SLOW, Fate.WORKS]


def test_a_start_below_the_best_constant_has_to_be_improved_on():
    assert removed(run(0.1, 0.3, initial=0.4)) == pytest.approx(1 - 0.3 / 0.4)


def test_where_nobody_learns_no_rate_works():
    fates = fates_of([run(0.01, 0.999), run(0.1, 0.99), run(1.0, 0.98)])
    assert set(fates.values()) == {Fate.TOO_SMALL}


def test_a_lucky_run_beyond_the_threshold_is_no_measure_for_those_below():
    fates = fates_of([run(0.01, 0.5), run(0.1, 0.2), run(1.0, np.inf), run(2.0, 0.01)])
    assert fates[0.1] is Fate.WORKS


def test_the_threshold_is_where_the_first_rate_fails():
    threshold = threshold_of(fates_of([*GOOD, run(1.0, np.inf), run(10.0, np.inf)]))
    assert (threshold.stable, threshold.unstable, threshold.fate) == (0.1, 1.0, Fate.DIVERGES)


def test_without_a_failure_there_is_no_threshold():
    assert threshold_of(fates_of(GOOD)) is None


def test_one_unlucky_run_among_good_ones_is_no_threshold():
    unlucky = run(0.05, 0.9, peak=10.0)
    runs = [run(0.01, 0.3), unlucky, run(0.1, 0.01), run(0.2, 0.01)]
    assert fates_of(runs)[0.05] is Fate.STUCK
    assert threshold_of(fates_of(runs)) is None


def test_of_equally_good_rates_the_faster_one_is_best():
    slow = run(0.1, 0.01, curve=np.array([1.0, 0.9, 0.01]))
    fast = run(0.3, 0.0102, curve=np.array([1.0, 0.05, 0.0102]))
    assert best_of(rates_of([slow, fast])).value == 0.3


def test_a_rate_at_which_one_seed_fails_is_not_best():
    runs = [run(0.1, 0.02), run(0.1, 0.02, seed=1), run(0.3, 0.01), run(0.3, np.inf, seed=1)]
    assert best_of(rates_of(runs)).value == 0.1


def test_chance_is_evened_out_with_the_neighbours():
    """Three seeds that disagree: one lucky rate among bad ones loses to the middle of good ones."""
    finals = {
        0.01: (0.30, 0.02, 0.08),
        0.02: (0.02, 0.09, 0.03),
        0.04: (0.08, 0.03, 0.02),
        0.08: (0.03, 0.02, 0.10),
        0.16: (0.02, 0.30, 0.09),
        0.32: (0.03, 0.03, 0.03),
        0.64: (0.30, 0.30, 0.30),
    }
    runs = [
        run(rate, final, seed=seed)
        for rate, values in finals.items()
        for seed, final in enumerate(values)
    ]
    assert 0.02 <= best_of(rates_of(runs)).value <= 0.08


def test_without_chance_the_lowest_loss_is_best_even_at_the_rim():
    runs = [
        run(rate, final, seed=seed)
        for rate, final in ((0.01, 0.3), (0.02, 0.1), (0.04, 0.03), (0.08, 0.01))
        for seed in range(3)
    ]
    assert best_of(rates_of(runs)).value == 0.08


def test_the_band_goes_over_one_weak_rate_and_ends_at_the_first_unstable_one():
    losses = [(0.001, 0.9), (0.01, 0.02), (0.02, 0.2), (0.04, 0.01), (0.08, np.inf), (0.16, 0.02)]
    rates = rates_of([run(rate, loss) for rate, loss in losses])
    assert band_of(rates, [rate for rate in rates if rate.works and rate.value < 0.08]) == (
        0.01,
        0.04,
    )


def test_one_unlucky_run_among_slow_ones_is_no_threshold():
    risen = run(0.02, 0.9, peak=9.0)
    fates = fates_of([*GOOD[:2], risen, run(0.03, 0.5), run(0.05, 0.4), GOOD[2], run(1.0, np.inf)])
    assert fates[0.02] is Fate.STUCK
    assert threshold_of(fates).stable == 0.1

"""Which rate is recommended, and with how many seeds it learns, told from runs made by hand."""

import numpy as np
import pytest

from nndiag.training.sweep_choice import choice_of
from nndiag.training.sweep_ranking import rates_of
from nndiag.training.sweep_search import RateSearch
from tests.training.test_sweep_verdict import run

SEEDS = range(6)


class Trainer:
    """Runs that only learn with some of the seeds."""

    def __init__(self, lucky):
        self.lucky = lucky

    def train(self, pairs, *, steps=None):
        return [run(rate, 0.01 if seed in self.lucky else 0.99, seed=seed) for rate, seed in pairs]


def chosen(lucky):
    """The choice where the sweep's own three seeds all learned at its best rate."""
    search = RateSearch(Trainer(lucky), (0, 1, 2), steps=100)
    for rate, final in {0.01: 0.5, 0.1: 0.01, 1.0: np.inf}.items():
        for seed in (0, 1, 2):
            search.runs[rate, seed] = run(rate, final, seed=seed)
    working = [rate for rate in rates_of(search.runs.values()) if rate.works]
    return choice_of(search, working, threshold=0.5, seeds=tuple(SEEDS), steps=100)


@pytest.mark.parametrize(("lucky", "learned"), [({3, 4, 5}, 6), ({3}, 4), (set(), 3)])
def test_a_rate_that_learns_with_half_of_the_seeds_is_recommended_with_their_number(lucky, learned):
    choice = chosen(lucky)
    assert choice.recommended == 0.1
    assert (choice.learned, len(choice.runs)) == (learned, 6)


def test_a_rate_that_learns_with_fewer_is_not_recommended():
    search = RateSearch(Trainer({0}), (0,), steps=100)
    search.try_rates([0.01, 0.1, 1.0])
    search.runs[0.01, 0] = run(0.01, 0.5)
    search.runs[1.0, 0] = run(1.0, np.inf)
    working = [rate for rate in rates_of(search.runs.values()) if rate.works]
    choice = choice_of(search, working, threshold=0.5, seeds=(0, 1, 2), steps=100)
    assert choice.best.value == 0.1
    assert choice.recommended is None


@pytest.mark.parametrize(("width", "runs"), [(1.03, 0), (1.1, 2), (10**0.25, 6)])
def test_the_bracket_of_an_threshold_is_narrowed_to_four_percent(width, runs):
    """Each round of two points divides its logarithm by three."""

    class Trainer:
        def train(self, pairs, *, steps=None):
            return [run(rate, 0.01 if rate < 1.0 else np.inf) for rate, _ in pairs]

    search = RateSearch(Trainer(), (0,), steps=100)
    low = width**-0.5  # the divergence threshold, at 1, in the middle of the bracket
    search.try_rates([0.001, 0.1, low, low * width])
    search.bisect()
    assert len(search.runs) == 4 + runs
    stable = max(rate for (rate, _), one in search.runs.items() if one.lost_at is None)
    unstable = min(rate for (rate, _), one in search.runs.items() if one.lost_at is not None)
    assert unstable / stable <= 1.04


class Finals:
    """Longer runs whose losses are known by rate."""

    def __init__(self, finals):
        self.finals, self.made = finals, []

    def train(self, pairs, *, steps=None):
        self.made += [(rate, seed, steps) for rate, seed in pairs]
        return [run(rate, self.finals[rate], seed=seed) for rate, seed in pairs]


def finals(losses, *, seeds=(0, 1, 2)):
    """The choice among rates that work alike in short runs, and the longer runs it was made by."""
    trainer = Finals(losses)
    search = RateSearch(trainer, seeds, steps=100)
    for rate in losses:
        for seed in seeds:
            search.runs[rate, seed] = run(rate, 0.01, seed=seed)
    working = rates_of(search.runs.values())
    choice = choice_of(search, working, threshold=np.inf, seeds=seeds, steps=400)
    made = {}
    for rate, seed, steps in trainer.made:
        assert steps == 400
        made.setdefault(rate, []).append(seed)
    return choice, made


@pytest.mark.parametrize(("share", "seeds"), [(2.9, 3), (3.1, 1)])
def test_other_seeds_run_longer_only_where_the_first_leaves_less_than_three_times_the_best(
    share, seeds
):
    choice, made = finals({0.01: 0.001 * share, 0.1: 0.001, 1.0: 0.5})
    assert choice.best.value == 0.1
    assert {rate: len(own) for rate, own in made.items()} == {0.01: seeds, 0.1: 3, 1.0: 1}


def test_no_run_is_made_twice_for_a_rate_that_is_rounded():
    # 0.0131 is recommended as 0.013, less than four percent lower; 0.139 as 0.13, more
    choice, made = finals({0.0131: 0.001})
    assert (choice.recommended, made) == (0.013, {0.0131: [0, 1, 2]})
    assert len(choice.runs) == 3
    choice, made = finals({0.139: 0.001, 0.13: 0.5})
    assert (choice.recommended, made[0.13]) == (0.13, [0, 1, 2])

"""The best rate and the recommended one: finals of longer runs, then a check with fresh seeds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from nndiag.training.sweep_flow import guide_of
from nndiag.training.sweep_ranking import RankedRate, best_of, rates_of
from nndiag.training.sweep_runs import ShortRun
from nndiag.training.sweep_search import RateSearch
from nndiag.training.sweep_verdict import LEARNS, Fate, removed

_REACH = 100.0  # rates down to this share of the best short run's come into the finals
_APART = 2  # places of the grid between two of them
_HOPELESS = 3.0  # losses over the lowest one's of the first seed that no other seed makes up for
_SAME = 1.04  # a rate rounded down by less is the same
_MARGIN = 1.5  # a recommended rate stays this far below the divergence threshold
_STEP_BACK = 2.0  # … and goes down by this where a fresh seed fails
_TRIES = 4


@dataclass(frozen=True, eq=False)
class Choice:
    """The best and the recommended rate.

    Attributes:
        best: The best rate, with the runs that decided it.
        best_of_seeds: Smallest and largest best rate of a single seed.
        recommended: The recommended rate; None where no rate learns with half of the seeds, fresh
            ones among them.
        runs: The recommended rate's runs, with all seeds.
        learned: How many of them learn.
    """

    best: RankedRate
    best_of_seeds: tuple[float, float]
    recommended: float | None
    runs: tuple[ShortRun, ...]
    learned: int


def choice_of(
    search: RateSearch,
    working: Sequence[RankedRate],
    *,
    threshold: float,
    seeds: Sequence[int],
    steps: int,
) -> Choice:
    """The best of the rates that work in short runs, and the rate to recommend.

    Args:
        search: Makes the runs.
        working: The rates, in increasing order; at least one.
        threshold: The measured divergence threshold.
        seeds: The seeds to check the recommended rate with, fresh ones among them.
        steps: Steps of the deciding runs.
    """
    final = replace(search, steps=steps, runs=dict(search.runs), grid=set())
    if steps != search.steps:
        final.runs.clear()
        _play(final, working)
    values = {rate.value for rate in working}
    compared = [rate for rate in _compared(final, search.seeds) if rate.value in values]
    short = best_of(working)
    assert short is not None
    best = best_of(compared) or short
    recommended, runs, learned = _recommended(final, best, threshold=threshold, seeds=seeds)
    search.stopped = search.stopped or final.stopped
    spread = _spread(compared) or (best.value, best.value)
    return Choice(best, spread, recommended, runs, learned)


def _play(final: RateSearch, working: Sequence[RankedRate]) -> None:
    """Longer runs of rates over the whole band, then of the neighbours of the best of them.

    The first seed goes ahead: a rate that leaves several times the loss of its best one needs no
    other seed.
    """
    short = best_of(working)
    assert short is not None
    values = [rate.value for rate in working]
    middle = values.index(short.value)
    guide = guide_of(x for rate in working for x in rate.runs[:1]) if final.flows else None
    least = short.value / _REACH if guide is None else guide.rate  # below it only slower
    chosen = [
        value
        for place, value in enumerate(values)
        if (place - middle) % _APART == 0 and value >= least
    ]
    final.try_rates([*chosen, values[-1]], final.seeds[:1])
    for count in (1, len(final.seeds)):
        seeds = final.seeds[:count]
        leader = best_of(_compared(final, seeds))
        if leader is not None:
            place = values.index(leader.value)
            final.try_rates(values[max(place - 1, 0) : place + 2], final.seeds[:1])
        final.try_rates(_hopeful(final))


def _compared(final: RateSearch, seeds: Sequence[int]) -> tuple[RankedRate, ...]:
    """The rates that were run with all of these seeds, by those alone."""
    rates = {rate for rate, _ in final.runs}
    full = [rate for rate in rates if all((rate, seed) in final.runs for seed in seeds)]
    return rates_of(final.runs[rate, seed] for rate in full for seed in seeds)


def _hopeful(final: RateSearch) -> list[float]:
    """The rates that may be the best one, by the first seed's runs."""
    rates = _compared(final, final.seeds[:1])
    lowest = min((rate.score for rate in rates if rate.works), default=np.inf)
    return [rate.value for rate in rates if rate.score <= lowest + np.log(_HOPELESS)]


def _spread(compared: Sequence[RankedRate]) -> tuple[float, float] | None:
    """Smallest and largest best rate of a single seed."""
    best = []
    for place in range(len(compared[0].runs) if compared else 0):
        alone = best_of(rates_of(rate.runs[place] for rate in compared))
        if alone is not None:
            best.append(alone.value)
    return (min(best), max(best)) if best else None


def _recommended(
    final: RateSearch, best: RankedRate, *, threshold: float, seeds: Sequence[int]
) -> tuple[float | None, tuple[ShortRun, ...], int]:
    """A rate near the best one, clear of the threshold, that learns with fresh seeds too.

    With it its runs, and how many of them learn; those that decided the best rate count for the
    same rate rounded. Where none learns with as many as expected, that
    with the most of which none was lost; none where those are fewer than half.
    """
    rate = rounded(min(best.value, threshold / _MARGIN))
    tried: list[tuple[int, float, tuple[ShortRun, ...]]] = []
    for _ in range(_TRIES):
        known = {run.seed: run for run in best.runs if rate < best.value <= _SAME * rate}
        final.try_pairs([(rate, seed) for seed in seeds if seed not in known])
        made = {seed: final.runs.get((rate, seed)) for seed in seeds} | known
        runs = tuple(run for run in made.values() if run is not None)
        if final.stopped:  # not all were made; the best rate itself was run with the own seeds
            return best.value, best.runs, _learned(best.runs, best)
        learned = _learned(runs, best)
        if learned >= _expected(best, len(seeds)):
            return rate, runs, learned
        tried.append((learned, rate, runs))
        rate = rounded(rate / _STEP_BACK)
    learned, rate, runs = max(tried, key=lambda one: one[:2])
    return (rate, runs, learned) if 2 * learned >= len(seeds) else (None, (), learned)


def _learned(runs: Sequence[ShortRun], best: RankedRate) -> int:
    """How many of these runs learn; 0 where one was lost."""
    if any(run.lost_at is not None for run in runs):
        return 0
    most = float(np.median([removed(run) for run in best.runs]))
    return sum(removed(run) >= LEARNS * most for run in runs)


def _expected(best: RankedRate, count: int) -> int:
    """How many of so many seeds learn if as large a share of them does as at the best rate."""
    share = sum(fate is Fate.WORKS for fate in best.fates) / len(best.fates)
    return max(1, int(share * count))


def rounded(rate: float) -> float:
    """The rate with two digits, rounded down: the next smaller number that is easy to write."""
    scale = 10.0 ** (np.floor(np.log10(rate)) - 1)
    return float(f"{np.floor(rate / scale * (1 + 1e-9)) * scale:.2g}")

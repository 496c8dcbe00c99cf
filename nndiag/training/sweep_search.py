"""Which rates a sweep tries: a range that is widened, a grid, the threshold by bisection."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from nndiag.training.sweep_blocks import Pair
from nndiag.training.sweep_flow import guide_of, highest_guide, run_below
from nndiag.training.sweep_runs import ShortRun
from nndiag.training.sweep_verdict import NOTHING, Fate, fates_of, removed, threshold_of

_PER_DECADE = 4  # rates of the grid
_SCAN = 2  # the scan of the range takes every so manyth of them
_BELOW, _ABOVE = 16, 4  # rates of the grid around the guess at which the scan begins
_WIDEN = 8  # rates by which the range is widened
_WIDEST = 60  # rates of the grid around the guess at which the search ends: 15 decades
_UNMOVED = 0.01  # share of its loss that a network has not even lost where nothing is learned
_BEYOND = 2  # rates of the grid above the divergence threshold, to see what happens there
_BISECTIONS, _POINTS = 3, 2  # rounds, and points in each; narrows a bracket 27-fold in log
_MANY = 100.0  # factor between rates of which the larger ones are run first
_LOWER = 2  # rates of the grid by which other seeds' guides may lie below the first one's
_NARROW = 1.04  # factor between the ends of a bracket that is narrow enough


class Trainer(Protocol):
    """What trains the runs of a search."""

    def train(self, pairs: Sequence[Pair], *, steps: int | None = None) -> list[ShortRun]:
        """The runs of these pairs; fewer after an interruption."""


@dataclass
class RateSearch:
    """The runs made so far.

    Attributes:
        workers: Train the runs.
        seeds: The seeds; the first one is the config's own.
        steps: Steps of each run.
        runs: All runs, by rate and seed.
        grid: The rates that are to be shown; those of the bisection are not.
        flows: Whether small rates follow the gradient flow, see `sweep_flow`.
        stopped: Whether an interruption left runs out.
    """

    workers: Trainer
    seeds: tuple[int, ...]
    steps: int
    runs: dict[Pair, ShortRun] = field(default_factory=dict)
    grid: set[float] = field(default_factory=set)
    flows: bool = False
    stopped: bool = False

    def try_rates(self, rates: Iterable[float], seeds: Sequence[int] | None = None) -> None:
        """Run each of these rates with each seed, unless that was done."""
        chosen = list(rates)
        self.grid.update(chosen)
        self.try_pairs([(rate, seed) for rate in chosen for seed in seeds or self.seeds])

    def try_pairs(self, pairs: Iterable[Pair]) -> None:
        """Run these pairs, unless that was done or somebody interrupted.

        Where small rates follow the gradient flow, large rates go first: what they tell of the
        small ones is computed.
        """
        wanted = sorted({pair for pair in pairs if pair not in self.runs})
        if self.flows and wanted:
            least = self._least_telling(wanted)
            self._train([pair for pair in wanted if pair[0] >= least])
            self._compute(wanted)
            for _ in range(_LOWER):
                self._train(self._largest_missing(wanted))
                self._compute(wanted)
        self._train([pair for pair in wanted if pair not in self.runs])

    def _largest_missing(self, wanted: Iterable[Pair]) -> list[Pair]:
        """The largest rate of each seed that was neither run nor computed."""
        missing = sorted(pair for pair in wanted if pair not in self.runs)
        return list({seed: (rate, seed) for rate, seed in missing}.values())

    def _least_telling(self, wanted: Sequence[Pair]) -> float:
        """The rate from which on runs may tell what smaller ones do: of many decades, a half."""
        guide = guide_of(self.of(self.seeds[0]))
        if guide is not None:
            ceiling = highest_guide(self.of(self.seeds[0]))
            return max((rate for rate, _ in wanted if rate <= ceiling), default=guide.rate)
        low, high = wanted[0][0], wanted[-1][0]
        return float(np.sqrt(low * high)) if high > _MANY * low else low

    def _train(self, wanted: Sequence[Pair]) -> None:
        if self.stopped or not wanted:
            return
        for run in self.workers.train(wanted, steps=self.steps):
            self.runs[run.rate, run.seed] = run
        self.stopped = not all(pair in self.runs for pair in wanted)

    def _compute(self, wanted: Iterable[Pair]) -> None:
        """Compute the runs whose rates are below that of their seed's guide."""
        guides = {seed: guide_of(self.of(seed)) for _, seed in wanted}
        for rate, seed in wanted:
            guide = guides[seed]
            if guide is not None and rate < guide.rate and (rate, seed) not in self.runs:
                self.runs[rate, seed] = run_below(guide, rate)

    def of(self, seed: int) -> list[ShortRun]:
        """The runs of one seed, by rate."""
        return [self.runs[pair] for pair in sorted(self.runs) if pair[1] == seed]

    def find_range(self, guess: float) -> tuple[float, float]:
        """Widen around a guess until both ends are seen, on the first seed.

        Returns:
            A rate that is too small to learn, and one beyond the divergence threshold, as far as
            they exist.
        """
        low, high = -_BELOW, _ABOVE
        while not self.stopped:
            self.try_rates((grid_rate(guess, k) for k in range(low, high + 1, _SCAN)), self._first)
            if self.stopped:
                break
            fates = self._fates()
            down, up = not self._low_seen(fates), not _high_seen(fates)
            if down and low > -_WIDEST:
                low -= _WIDEN
            elif up and high < _WIDEST:
                high += _WIDEN
            else:
                break
        return self._range(guess, low=low, high=high)

    def fill(self, guess: float, ends: tuple[float, float]) -> None:
        """Try all rates of the grid between two ends, with all seeds."""
        every = (grid_rate(guess, k) for k in range(-_WIDEST - _WIDEN, _WIDEST + _WIDEN + 1))
        tolerance = 1 + 1e-9
        self.try_rates(r for r in every if ends[0] / tolerance <= r <= ends[1] * tolerance)

    def bisect(self) -> None:
        """Narrow the bracket of each seed's threshold, as far as that is worth it."""
        for _ in range(_BISECTIONS):
            pairs: list[Pair] = []
            for seed in self.seeds:
                threshold = threshold_of(fates_of(self.of(seed)))
                if threshold is None or threshold.stable is None:
                    continue
                if threshold.unstable > _NARROW * threshold.stable:
                    inner = np.geomspace(threshold.stable, threshold.unstable, _POINTS + 2)[1:-1]
                    pairs.extend((float(rate), seed) for rate in inner)
            self.try_pairs(pairs)

    @property
    def _first(self) -> tuple[int]:
        return self.seeds[:1]  # type: ignore[return-value]

    def _fates(self) -> dict[float, Fate]:
        return fates_of(self.of(self.seeds[0]))

    def _low_seen(self, fates: dict[float, Fate]) -> bool:
        """Whether the smallest rate is too small; where nothing learns, whether it stands still."""
        runs = self.of(self.seeds[0])
        if max(removed(run) for run in runs) >= NOTHING:
            return fates[min(fates)] is Fate.TOO_SMALL
        first = runs[0]
        return abs(first.final - first.initial) <= _UNMOVED * first.initial

    def _range(self, guess: float, *, low: int, high: int) -> tuple[float, float]:
        """The largest rate that is too small and the one beyond the smallest unstable one."""
        fates = self._fates()
        rates = sorted(fates)
        if not rates:
            return grid_rate(guess, low), grid_rate(guess, high)
        first, last = rates[0], rates[-1]
        for rate in rates:
            if fates[rate] is not Fate.TOO_SMALL:
                break
            first = rate
        threshold = threshold_of(fates)
        if threshold is not None:
            last = min(last, threshold.unstable * 10 ** (_BEYOND / _PER_DECADE))
        return first, max(first, last)


def grid_rate(guess: float, place: int) -> float:
    """The rate of the grid so many places above the guess."""
    return float(f"{guess * 10 ** (place / _PER_DECADE):.6g}")


def _high_seen(fates: dict[float, Fate]) -> bool:
    """Whether the largest rates are too large.

    One that diverged, two that do not learn, or four, over two decades, that learn less.
    """
    top = [fates[rate] for rate in sorted(fates)[-4:]]
    if top[-1] in (Fate.DIVERGES, Fate.BLOWS_UP) or all(fate.unstable for fate in top[-2:]):
        return True
    return all(fate.unstable or fate is Fate.WORSE for fate in top)

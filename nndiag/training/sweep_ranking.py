"""Rates over all their seeds: which one is best, and from where to where they work."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from nndiag.training.sweep_runs import ShortRun
from nndiag.training.sweep_verdict import Fate, fates_of, high_of

_EQUAL = 1.05  # losses within this factor are equal: then the faster rate is better
_NEAR = 0.35  # decades between rates whose losses even out each other's chance
_ZERO = 1e-12  # share of the mean baseline's loss below which losses are equally near zero


@dataclass(frozen=True, eq=False)
class RankedRate:
    """One learning rate over all its seeds.

    Attributes:
        value: The rate.
        runs: Its runs, by seed.
        fates: What became of each.
        score: Mean over seeds of the logarithm of the final loss over the mean baseline's.
        speed: The same, of the whole curve; breaks ties.
    """

    value: float
    runs: tuple[ShortRun, ...]
    fates: tuple[Fate, ...]
    score: float
    speed: float

    @property
    def fate(self) -> Fate:
        """What became of most seeds; of equally many, the graver."""
        order = list(Fate)
        return max(set(self.fates), key=lambda fate: (self.fates.count(fate), order.index(fate)))

    @property
    def works(self) -> bool:
        """Whether most seeds work and none is unstable."""
        share = sum(fate is Fate.WORKS for fate in self.fates) / len(self.fates)
        return share > 0.5 and not any(fate.unstable for fate in self.fates)

    @property
    def loss(self) -> float:
        """Geometric mean of the final losses; infinite where one diverged."""
        finals = np.array([run.final for run in self.runs])
        return float(np.exp(np.mean(np.log(np.maximum(finals, np.finfo(float).tiny)))))

    @property
    def losses(self) -> tuple[float, float]:
        """Smallest and largest final loss over the seeds."""
        return min(run.final for run in self.runs), max(run.final for run in self.runs)


def rates_of(runs: Iterable[ShortRun]) -> tuple[RankedRate, ...]:
    """All rates, in increasing order."""
    by_seed: dict[int, list[ShortRun]] = {}
    by_rate: dict[float, list[ShortRun]] = {}
    for run in runs:
        by_seed.setdefault(run.seed, []).append(run)
        by_rate.setdefault(run.rate, []).append(run)
    fates = {seed: fates_of(mine) for seed, mine in by_seed.items()}
    return tuple(
        RankedRate(
            rate,
            tuple(sorted(mine, key=lambda run: run.seed)),
            tuple(fates[run.seed][rate] for run in sorted(mine, key=lambda run: run.seed)),
            score=float(np.mean([_log(run, run.final) for run in mine])),
            speed=float(np.mean([_speed(run) for run in mine])),
        )
        for rate, mine in sorted(by_rate.items())
    )


def best_of(rates: Sequence[RankedRate]) -> RankedRate | None:
    """The rate with the lowest loss; of equal ones, the fastest. None where none works.

    The chance in a rate's loss is evened out with its neighbours', as far as they are near.
    """
    working = [rate for rate in rates if rate.works]
    if not working:
        return None
    scores = _smoothed(working)
    limit = min(scores) + np.log(_EQUAL)
    equal = [rate for rate, score in zip(working, scores, strict=True) if score <= limit]
    return min(equal, key=lambda rate: rate.speed)


def band_of(rates: Sequence[RankedRate], working: Sequence[RankedRate]) -> tuple[float, float]:
    """Smallest and largest rate around the best one between which rates work.

    One stable rate between two that work may by chance have missed it.

    Args:
        rates: All rates, in increasing order.
        working: Those among which the best one is looked for; at least one.
    """
    best = best_of(working)
    values = [rate.value for rate in rates]
    middle = values.index(best.value) if best is not None else 0
    return values[_reach(rates, middle, -1)], values[_reach(rates, middle, 1)]


def _reach(rates: Sequence[RankedRate], start: int, direction: int) -> int:
    """The place of the last rate that works, going from `start` over gaps of one."""
    last, place = start, start + direction
    while 0 <= place < len(rates) and abs(place - last) <= 2:
        if rates[place].works:
            last = place
        elif rates[place].fate.unstable:
            break
        place += direction
    return last


def _smoothed(rates: Sequence[RankedRate]) -> list[float]:
    """Each rate's score, averaged with those of the rates within a third of a decade.

    Their weight is half its own where neighbours differ by no more than chance would have them
    differ, and falls with the share of chance in their differences.
    """
    weight = 0.5 * _chance(rates)
    scores = []
    for rate in rates:
        near = [x for x in rates if abs(np.log10(x.value / rate.value)) < _NEAR]
        weights = [1.0 if x is rate else weight for x in near]
        scores.append(float(np.average([x.score for x in near], weights=weights)))
    return scores


def _chance(rates: Sequence[RankedRate]) -> float:
    """The share of chance in the squared differences between neighbouring rates' scores.

    Chance is what is left of the single runs' scores (R, S) without the means of their rate and
    of their seed.
    """
    table = np.array([[_log(run, run.final) for run in rate.runs] for rate in rates])
    count, seeds = table.shape
    if count < 3 or seeds < 2:
        return 0.0
    means = table.mean(axis=1)
    rest = table - means[:, None] - table.mean(axis=0) + table.mean()
    variance = np.sum(rest**2) / ((count - 1) * (seeds - 1))
    differences = float(np.mean(np.diff(means) ** 2))
    return min(1.0, float(2 * variance / seeds) / differences) if differences > 0 else 0.0


def _log(run: ShortRun, loss: float) -> float:
    """Logarithm of a loss over the mean baseline's, between 'as good as zero' and 'blown up'."""
    scale = run.reference or run.initial or 1.0
    worst = 10 * max(high_of(run) / scale, 1.0)
    return float(np.log(np.clip(loss / scale if np.isfinite(loss) else worst, _ZERO, worst)))


def _speed(run: ShortRun) -> float:
    return float(np.mean([_log(run, loss) for loss in run.curve]))

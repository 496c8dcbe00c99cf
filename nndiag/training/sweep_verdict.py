"""What short runs at many rates say: what became of each, the band, the best rate, the edge.

Everything is relative to the seed's own start, to the best constant prediction and to what the
best rate reaches, so that scaling the loss changes nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from nndiag.training.sweep_runs import ShortRun

# Ours; the benchmark `tests/benchmarks/sweep_quality.py` shows what they are worth.
WORKS = 0.9
"""A rate works that removes this share of the loss that the best rate removes."""
LEARNS = 0.1
"""A rate below the band that removes less than this share of it is too small to learn."""
NOTHING = 0.05
"""Nobody learns where the best rate removes less than this share of the loss."""
_HALF = 0.5  # a run that rose, or swings, and removes less than this share of it has failed
_ABOVE = 2.0  # a run that ends this many times above start and best constant has blown up
_ROSE = 3.0  # a run that was this many times above them has risen
_SWINGS, _WIDE = 0.25, 0.1  # share of movement that goes up, and width, of a loss that swings
_FLAT = 0.5  # share of flat units from which on a network sits there saturated
_EQUAL = 1.05  # losses within this factor are equal: then the faster rate is better
_NEAR = 0.35  # decades between rates whose losses even out each other's chance
_ZERO = 1e-12  # share of the best constant's loss below which losses are equally near zero


class Fate(StrEnum):
    """What became of a run, or of a rate."""

    TOO_SMALL = "too small to learn"
    SLOW = "learns slowly"
    WORKS = "works"
    WORSE = "learns less"
    OSCILLATES = "oscillates"
    STUCK = "does not learn"
    SATURATED = "blows up, then sits saturated"
    BLOWS_UP = "blows up"
    DIVERGES = "diverges"

    @property
    def unstable(self) -> bool:
        """Whether the rate was too large."""
        return self in _UNSTABLE


_UNSTABLE = frozenset({Fate.OSCILLATES, Fate.STUCK, Fate.SATURATED, Fate.BLOWS_UP, Fate.DIVERGES})


@dataclass(frozen=True, eq=False)
class Rate:
    """One learning rate over all its seeds.

    Attributes:
        value: The rate.
        runs: Its runs, by seed.
        fates: What became of each.
        score: Mean over seeds of the logarithm of the final loss over the best constant's.
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
        return share > _HALF and not any(fate.unstable for fate in self.fates)

    @property
    def loss(self) -> float:
        """Geometric mean of the final losses; infinite where one diverged."""
        finals = np.array([run.final for run in self.runs])
        return float(np.exp(np.mean(np.log(np.maximum(finals, np.finfo(float).tiny)))))

    @property
    def losses(self) -> tuple[float, float]:
        """Smallest and largest final loss over the seeds."""
        return min(run.final for run in self.runs), max(run.final for run in self.runs)


@dataclass(frozen=True)
class SeedEdge:
    """The edge of one seed.

    Attributes:
        stable: Largest rate tried below which nothing was unstable; None where all were.
        unstable: Smallest rate tried that was.
        fate: What became of it.
    """

    stable: float | None
    unstable: float
    fate: Fate


def removed(run: ShortRun) -> float:
    """Share of the loss that a run removed: from the best constant's, or from its start's."""
    start = min(run.initial, run.reference) or run.initial
    return 1 - run.final / start if start > 0 else -np.inf


def fates_of(runs: Sequence[ShortRun]) -> dict[float, Fate]:
    """What became of the runs of one seed, by rate."""
    ordered = sorted(runs, key=lambda run: run.rate)
    surviving = [run for run in ordered if not _blown_up(run).unstable]
    best = max(surviving, key=removed, default=None)
    most = removed(best) if best is not None else 0.0
    top = _top(surviving, most=most)
    fastest = best.rate if best is not None else np.inf
    return {run.rate: _fate(run, most=most, best=fastest, top=top) for run in ordered}


def edge_of(fates: dict[float, Fate]) -> SeedEdge | None:
    """The edge of one seed: where the first unstable rate from below is; None without one.

    A run that failed although it neither ended above its start nor the next two larger rates
    failed is taken for bad luck: it did not fail by its rate.
    """
    ordered = sorted(fates)
    stable: float | None = None
    for place, rate in enumerate(ordered):
        fate = fates[rate]
        following = [fates[other] for other in ordered[place + 1 : place + 3]]
        lucky = bool(following) and all(other is Fate.WORKS for other in following)
        if fate.unstable and not (lucky and fate in (Fate.OSCILLATES, Fate.STUCK)):
            return SeedEdge(stable, rate, fate)
        stable = rate
    return None


def rates_of(runs: Iterable[ShortRun]) -> tuple[Rate, ...]:
    """All rates, in increasing order."""
    by_seed: dict[int, list[ShortRun]] = {}
    by_rate: dict[float, list[ShortRun]] = {}
    for run in runs:
        by_seed.setdefault(run.seed, []).append(run)
        by_rate.setdefault(run.rate, []).append(run)
    fates = {seed: fates_of(mine) for seed, mine in by_seed.items()}
    return tuple(
        Rate(
            rate,
            tuple(sorted(mine, key=lambda run: run.seed)),
            tuple(fates[run.seed][rate] for run in sorted(mine, key=lambda run: run.seed)),
            score=float(np.mean([_log(run, run.final) for run in mine])),
            speed=float(np.mean([_speed(run) for run in mine])),
        )
        for rate, mine in sorted(by_rate.items())
    )


def best_of(rates: Sequence[Rate]) -> Rate | None:
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


def _smoothed(rates: Sequence[Rate]) -> list[float]:
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


def _chance(rates: Sequence[Rate]) -> float:
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


def band_of(rates: Sequence[Rate], working: Sequence[Rate]) -> tuple[float, float]:
    """Smallest and largest rate around the best one between which every rate works.

    Args:
        rates: All rates, in increasing order.
        working: Those among which the best one is looked for; at least one.
    """
    best = best_of(working)
    values = [rate.value for rate in rates]
    low = high = values.index(best.value) if best is not None else 0
    while low > 0 and rates[low - 1].works:
        low -= 1
    while high + 1 < len(rates) and rates[high + 1].works:
        high += 1
    return values[low], values[high]


def _top(surviving: Sequence[ShortRun], *, most: float) -> float:
    """The largest rate from which on nothing was learned; infinite where nothing ever was."""
    learned = [run.rate for run in surviving if removed(run) >= LEARNS * most]
    return max(learned) if learned and most >= NOTHING else np.inf


def _blown_up(run: ShortRun) -> Fate:
    if run.lost_at is not None or not np.isfinite(run.final):
        return Fate.DIVERGES
    if run.final > _ABOVE * _high(run):
        flat = run.flat_share is not None and run.flat_share >= _FLAT
        return Fate.SATURATED if flat else Fate.BLOWS_UP
    return Fate.WORKS


def _fate(run: ShortRun, *, most: float, best: float, top: float) -> Fate:
    """What became of a run.

    Args:
        run: The run.
        most: Largest share of the loss that a run of its seed removed.
        best: The rate of that run.
        top: Largest rate at which its seed learned.
    """
    fate = _blown_up(run)
    if fate.unstable:
        return fate
    share = removed(run)
    if most >= NOTHING and share >= WORKS * most:
        return Fate.WORKS
    failed = share < _HALF * most or most < NOTHING
    if failed and run.peak > _ROSE * _high(run):
        return _failure(run)
    if run.rate > top:
        return _failure(run)
    if most < NOTHING or share < LEARNS * most:
        return Fate.TOO_SMALL
    return Fate.SLOW if run.rate < best else Fate.WORSE


def _failure(run: ShortRun) -> Fate:
    """How a run failed at too large a rate without ending above its start."""
    if run.flat_share is not None and run.flat_share >= _FLAT:
        return Fate.SATURATED
    if run.swing > _SWINGS and run.amplitude > _WIDE:
        return Fate.OSCILLATES
    return Fate.STUCK


def _high(run: ShortRun) -> float:
    return max(run.initial, run.reference)


def _log(run: ShortRun, loss: float) -> float:
    """Logarithm of a loss over the best constant's, between 'as good as zero' and 'blown up'."""
    scale = run.reference or run.initial or 1.0
    worst = 10 * max(_high(run) / scale, 1.0)
    return float(np.log(np.clip(loss / scale if np.isfinite(loss) else worst, _ZERO, worst)))


def _speed(run: ShortRun) -> float:
    return float(np.mean([_log(run, loss) for loss in run.curve]))

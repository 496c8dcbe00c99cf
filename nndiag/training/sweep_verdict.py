"""What became of each short run of a sweep, and where its seed's threshold is.

Everything is relative to the seed's own start, to the mean baseline and to what the
best rate reaches, so that scaling the loss changes nothing.
"""

from collections.abc import Sequence
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
_ALIKE = 0.03  # of the mean baseline's loss: what a rate may lack of the best one in any case
_HALF = 0.5  # a run that rose, or swings, and removes less than this share of it has failed
_ABOVE = 2.0  # a run that ends this many times above start and mean baseline has blown up
_ROSE = 3.0  # a run that was this many times above them has risen
_SWINGS, _WIDE = 0.25, 0.1  # share of movement that goes up, and width, of a loss that swings
_FLAT = 0.5  # share of flat units from which on a network sits there saturated


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
        return self.blown_up or self in (Fate.OSCILLATES, Fate.STUCK)

    @property
    def blown_up(self) -> bool:
        """Whether the loss ended far above its start."""
        return self in (Fate.SATURATED, Fate.BLOWS_UP, Fate.DIVERGES)


@dataclass(frozen=True)
class SeedThreshold:
    """The divergence threshold of one seed.

    Attributes:
        stable: Largest rate tried below which nothing was unstable; None where all were.
        unstable: Smallest rate tried that was.
        fate: What became of it.
    """

    stable: float | None
    unstable: float
    fate: Fate


def removed(run: ShortRun) -> float:
    """Share of the loss that a run removed: from the mean baseline's, or from its start's."""
    start = min(run.initial, run.reference) or run.initial
    return 1 - run.final / start if start > 0 else -np.inf


def high_of(run: ShortRun) -> float:
    """The worse of a run's start and the mean baseline."""
    return max(run.initial, run.reference)


def fates_of(runs: Sequence[ShortRun]) -> dict[float, Fate]:
    """What became of the runs of one seed, by rate."""
    ordered = sorted(runs, key=lambda run: run.rate)
    surviving = [run for run in ordered if not _blown_up(run).unstable]
    best = _most_useful(ordered, surviving)
    most = removed(best) if best is not None else 0.0
    top = _top(surviving, most=most)
    fastest = best.rate if best is not None else np.inf
    return {run.rate: _fate(run, most=most, best=fastest, top=top) for run in ordered}


def threshold_of(fates: dict[float, Fate]) -> SeedThreshold | None:
    """The threshold of one seed: where the first unstable rate from below is; None without one.

    A run that failed, although it did not end above its start and the next two larger rates
    neither failed nor learned less, is taken for bad luck: it did not fail by its rate.
    """
    ordered = sorted(fates)
    stable: float | None = None
    for place, rate in enumerate(ordered):
        fate = fates[rate]
        following = [fates[other] for other in ordered[place + 1 : place + 3]]
        lucky = bool(following) and not any(
            other.unstable or other is Fate.WORSE for other in following
        )
        if fate.unstable and not (lucky and fate in (Fate.OSCILLATES, Fate.STUCK)):
            return SeedThreshold(stable, rate, fate)
        stable = rate
    return None


def _most_useful(ordered: Sequence[ShortRun], surviving: Sequence[ShortRun]) -> ShortRun | None:
    """The run that removed most, below the first that blew up; among all only if far better.

    Above, a run is down to luck.
    """
    best = max(surviving, key=removed, default=None)
    first = next((run.rate for run in ordered if _blown_up(run).unstable), np.inf)
    below = max((run for run in surviving if run.rate < first), key=removed, default=None)
    if best is None or below is None or removed(below) < _HALF * removed(best):
        return best
    return below


def _top(surviving: Sequence[ShortRun], *, most: float) -> float:
    """The largest rate from which on nothing was learned; infinite where nothing ever was."""
    learned = [run.rate for run in surviving if removed(run) >= LEARNS * most]
    return max(learned) if learned and most >= NOTHING else np.inf


def _blown_up(run: ShortRun) -> Fate:
    if run.lost_at is not None or not np.isfinite(run.final):
        return Fate.DIVERGES
    if run.final > _ABOVE * high_of(run):
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
    if most >= NOTHING and share >= min(WORKS * most, most - _ALIKE):
        return Fate.WORKS
    failed = share < _HALF * most or most < NOTHING
    if failed and run.peak > _ROSE * high_of(run):
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

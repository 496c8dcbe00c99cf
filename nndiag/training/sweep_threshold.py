"""The divergence threshold over all seeds of a sweep, and what happens beyond it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nndiag.training.sweep_search import RateSearch
from nndiag.training.sweep_verdict import Fate, SeedThreshold, fates_of


@dataclass(frozen=True)
class Threshold:
    """Where rates become too large.

    Attributes:
        value: Largest rate at which no seed failed by its size, nor at any smaller one tried.
        low: Smallest and
        high: largest such rate of a single seed.
        unstable: Smallest rate tried beyond it.
        fate: What happens beyond it.
        steps: First and last step at which runs within a decade beyond were lost; None where none
            was.
        flat_share: Share of flat units of the runs beyond that sit there saturated.
    """

    value: float
    low: float
    high: float
    unstable: float
    fate: Fate
    steps: tuple[int, int] | None
    flat_share: float | None


def measured_threshold(
    search: RateSearch, thresholds: Mapping[int, SeedThreshold]
) -> Threshold | None:
    """The divergence threshold over all seeds: the smallest."""
    stable = {
        seed: threshold.stable
        for seed, threshold in thresholds.items()
        if threshold.stable is not None
    }
    if not stable:
        return None
    seed = min(stable, key=lambda seed: stable[seed])
    threshold = thresholds[seed]
    beyond = [
        run
        for (rate, owner), run in search.runs.items()
        if owner in thresholds
        and thresholds[owner].unstable <= rate <= 10 * thresholds[owner].unstable
    ]
    lost = [run.lost_at for run in beyond if run.lost_at is not None]
    flat = [run.flat_share for run in beyond if run.flat_share is not None]
    return Threshold(
        value=stable[seed],
        low=min(stable.values()),
        high=max(stable.values()),
        unstable=threshold.unstable,
        fate=_usual_fate(search, thresholds),
        steps=(min(lost), max(lost)) if lost else None,
        flat_share=float(np.median(flat)) if flat else None,
    )


def _usual_fate(search: RateSearch, thresholds: Mapping[int, SeedThreshold]) -> Fate:
    """What happens most often within a decade beyond the threshold; of equally many, the graver."""
    fates: list[Fate] = []
    for seed, threshold in thresholds.items():
        found = fates_of(search.of(seed))
        fates.extend(
            fate
            for rate, fate in found.items()
            if fate.unstable and threshold.unstable <= rate <= 10 * threshold.unstable
        )
    order = list(Fate)
    return max(set(fates), key=lambda fate: (fates.count(fate), order.index(fate)))

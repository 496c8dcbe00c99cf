"""What a sweep found, frozen."""

from dataclasses import dataclass

import numpy as np

from nndiag.training.sweep_failure import Failure
from nndiag.training.sweep_ranking import RankedRate
from nndiag.training.sweep_runs import ShortRun
from nndiag.training.sweep_theory import Theory
from nndiag.training.sweep_threshold import Threshold

_SAME = 0.02  # relative difference below which two rates are the same


@dataclass(frozen=True, eq=False)
class Sweep:
    """What a sweep found.

    Attributes:
        name: Name of the experiment.
        optimizer: Name of the optimizer.
        setting: What the learning rate is called: a config's key, or a program's name or number.
        configured: The configured learning rate.
        batch_size: Examples per step; None for all.
        steps: Steps of each run.
        final_steps: Steps of the runs that decide between the best rates; the same, or more.
        total_steps: Steps that the config asks for.
        seeds: Seeds of the runs; the first is the config's own.
        rates: All rates that were run with every seed, in increasing order.
        band: Smallest and largest rate that work.
        best: The best rate, by the runs of `final_steps`.
        best_of_seeds: Smallest and largest best rate of a single seed.
        threshold: Where rates become too large; None where none did.
        recommended: A rate to use: run, and found to learn, with all seeds and fresh ones.
        recommended_runs: Its runs, of `final_steps`.
        learned: How many of them learn.
        theory: What theory says; None for a user's program.
        failure: Why no rate learns; None where one does.
        interrupted: Whether Ctrl-C cut it short.
        runs: Number of runs made.
        seconds: Time that it took.
        right: Whether the gradient is right, as far as is known.
    """

    name: str
    optimizer: str
    setting: str
    configured: float
    batch_size: int | None
    steps: int
    final_steps: int
    total_steps: int
    seeds: tuple[int, ...]
    rates: tuple[RankedRate, ...]
    band: tuple[float, float] | None
    best: float | None
    best_of_seeds: tuple[float, float] | None
    threshold: Threshold | None
    recommended: float | None
    recommended_runs: tuple[ShortRun, ...]
    learned: int
    theory: Theory | None
    failure: Failure | None
    interrupted: bool
    runs: int
    seconds: float
    right: bool = True

    @property
    def computed(self) -> float | None:
        """The largest rate whose runs were computed from faster ones; None where none was."""
        computed = [rate.value for rate in self.rates if any(run.computed for run in rate.runs)]
        return max(computed, default=None)

    @property
    def place(self) -> str:
        """Where the configured rate is: "above-threshold", "in-band" or another."""
        if self.threshold is not None and self.configured > self.threshold.value:
            return "above-threshold"
        if self.band is None:
            return "no-band"
        if self.configured < self.band[0] * (1 - _SAME):
            return "below-band"
        return "above-band" if self.configured > self.band[1] * (1 + _SAME) else "in-band"

    @property
    def advice(self) -> str | None:
        """The recommended rate as a person would write it down; None where there is none."""
        if self.recommended is None:
            return None
        if self.setting[:1].isalpha() or self.setting[:1] == "_":
            return f"{self.setting}={self.recommended:g}"
        return f"{self.recommended:g} in place of {self.setting}"  # a number in a program

    @property
    def configured_rate(self) -> RankedRate | None:
        """The runs at the configured rate."""
        return next((rate for rate in self.rates if rate.value == self.configured), None)

    @property
    def speed_up(self) -> float | None:
        """How many times faster the recommended rate is than the configured one.

        The steps of the sweep over the steps in which the recommended rate reaches the loss that
        the configured one has at the end; median over the seeds. None where it does not get
        there, or where the configured rate does not learn at all.
        """
        slow = self.configured_rate
        if slow is None or not self.recommended_runs:
            return None
        fast = {run.seed: run for run in self.recommended_runs}
        if any(run.lost_at is not None or run.final >= run.initial for run in slow.runs):
            return None
        factors = [_speed_up(run, fast[run.seed]) for run in slow.runs if run.seed in fast]
        return float(np.median(factors)) or None if factors else None


def _speed_up(slow: ShortRun, fast: ShortRun) -> float:
    """Steps of the slow run over those in which the fast one gets as low."""
    there = np.flatnonzero(fast.curve <= slow.final)
    if not len(there):
        return 0.0
    return float(slow.steps[-1] / max(fast.steps[there[0]], 1))

"""A remedy, or several, tried on a failing run; and what came of it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from nndiag.experiment import Experiment
from nndiag.fixing.measure import Run
from nndiag.remedies import Case, changed, remedies

_CURED = 0.7  # share of the error, beyond what the data leave, that a cure may leave
_NOTHING = 0.95  # … of the variance: a run that explains no more has learned nothing
_HELPED = 0.9  # … and that a help may leave
_HARMED = 1.1  # more than so much of it is harm


class TrialOutcome(StrEnum):
    """What came of a trial."""

    CURES = "cures"
    """The failure is gone."""
    HELPS = "helps"
    """The error is smaller by a tenth or more; or it cured from this start, but from no other."""
    NO_EFFECT = "no effect"
    """The error is what it was."""
    HARMS = "harms"
    """The error is larger by a tenth or more."""


@dataclass(frozen=True, eq=False)
class Trial:
    """One change, or several, tried from the run's own seed.

    Attributes:
        remedies: Names of the remedies, in the order in which they were put together.
        changes: The keys that differ from the config.
        run: The training with them; None where it was not made.
        verdict: What came of it; None without a run.
        reason: Why it was not made.
    """

    remedies: tuple[str, ...]
    changes: dict[str, Any]
    run: Run | None
    verdict: TrialOutcome | None
    reason: str | None = None

    @property
    def cures(self) -> bool:
        """Whether it cured the run."""
        return self.verdict is TrialOutcome.CURES

    @property
    def error(self) -> float:
        """Unexplained share of the variance; infinite without a run."""
        return self.run.error if self.run is not None else float("inf")

    def honest_error(self, noise: float) -> float:
        """The error, no less than the noise where the network could know its examples by heart.

        Args:
            noise: Share of the variance that no model explains.
        """
        by_heart = self.run is not None and self.run.could_know_by_heart
        return max(self.error, noise) if by_heart else self.error


def verdict_on(run: Run, *, baseline: Run, control: Run | None) -> TrialOutcome:
    """What a run with a change shows, against the unchanged run.

    A cure is a run that is well by its own diagnosis, without the baseline's cause, and with
    clearly less error on the common scale. Help is measured against the better of the baseline
    and the control: what another seed does as well is no merit of the change.

    Args:
        run: The run with the change.
        baseline: The unchanged run.
        control: The unchanged run from another seed; None where nothing is random.
    """
    if is_cured(run, baseline=baseline):
        return TrialOutcome.CURES
    better = baseline.error if control is None else min(baseline.error, control.error)
    if run.error <= _HELPED * better:
        return TrialOutcome.HELPS
    return TrialOutcome.HARMS if run.error > _HARMED * baseline.error else TrialOutcome.NO_EFFECT


def is_cured(run: Run, *, baseline: Run) -> bool:
    """Whether the baseline's failure is gone."""
    cause = baseline.diagnosis.cause
    left, before = (max(x.error - baseline.noise, 0.0) for x in (run, baseline))
    if not run.well or run.diagnosis.failing or left > _CURED * before:
        return False
    if run.error > _NOTHING and not run.tells_classes:  # no better than the mean, outside or inside
        return False
    return cause is None or cause.finding.problem not in run.problems


def with_remedies(experiment: Experiment, names: tuple[str, ...]) -> tuple[Experiment, list[str]]:
    """The experiment with some remedies, and the names of those that apply to it.

    They are put together in the catalogue's order, those that depend on the others last; each is
    worked out on what the ones before it have made of the config.

    Raises:
        ConfigError: The changes do not fit the config.
    """
    catalogue = remedies()
    order = list(catalogue)
    applied = []
    for name in sorted(names, key=lambda one: (catalogue[one].last, order.index(one))):
        changes = catalogue[name].changes(Case(experiment))
        if changes is not None:
            experiment = changed(experiment, changes, source=name)
            applied.append(name)
    return experiment, applied

"""What was tried on a failing config, as one JSON object: that of its run, and the trials."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from nndiag.analysis.reference_fit import Limit
from nndiag.finding import Outcome
from nndiag.fixing import Fix, Reference, Run, Trial, Verdict, Winner
from nndiag.report.document import Part
from nndiag.report.run_document import JudgedDocument, judged_fields


@dataclass(frozen=True, kw_only=True)
class TrainedDocument(Part):
    """One of the trainings that were made."""

    outcome: Outcome
    loss: float
    r_squared: float | None
    """1 − squared error / squared error of the mean baseline, over all training examples."""
    accuracy: float | None
    """Share of right classes."""
    seconds: float


@dataclass(frozen=True, kw_only=True)
class TrialDocument(TrainedDocument):
    """A change, and what it achieved."""

    name: str
    """Names of the remedies, joined by ' + '."""
    changes: Mapping[str, Any]
    """The keys that differ from the config."""
    verdict: Verdict | None


@dataclass(frozen=True, kw_only=True)
class WinnerDocument(TrialDocument):
    """The smallest change that cures."""

    remedies: list[str]
    seeds: int
    """Other seeds that it was tried with."""
    seeds_cured: int
    not_tried_without: list[str]
    """Remedies in it that the budget did not allow to leave out."""


@dataclass(frozen=True)
class NotTriedDocument(Part):
    """A change that was not tried."""

    name: str
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class ReferenceDocument(Part):
    """What a strong optimizer reaches with the same network."""

    loss: float
    r_squared: float | None
    """1 − loss / loss of the mean baseline."""
    start: str
    losses: Mapping[str, float]
    """Start → the smallest loss from there."""
    limit: Limit
    """What keeps the run from it."""


@dataclass(frozen=True, kw_only=True)
class FixDocument(JudgedDocument):
    """What `fix` prints."""

    command: Literal["fix"] = "fix"
    healthy: bool
    cured: bool
    in_the_data: bool
    """The data are at fault; no setting was tried."""
    r_squared: float | None
    """That of the config as it is: 1 − squared error / squared error of the mean baseline."""
    control: TrainedDocument | None
    """The same config from another seed."""
    reference: ReferenceDocument | None
    remedies: list[TrialDocument]
    not_tried: list[NotTriedDocument]
    winner: WinnerDocument | None
    fixed_config: str | None
    """The file of the cured config."""
    interrupted: bool
    seconds: float


def fix_document(fix: Fix, *, config: str, fixed: str | None) -> FixDocument:
    """All that was found."""
    baseline = fix.baseline
    return FixDocument(
        **judged_fields(fix.diagnosis, baseline.trace, config=config, run=None),
        healthy=fix.healthy,
        cured=fix.winner is not None,
        in_the_data=fix.in_the_data,
        r_squared=baseline.score,
        control=None if fix.control is None else TrainedDocument(**_trained(fix.control)),
        reference=None if fix.reference is None else _reference(fix.reference),
        remedies=[TrialDocument(**_trial(one, one.run)) for one in fix.trials if one.run],
        not_tried=[
            NotTriedDocument(" + ".join(one.remedies), one.reason)
            for one in fix.trials
            if one.run is None
        ],
        winner=None if fix.winner is None else _winner(fix.winner),
        fixed_config=fixed,
        interrupted=fix.interrupted,
        seconds=fix.seconds,
    )


def _trained(run: Run) -> dict[str, Any]:
    return {
        "outcome": run.diagnosis.outcome,
        "loss": run.loss,
        "r_squared": run.score,
        "accuracy": run.accuracy,
        "seconds": run.seconds,
    }


def _trial(trial: Trial, run: Run) -> dict[str, Any]:
    return {
        "name": " + ".join(trial.remedies),
        "changes": trial.changes,
        "verdict": trial.verdict,
        **_trained(run),
    }


def _winner(winner: Winner) -> WinnerDocument:
    assert winner.trial.run is not None
    return WinnerDocument(
        **_trial(winner.trial, winner.trial.run),
        remedies=list(winner.trial.remedies),
        seeds=len(winner.seeds),
        seeds_cured=winner.held,
        not_tried_without=list(winner.unproven),
    )


def _reference(reference: Reference) -> ReferenceDocument:
    fit = reference.fit
    return ReferenceDocument(
        loss=fit.loss,
        r_squared=fit.r_squared,
        start=fit.start,
        losses=fit.losses,
        limit=reference.limit,
    )

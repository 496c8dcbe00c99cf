"""What was tried on a failing config, as one JSON object: that of its run, and the trials."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from nndiag.analysis.reference_fit import Limit
from nndiag.finding import Outcome
from nndiag.fixing import Fix, Run, Trial, TrialOutcome
from nndiag.report.document import DocumentPart, derived
from nndiag.report.run_document import JudgedDocument, judged_document


@dataclass(frozen=True, kw_only=True)
class TrainedDocument(DocumentPart):
    """One of the trainings that were made."""

    outcome: Outcome
    loss: float
    r_squared: float | None
    """1 − squared error / squared error of the mean baseline, over all training examples."""
    accuracy: float | None
    """Share of right classes."""
    seconds: float


T = TypeVar("T", bound=TrainedDocument)


@dataclass(frozen=True, kw_only=True)
class TrialDocument(TrainedDocument):
    """A change, and what it achieved."""

    name: str
    """Names of the remedies, joined by ' + '."""
    changes: Mapping[str, Any]
    """The keys that differ from the config."""
    verdict: TrialOutcome | None


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
class NotTriedDocument(DocumentPart):
    """A change that was not tried."""

    name: str
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class ReferenceDocument(DocumentPart):
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
    baseline, winner = fix.baseline, fix.winner
    return judged_document(
        FixDocument,
        fix.diagnosis,
        baseline.trace,
        source=fix,
        command="fix",
        config=config,
        cured=winner is not None,
        r_squared=baseline.score,
        control=fix.control and _trained(TrainedDocument, fix.control),
        reference=fix.reference
        and derived(ReferenceDocument, fix.reference.fit, limit=fix.reference.limit),
        remedies=[_trial(TrialDocument, one) for one in fix.trials if one.run],
        not_tried=[
            NotTriedDocument(" + ".join(one.remedies), one.reason)
            for one in fix.trials
            if one.run is None
        ],
        winner=winner
        and _trial(
            WinnerDocument,
            winner.trial,
            remedies=winner.trial.remedies,
            seeds=len(winner.seeds),
            seeds_cured=winner.held,
            not_tried_without=winner.unproven,
        ),
        fixed_config=fixed,
    )


def _trained(kind: type[T], run: Run, **given: Any) -> T:
    return derived(kind, run, outcome=run.diagnosis.outcome, r_squared=run.score, **given)


def _trial(kind: type[T], trial: Trial, **given: Any) -> T:
    assert trial.run is not None
    name = " + ".join(trial.remedies)
    return _trained(
        kind, trial.run, name=name, changes=trial.changes, verdict=trial.verdict, **given
    )

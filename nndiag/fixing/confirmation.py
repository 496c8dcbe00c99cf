"""A cause raised to confirmed, or demoted, by what was tried."""

from collections.abc import Sequence
from dataclasses import replace

from nndiag.finding import Cause, Confidence, Diagnosis, Finding, Severity
from nndiag.fixing.trial import Trial, TrialOutcome
from nndiag.remedies import remedies

NAMES_OF_FAILURE = frozenset(
    {
        "stalled-convergence",
        "exploding-loss",
        "exploding-gradients",
        "non-finite-values",
        "constant-predictions",
    }
)
"""Problems that only say how a run failed: whatever cures it would confirm them."""


def confirmed(diagnosis: Diagnosis, *, cure: Trial | None, trials: Sequence[Trial]) -> Diagnosis:
    """The diagnosis after trying: its cause confirmed, replaced by a confirmed one, or demoted.

    A cause is confirmed by a cure that needs a remedy against it. Where the cure needs none, but
    one against another finding, that finding takes its place; not so what a cause explains that the
    cure is against, too. Where every remedy against the cause was tried and none of them even
    helped, it is only possible.

    Args:
        diagnosis: What was said about the run.
        cure: The smallest change that cures; None where none does.
        trials: All that was tried.
    """
    cause = diagnosis.cause
    if cure is not None:
        aims = _aims(cure.remedies)
        if cause is not None and cause.finding.problem in aims:
            return replace(diagnosis, cause=replace(cause, confidence=Confidence.CONFIRMED))
        consequences = _consequences(cause, cure)
        others = (x for x in diagnosis.findings if x not in consequences)
        other = next((x for x in others if x.problem in aims and _grave(x)), None)
        if other is not None:
            return replace(diagnosis, cause=_promoted(other, diagnosis))
    if cause is None or not _refuted(cause.finding.problem, trials):
        return diagnosis
    return replace(diagnosis, cause=replace(cause, confidence=Confidence.POSSIBLE))


def _aims(names: Sequence[str]) -> frozenset[str]:
    """Problems that are confirmed where these remedies are needed for a cure."""
    catalogue = remedies()
    aims = frozenset[str]().union(*(catalogue[name].cures for name in names))
    return aims - NAMES_OF_FAILURE


def _consequences(cause: Cause | None, cure: Trial) -> tuple[Finding, ...]:
    """What the cause explains, where the cure is a remedy against the cause as well."""
    catalogue = remedies()
    if cause is None or not any(cause.finding.problem in catalogue[x].cures for x in cure.remedies):
        return ()
    return cause.explains


def _promoted(finding: Finding, diagnosis: Diagnosis) -> Cause:
    """A finding as the confirmed cause, with the former cause and what it explained below it."""
    former = diagnosis.cause
    below = () if former is None else (former.finding, *former.explains)
    explains = tuple(one for one in below if one is not finding)
    return Cause(finding, Confidence.CONFIRMED, explains)


def _refuted(problem: str, trials: Sequence[Trial]) -> bool:
    """Whether something was tried against a problem, and nothing of it cures or helps."""
    catalogue = remedies()
    against = [
        trial
        for trial in trials
        if any(problem in catalogue[name].cures for name in trial.remedies)
    ]
    made = [trial for trial in against if trial.run is not None]
    helped = any(trial.verdict in (TrialOutcome.CURES, TrialOutcome.HELPS) for trial in made)
    return bool(made) and len(made) == len(against) and not helped


def _grave(finding: Finding) -> bool:
    return finding.severity is not Severity.NOTE

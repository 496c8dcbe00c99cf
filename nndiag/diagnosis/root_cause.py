"""Which of several findings is the cause, and which it explains.

A problem that begins earlier is the cause of one that begins later, as far as its kind can bring
the other about. Both are declared by the detectors; nothing here knows a problem by its name.
"""

from collections.abc import Sequence

from nndiag.detectors import DETECTORS, Declared, RunSummary, Stage, declared
from nndiag.finding import Cause, Confidence, Finding, Severity


def root_cause(
    findings: Sequence[Finding], *, course: RunSummary
) -> tuple[Cause | None, tuple[Finding, ...]]:
    """The cause, and all findings, gravest first.

    Args:
        findings: All findings of a run.
        course: How the run went.

    Returns:
        The first finding, by the stages of a run, that is, or explains, the run's outcome, with the
        findings that it explains. None where nothing is worse than a note, or where the outcome is
        all that is seen. All findings in the order in which they are to be read: the cause, other
        causes beside it, what the cause explains, notes.
    """
    findings = _settled(findings)
    graver = [finding for finding in findings if finding.severity is not Severity.NOTE]
    candidates = sorted(
        (x for x in graver if _of(x).stage is not Stage.OUTCOME), key=lambda x: _place(x, graver)
    )
    if not candidates:
        return None, tuple(sorted(findings, key=_by_severity))
    outcome = {name for name in DETECTORS.names() if declared(name).outcome is course.outcome}
    fitting = [x for x in candidates if {x.problem, *_reach(x, candidates)} & outcome]
    first = (fitting or candidates)[0]
    reach = _reach(first, candidates)
    others = sorted((x for x in graver if x is not first), key=_by_severity)
    explains = tuple(x for x in others if x.problem == first.problem or x.problem in reach)
    beside = [x for x in others if x not in explains]
    notes = [x for x in findings if x.severity is Severity.NOTE]
    return Cause(first, _confidence(first), explains), (first, *beside, *explains, *notes)


def can_explain(problem: str) -> frozenset[str]:
    """The problems that one can bring about."""
    stage = declared(problem).stage
    return frozenset(
        other
        for other in DETECTORS.names()
        if other != problem and {problem, stage} & declared(other).explained_by
    )


def _settled(findings: Sequence[Finding]) -> Sequence[Finding]:
    """The findings without those by exclusion, where something else was found that they do not
    explain.
    """
    graver = [x for x in findings if x.severity is not Severity.NOTE]
    others = {
        x.problem for x in graver if not _of(x).by_exclusion and _of(x).stage is not Stage.OUTCOME
    }
    return [x for x in findings if not _of(x).by_exclusion or others <= can_explain(x.problem)]


def _reach(finding: Finding, others: Sequence[Finding]) -> frozenset[str]:
    """The problems that a finding can explain in this run.

    Where a rate is further from its limit, above or else below, than the finding accounts for, it
    explains neither the rate nor what the rate did.
    """
    reach = can_explain(finding.problem)
    too_high = [x for x in others if _of(x).stage is Stage.RATE]
    for other in too_high or [x for x in others if _of(x).stage is Stage.PACE]:
        if _excess(other) > finding.explains_up_to:
            reach -= {other.problem} | can_explain(other.problem)
    return reach


def _excess(finding: Finding) -> float:
    """How many times too large, or too small, the rate of a finding is."""
    first = finding.evidence[0]
    ratio = first.observed / max(first.limit or 0.0, 1e-300)
    return ratio if _of(finding).stage is Stage.RATE else 1 / max(ratio, 1e-300)


def _confidence(finding: Finding) -> Confidence:
    """Likely where a fact or a computed bound says so, possible for symptoms."""
    return Confidence.POSSIBLE if _of(finding).stage.is_symptom else Confidence.LIKELY


def _place(finding: Finding, others: Sequence[Finding]) -> float:
    """Its stage, later where it is mild, or where it began after a symptom that it follows.

    A mild fault slows a run down but seldom is the reason by itself: it comes after what else keeps
    the run from moving, but for steps whose size it explains.
    """
    own = _of(finding).stage
    if finding.mild:
        reach = _reach(finding, others)
        before = [
            stage
            for stage, problem in ((_of(x).stage, x.problem) for x in others)
            if stage.keeps_from_moving and not (stage.of_a_step and problem in reach)
        ]
        return max([own, *(stage + 0.5 for stage in before)])
    before = [
        _of(x).stage
        for x in others
        if x.problem in _of(finding).follows and _first_step(finding) > _last_step(x)
    ]
    return max([own, *(stage + 0.5 for stage in before)])


def _first_step(finding: Finding) -> int:
    return min((x.steps[0] for x in finding.evidence if x.steps is not None), default=0)


def _last_step(finding: Finding) -> int:
    return max((x.steps[1] for x in finding.evidence if x.steps is not None), default=0)


def _of(finding: Finding) -> Declared:
    return declared(finding.problem)


def _by_severity(finding: Finding) -> tuple[int, int]:
    return finding.severity.rank, _of(finding).stage

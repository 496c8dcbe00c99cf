"""Findings → one outcome, one cause, its symptoms folded under it.

May import `detectors` and what they may import.
"""

from collections.abc import Collection, Mapping

from nndiag.detectors import DETECTORS, checked_thresholds, course_of, run
from nndiag.diagnosis.root_cause import root_cause
from nndiag.diagnosis.units import counted_in
from nndiag.finding import Diagnosis, Finding, Skipped
from nndiag.trace import Trace

__all__ = ["diagnose"]


def diagnose(
    trace: Trace,
    *,
    thresholds: Mapping[str, Mapping[str, float]] | None = None,
    ignore: Collection[str] = (),
    select: Collection[str] | None = None,
) -> Diagnosis:
    """What is to be said about one run.

    Args:
        trace: The run.
        thresholds: Problem → threshold → value, for those that differ from the default.
        ignore: Problems that are not looked at.
        select: The only problems that are looked at; None for all.

    Raises:
        ConfigError: A threshold does not exist or is out of its bounds.
        UnknownNameError: A problem in `ignore` or `select` does not exist.
    """
    changed = checked_thresholds(thresholds or {})
    for problem in (*ignore, *(select or ())):
        DETECTORS.get(problem)
    findings: list[Finding] = []
    not_checked: list[Skipped] = []
    ruled_out: list[str] = []
    for problem in DETECTORS.names():
        if problem in ignore or (select is not None and problem not in select):
            continue
        result = run(problem, trace, thresholds=changed.get(problem))
        if isinstance(result, Skipped):
            not_checked.append(result)
        elif result:
            findings.extend(counted_in(trace.facts.unit, finding) for finding in result)
        else:
            ruled_out.append(problem)
    course = course_of(trace)
    cause, ordered = root_cause(findings, course=course)
    return Diagnosis(
        outcome=course.outcome,
        cause=cause,
        findings=ordered,
        not_checked=tuple(not_checked),
        numbers=course.numbers,
        ruled_out=tuple(ruled_out),
    )

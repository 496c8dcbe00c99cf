"""What is tried first against the findings of a run: said by every verb, and done by `fix`."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from nndiag.analysis.reference_fit import Limit, ReferenceFit, limit_of
from nndiag.errors import NndiagError
from nndiag.experiment import experiment_of
from nndiag.finding import Diagnosis, Finding, Outcome, Severity, Suggestion
from nndiag.remedies.change import changed, smallest_changes
from nndiag.remedies.contract import Case, Remedy, remedies
from nndiag.trace import Trace

_POINTLESS_AFTER_DIVERGENCE = frozenset({"more-steps", "larger-rate", "rate-near-limit"})
_POINTLESS_WHERE_SLOW = frozenset({"smaller-rate", "much-smaller-rate"})
_SLOW = frozenset({"learning-rate-too-small", "not-enough-steps"})
_OF_THE_OPTIMIZER = frozenset({"training", "optimizer", "start"})
_GOOD = 0.1  # loss over the mean baseline's below which no network is to blame
_MOST = 3  # suggestions


def advised(diagnosis: Diagnosis, trace: Trace) -> Diagnosis:
    """The diagnosis with the remedies against each finding, and what is to be tried first.

    Where the run's config is known, they are those that apply to it, with the keys that they
    change, in the order in which `fix` tries them; else all, in words.

    Args:
        diagnosis: What is said about a run.
        trace: The run.
    """
    if not diagnosis.findings:
        return diagnosis
    case = _case(trace)
    names = _unranked(trace) if case is None else ranked(case, diagnosis, limit=limit_in(trace))[0]
    findings = {id(x): _with_remedies(x, names) for x in diagnosis.findings}
    cause = diagnosis.cause
    if cause is not None:
        explains = tuple(findings[id(x)] for x in cause.explains)
        cause = replace(cause, finding=findings[id(cause.finding)], explains=explains)
    return replace(
        diagnosis,
        cause=cause,
        findings=tuple(findings[id(x)] for x in diagnosis.findings),
        suggested=_first_of(diagnosis, names, case),
    )


def ranked(
    case: Case, diagnosis: Diagnosis, *, limit: Limit | None = None
) -> tuple[list[str], list[str]]:
    """The remedies that apply, the most promising first: those that are suggested, and the rest.

    Suggested are those against a finding, those against the cause first. Cheap ones come first.
    Where the reference fit shows the network to be the limit, remedies that change the optimizer,
    the start or the length of training come last. What can only make matters worse is left out.

    Args:
        case: The config.
        diagnosis: What is said about its run.
        limit: What keeps the run from a smaller loss, by the reference fit.
    """
    problems = {x.problem for x in diagnosis.findings if x.severity is not Severity.NOTE}
    cause = diagnosis.cause
    aims = [set[str]()] if cause is None else [{cause.finding.problem}]
    aims.append(problems)
    diverged = diagnosis.outcome is Outcome.DIVERGED

    def rank(remedy: Remedy) -> tuple[int, int]:
        aimed = [bool(remedy.cures & aim) for aim in aims]
        return (aimed.index(True) if any(aimed) else len(aims), remedy.price)

    fitting = [
        one
        for one in remedies().values()
        if not (diverged and one.name in _POINTLESS_AFTER_DIVERGENCE)
        and one.changes(case) is not None
    ]
    late = {one.name for one in fitting if limit is Limit.MODEL and one.kind in _OF_THE_OPTIMIZER}
    ordered = sorted(fitting, key=rank)
    suggested = [x.name for x in ordered if rank(x)[0] < len(aims) and x.name not in late]
    slow = _POINTLESS_WHERE_SLOW if problems & _SLOW else frozenset[str]()
    rest = [x.name for x in ordered if x.name not in suggested and x.name not in slow]
    return suggested, sorted(rest, key=late.__contains__)


def compatible(names: Iterable[str]) -> tuple[str, ...]:
    """The names without those whose group an earlier one has taken."""
    catalogue, taken, kept = remedies(), set[str](), []
    for name in names:
        group = catalogue[name].group
        if group is None or group not in taken:
            kept.append(name)
        if group is not None:
            taken.add(group)
    return tuple(kept)


def limit_in(trace: Trace) -> Limit | None:
    """What keeps a run from a smaller loss, by its reference fit; None where it has none."""
    ending, baseline = trace.ending, trace.facts.baseline_loss
    if ending is None or ending.reference_loss is None or not baseline:
        return None
    if not ending.loss > _GOOD * baseline:
        return None
    own = ending.reference_loss_from_end
    losses = {} if own is None else {"end": own}
    fit = ReferenceFit(ending.reference_loss, "", losses, np.zeros(0), baseline, 0)
    return limit_of(fit, loss=ending.loss)


def _unranked(trace: Trace) -> list[str]:
    """What may help a run without a known config; of losses alone only what fits any training."""
    every = remedies().values()
    if trace.facts.layers or trace.facts.inputs is not None:
        return [one.name for one in every]
    return [one.name for one in sorted(every, key=lambda one: one.price) if one.blind]


def _case(trace: Trace) -> Case | None:
    """The config of a run; None where it is not known, or its data are no longer there."""
    try:
        case = Case(experiment_of(trace.facts.settings), known=trace.facts)
        case.built  # noqa: B018 (the data are read)
    except NndiagError:
        return None
    return case


def _with_remedies(finding: Finding, names: list[str]) -> Finding:
    catalogue = remedies()
    against = [name for name in names if finding.problem in catalogue[name].cures]
    return replace(finding, remedies=tuple(against))


def _first_of(diagnosis: Diagnosis, names: list[str], case: Case | None) -> tuple[Suggestion, ...]:
    """What is tried first: of a config the first ones, else those against what matters most."""
    if case is None:
        matters = next((x for x in diagnosis.findings if x.severity is not Severity.NOTE), None)
        names = [] if matters is None else list(_with_remedies(matters, names).remedies)
    names = [name for name in names if not _against_consequences(diagnosis, remedies()[name])]
    first = compatible(names)[:_MOST]
    return tuple(Suggestion(name, remedies()[name].title, _changes(case, name)) for name in first)


def _against_consequences(diagnosis: Diagnosis, one: Remedy) -> bool:
    """Whether a remedy is only against what a cause brings about that no setting is against.

    Where the targets are noise, what keeps a network from learning them by heart helps nothing.
    """
    cause = diagnosis.cause
    if cause is None or any(cause.finding.problem in x.cures for x in remedies().values()):
        return False
    below = {x.problem for x in cause.explains}
    graver = {x.problem for x in diagnosis.findings if x.severity is not Severity.NOTE}
    return bool(one.cures & below) and not one.cures & (graver - below)


def _changes(case: Case | None, name: str) -> Mapping[str, Any] | None:
    changes = None if case is None else remedies()[name].changes(case)
    if case is None or changes is None:
        return None
    return smallest_changes(case.experiment, changed(case.experiment, changes, source=name))

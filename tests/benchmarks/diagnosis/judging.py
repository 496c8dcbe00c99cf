"""One member of the population, trained and diagnosed."""

import tempfile
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from nndiag.checkup import checkup
from nndiag.experiment import experiment_of
from nndiag.finding import Outcome, Severity
from nndiag.fixing import fix, measured
from nndiag.fixing.measure import Run, with_reference
from nndiag.training.reference import reference_of
from tests.benchmarks.diagnosis.bases import base, reachable, varied
from tests.benchmarks.diagnosis.faults import FAULTS, RATE, STEEP, Settings

_TRAINS = 0.7  # share of what can be explained that a base has to explain to be broken
_BROKEN = 0.25  # share of what the base explains that a fault has to cost to be one
_FIT_SECONDS = 0.2  # of work for the reference fit of a run that ended badly
_CHECKED_UP = ("plain", "summed", "held-out", "robust", "scheduled")
"""Variants of healthy runs that are checked before training, too."""
_GOOD = 0.1  # loss over the mean baseline's from which it is made


@dataclass(frozen=True)
class Member:
    """One run of the population.

    Attributes:
        key: Its name; what is known under it is not run again.
        base: Task, network and optimizer.
        seed: Seed of the run.
        fault: Name of the fault; None for a healthy one.
        variant: In which way a healthy one is varied.
        cure: Whether `fix` is to be run too.
    """

    key: str
    base: tuple[str, str, str]
    seed: int
    fault: str | None
    variant: str = "plain"
    cure: bool = False


def judged(member: Member) -> dict[str, Any]:
    """What the diagnosis says about a member, as plain data; a failure of nndiag is a row, too."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            return _judged(member, Path(folder))
        except Exception as error:
            return {**asdict(member), "class": "failure", "error": repr(error), "score": None}


def _judged(member: Member, folder: Path) -> dict[str, Any]:
    settings = varied(base(*member.base, seed=member.seed), member.variant)
    found: dict[str, Any] = {**asdict(member), "class": "healthy", "labels": []}
    if member.fault is not None:
        fault = next(one for one in FAULTS if one.name == member.fault)
        broken = fault.apply(settings, folder)
        if broken is None:
            return {**found, "class": "not applicable"}
        settings = broken
        found |= {"class": "broken", "labels": sorted(fault.labels), "kind": fault.kind}
        found["parts"] = [sorted(part) for part in fault.parts]
    experiment = experiment_of(settings)
    run = measured(experiment)
    if member.fault is not None:
        reached = _reached(member)
        found["base_score"] = reached
        if not reached >= _TRAINS * reachable(member.base[0]):
            return {**found, "class": "base does not train"}
        if not all(_breaks(member, part, folder) for part in fault.members):
            return {**found, "class": "harmless"}
        if 1 - run.error > (1 - _BROKEN) * reached:
            found["class"] = "harmless"
        if _rate_is_a_cause(run, settings, labels=fault.labels):
            found["labels"] = sorted({*fault.labels, RATE})
    constant = run.trace.facts.baseline_loss or 0.0
    if np.isfinite(run.loss) and run.loss > _GOOD * constant:
        fit = reference_of(run.built, run.parameters, seconds=_FIT_SECONDS)
        run = with_reference(run, fit)
    cause = run.diagnosis.cause
    graver = [x for x in run.diagnosis.findings if x.severity is not Severity.NOTE]
    first = [] if cause is None else [cause.finding.problem]
    explained = [] if cause is None else [x.problem for x in cause.explains]
    others = [x.problem for x in graver if x.problem not in (*first, *explained)]
    found |= {
        "outcome": str(run.diagnosis.outcome),
        "score": None if run.score is None else round(run.score, 4),
        "good": run.good,
        "failing": run.diagnosis.failing,
        "ranked": list(dict.fromkeys(x.problem for x in graver)),  # as the report and JSON have it
        "top_level": len(dict.fromkeys([*first, *others])),
        "findings": len(graver),
        "seconds": round(run.seconds, 3),
    }
    if member.fault is None and member.variant in _CHECKED_UP:
        found["failed_checks"] = [check.name for check in checkup(experiment).failed]
    if member.cure and found["class"] == "broken":
        found |= _cured(experiment)
    return found


def _breaks(member: Member, part: str, folder: Path) -> bool:
    """Whether one of two faults costs a base enough by itself."""
    fault = next(one for one in FAULTS if one.name == part)
    broken = fault.apply(base(*member.base, seed=member.seed), folder)
    if broken is None:
        return False
    return 1 - measured(experiment_of(broken)).error <= (1 - _BROKEN) * _reached(member)


def _reached(member: Member) -> float:
    """What the base explains, without the noise that it may know by heart."""
    error = _unbroken(member.base, member.seed)
    return min(1 - error, reachable(member.base[0]))


@cache
def _unbroken(base_name: tuple[str, str, str], seed: int) -> float:
    """Error of a base before it is broken; many faults share it."""
    return measured(experiment_of(base(*base_name, seed=seed))).error


def _rate_is_a_cause(run: Run, settings: Settings, *, labels: frozenset[str]) -> bool:
    """Whether a run blew up that does not at half its limit; not asked of faults of scale."""
    rate, stability_limit = run.trace.facts.learning_rate, run.trace.facts.stability_limit
    if not _blew_up(run) or labels & STEEP or not rate or not stability_limit:
        return False
    if rate <= stability_limit:
        return False
    optimizer = {**settings["optimizer"], "learning_rate": stability_limit / 2}
    calmer = measured(experiment_of({**settings, "optimizer": optimizer}))
    return not _blew_up(calmer)


def _blew_up(run: Run) -> bool:
    """Whether a run diverged, or came to rest where its loss had thrown it."""
    return run.diagnosis.outcome is Outcome.DIVERGED or "exploding-loss" in run.problems


def _cured(experiment: Any) -> dict[str, Any]:
    result = fix(experiment)
    winner = result.winner
    cause = result.diagnosis.cause
    return {
        "fixed": winner is not None,
        "remedies": [] if winner is None else list(winner.trial.remedies),
        "healthy_for_fix": result.healthy or result.in_the_data,
        "cause_after": None if cause is None else cause.finding.problem,
        "confidence": None if cause is None else str(cause.confidence),
        "fix_seconds": round(result.seconds, 2),
        "fix_share": round(result.seconds / max(result.baseline.seconds, 1e-9), 1),
        "fix_score": None if winner is None or winner.trial.run is None
        else float(np.round(winner.trial.run.score or 0.0, 4)),
    }  # fmt: skip

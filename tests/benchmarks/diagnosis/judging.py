"""One member of the population, trained and diagnosed."""

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nndiag.experiment import experiment_of
from nndiag.finding import Severity
from nndiag.fixing import fix, measured
from tests.benchmarks.diagnosis.bases import base
from tests.benchmarks.diagnosis.faults import FAULTS

_BROKEN = 0.1  # a fault that costs less of the targets' variance than this is none
_TWICE = 2.0  # … and it at least doubles the error


@dataclass(frozen=True)
class Member:
    """One run of the population.

    Attributes:
        key: Its name; what is known under it is not run again.
        base: Task, network and optimizer.
        seed: Seed of the run.
        fault: Name of the fault; None for a healthy one.
        cure: Whether `fix` is to be run too.
    """

    key: str
    base: tuple[str, str, str]
    seed: int
    fault: str | None
    cure: bool = False


def judged(member: Member) -> dict[str, Any]:
    """What the diagnosis says about a member, as plain data."""
    with tempfile.TemporaryDirectory() as folder:
        return _judged(member, Path(folder))


def _judged(member: Member, folder: Path) -> dict[str, Any]:
    settings = base(*member.base, seed=member.seed)
    found: dict[str, Any] = {**asdict(member), "class": "healthy", "labels": []}
    if member.fault is not None:
        healthy = measured(experiment_of(settings))
        fault = next(one for one in FAULTS if one.name == member.fault)
        broken = fault.apply(settings, folder)
        if broken is None:
            return {**found, "class": "not applicable"}
        settings = broken
        found |= {"class": "broken", "labels": sorted(fault.labels), "kind": fault.kind}
    experiment = experiment_of(settings)
    run = measured(experiment)
    if member.fault is not None and not run.error > max(
        _TWICE * healthy.error, healthy.error + _BROKEN
    ):
        found["class"] = "harmless"
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
        "ranked": list(dict.fromkeys([*first, *others, *explained])),
        "top_level": len(dict.fromkeys([*first, *others])),
        "findings": len(graver),
        "seconds": round(run.seconds, 3),
    }
    if member.cure and found["class"] == "broken":
        found |= _cured(experiment)
    return found


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
        else float(np.round(winner.trial.run.score or np.nan, 4)),
    }  # fmt: skip

"""How far a changed program's training came: its R², whether it trains, its stability limit."""

import math

import numpy as np

from nndiag.diagnosis import diagnose
from nndiag.finding import Severity
from nndiag.own_program.mirror import Mirror, Told, mirror_of
from nndiag.own_program.record import layer_names, recorded
from nndiag.trace import TraceRecorder

_CURED = 0.9  # R²


def limit_of(told: Told) -> float | None:
    """The stability limit of a program's rate at its start; None where it is not known."""
    mirror = mirror_of(told)
    trace = recorded(told, mirror, TraceRecorder(layers=layer_names(told, mirror)), reference=False)
    limits = trace.facts.stability_limit, trace.facts.noise_limit
    return min((x for x in limits if x is not None), default=None)


def trains(told: Told, mirror: Mirror | None, reached: float | None) -> bool:
    """Whether a changed program trains: it explains its targets, or nothing is said of it."""
    if reached is not None and reached >= _CURED:
        return True
    if mirror is None and reached is None:
        return False
    if not told["right"] and told["scale"] is None and not told["adaptive"]:
        return False
    trace = recorded(told, mirror, TraceRecorder(layers=layer_names(told, mirror)))
    diagnosis = diagnose(trace)
    return diagnosis.cause is None and not any(
        x.severity is Severity.ERROR for x in diagnosis.findings
    )


def r_squared(told: Told, mirror: Mirror | None) -> float | None:
    """Share of the targets' variance that the run explains at its end; None where not known."""
    if mirror is None or not told["final"]:
        return None
    with np.errstate(all="ignore"):
        predicted = mirror.predictions(told["final"])
        spread = float(((mirror.targets - mirror.targets.mean(axis=0)) ** 2).sum())
        share = 1 - float(((predicted - mirror.targets) ** 2).sum()) / spread if spread else np.nan
    return float(share) if np.isfinite(share) else -math.inf

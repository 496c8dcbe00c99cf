"""How far a changed program's training came: whether it trains, its stability limit."""

import numpy as np

from nndiag.own_program.mirror import Told
from nndiag.own_program.program import CURED, Program
from nndiag.own_program.run import Live, judged

_LAST = 10  # one step in so many is a last one


def limit_of(program: Program, told: Told) -> float | None:
    """The stability limit of a program's rate at its start; None where it is not known."""
    facts = Live(program).ended(told, reference=False).facts
    limits = facts.stability_limit, facts.noise_limit
    return min((x for x in limits if x is not None), default=None)


def trains(program: Program, told: Told, reached: float | None) -> bool:
    """Whether a changed program trains: it explains its targets, or nothing is said of it.

    Args:
        program: The program, with the changed text.
        told: What was watched.
        reached: R² at the end, where it is known.
    """
    if reached is not None and reached >= CURED:
        return True
    if not told["right"] and told["scale"] is None and not told["adaptive"]:
        return False
    diagnosis = judged(program, told).diagnosis
    return diagnosis.cause is None and not diagnosis.failing


def fell(told: Told, *, share: float) -> bool:
    """Whether the loss of the last steps is lower than the first one by a share of it.

    Args:
        told: What was watched.
        share: Of the first loss.
    """
    losses = told["rows"][:, 0] if "rows" in told else np.empty(0)
    if not len(losses) or told["reason"] != "finished" or not np.isfinite(losses).all():
        return False
    first, last = losses[0], np.median(losses[-max(1, len(losses) // _LAST) :])
    return bool(last < first - share * abs(first))

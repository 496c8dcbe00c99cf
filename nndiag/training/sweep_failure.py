"""Why no learning rate works: what is measured where the network starts."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from nndiag.nn.folding import evaluated_start
from nndiag.nn.network import examples, loss_and_gradient
from nndiag.training.probes import Probes
from nndiag.training.sweep_runs import ShortRun, SweepTask, flat_share
from nndiag.training.sweep_verdict import NOTHING, removed

_FLAT = 0.5  # share of flat units from which on they are the reason
_NOTHING = 1e-9  # spread or gradient relative to its scale that is none


class Reason(StrEnum):
    """Why no rate learns."""

    NOTHING_TO_LEARN = "nothing to learn"
    NO_GRADIENT = "no gradient"
    FLAT_UNITS = "flat units"
    ALWAYS_LOST = "diverges at every rate"
    NOT_DOWNHILL = "the step is no descent"
    NOT_LOWERED = "no rate lowers the loss"
    UNBOUNDED = "the loss has no lower bound"
    CHANCE = "the seed decides"
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True)
class Failure:
    """Why no rate learns.

    Attributes:
        reason: The most likely reason.
        initial: Loss at the start.
        reference: Loss of the mean baseline.
        lowest: Smallest final loss of all runs.
        gradient_norm: Norm of the gradient at the start; NaN for a user's program.
        flat_share: Share of saturated or dead units, at the start, in the hidden layer that has
            most of them; None without hidden layers.
        identical_share: The same, of units that have a twin.
    """

    reason: Reason
    initial: float
    reference: float
    lowest: float
    gradient_norm: float
    flat_share: float | None
    identical_share: float


def failure_of(task: SweepTask, runs: Iterable[ShortRun]) -> Failure:
    """Why none of these runs learned, as far as the first seed's start shows it."""
    finished = list(runs)
    drawn = next(iter(task.starts.values()))
    data = examples(task.shape, task.inputs, task.targets)
    start = evaluated_start(task.shape, drawn, data)
    with np.errstate(all="ignore"):
        initial, gradient = loss_and_gradient(task.shape, start, data)
        probes = Probes(task.shape, training=data, validation=None, exact=True)
        twins = np.asarray(probes.measure(start)["identical_share"])
        flat = flat_share(probes, start) if task.shape.layers > 1 else None
    reference = finished[0].reference if finished else float("nan")
    norm = float(np.linalg.norm(gradient))
    return Failure(
        _reason(finished, float(initial), reference, norm=norm, flat=flat),
        initial=float(initial),
        reference=reference,
        lowest=min((run.final for run in finished), default=float("nan")),
        gradient_norm=norm,
        flat_share=flat,
        identical_share=float(twins[:-1].max(initial=0.0)),
    )


def _reason(
    runs: list[ShortRun], initial: float, reference: float, *, norm: float, flat: float | None
) -> Reason:
    if reference <= _NOTHING * max(initial, 1e-300) or initial <= _NOTHING * reference:
        return Reason.NOTHING_TO_LEARN
    if flat is not None and flat >= _FLAT:
        return Reason.FLAT_UNITS
    if norm <= _NOTHING * initial:
        return Reason.NO_GRADIENT
    if runs and all(run.lost_at is not None for run in runs):
        return Reason.ALWAYS_LOST
    if any(removed(run) >= NOTHING for run in runs):
        return Reason.CHANCE
    return Reason.UNEXPLAINED

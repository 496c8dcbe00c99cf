"""Which of the candidates is the loss that the program's step belongs to.

Each candidate's numeric gradient is compared with the step at several points. A loss is taken when
all tensors follow it with one positive factor. Where none is, the one that most tensors follow is
taken, the program's own before one that is only implied; the report says what was assumed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from nndiag.program.execution.runner import StepFailedError
from nndiag.program.gradients.candidates import Candidate, is_even
from nndiag.program.gradients.computed import Computed, Residual
from nndiag.program.gradients.laboratory import Laboratory, Point, Theta
from nndiag.program.gradients.slopes import Differences, Entries, Fit, Slopes, entries_of, fit

_SAME_SCALE = 1e-3
_POINTS = 3
_ENTRIES = 6
_STEADY = 1e-2  # how much the factor may vary at one iteration


@dataclass
class Trial:
    """One candidate, compared with the step.

    Attributes:
        candidate: The candidate.
        fits: Per point: tensor name → fit.
        groups: Which iteration each point belongs to.
        even: Whether it ignores the signs of residuals.
        relatives: Kinds of implied losses that it is a multiple of.
    """

    candidate: Candidate
    fits: list[dict[str, Fit]] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    even: bool = True
    relatives: frozenset[str] = frozenset()

    @property
    def followed(self) -> int:
        """How many tensors follow it at all points where it has a slope.

        A tensor of one number follows anything; it counts only where there are no others.
        """
        names = list(self.fits[0]) if self.fits else []
        telling = [name for name in names if any(fits[name].size > 1 for fits in self.fits)]
        return sum(self._follows(name) for name in telling or names)

    def _follows(self, name: str) -> bool:
        found = [fits[name] for fits in self.fits if fits[name].signal]
        return bool(found) and all(item.parallel for item in found)

    @property
    def explains(self) -> bool:
        """Whether all tensors follow it downhill with one factor, the same at all points."""
        factors: dict[int, list[float]] = {}
        for fits, group in zip(self.fits, self.groups):
            heard = [item for item in fits.values() if item.signal]
            if not heard:
                continue
            if not all(item.parallel for item in heard):
                return False
            scales = [item.scale for item in heard]
            if min(scales) <= 0 or max(scales) > (1 + _SAME_SCALE) * min(scales):
                return False
            factors.setdefault(group, []).append(float(np.median(scales)))
        twice = any(len(found) > 1 for found in factors.values())
        return twice and all(max(found) <= (1 + _STEADY) * min(found) for found in factors.values())

    @property
    def steady(self) -> bool:
        """Whether the factors of the tensors that follow it are the same at all points."""
        for name in self.fits[0] if self.fits else {}:
            for group in set(self.groups):
                scales = [
                    fits[name].scale
                    for fits, own in zip(self.fits, self.groups)
                    if own == group and fits[name].parallel
                ]
                if scales and max(scales) > min(scales) + _STEADY * max(map(abs, scales)):
                    return False
        return True


def compared(
    point: Point, step: Theta, *, slopes: Slopes, entries: Mapping[str, Entries]
) -> dict[str, Fit]:
    """The fit of each tensor at one point."""
    return {
        name: fit(
            step[name][chosen],
            slopes.values[name],
            noise=slopes.noise,
            values=point.theta[name][chosen],
        )
        for name, chosen in entries.items()
    }


@dataclass(frozen=True, eq=False)
class Objective:
    """What the comparison of all candidates came to.

    Attributes:
        trials: The candidates, compared.
        chosen: The one that is taken for the loss; None where none can be.
    """

    trials: list[Trial]
    chosen: Trial | None


def objective_of(
    lab: Laboratory,
    candidates: Sequence[Candidate],
    *,
    points: Sequence[Point],
    residuals: list[Residual],
    computed: Computed,
) -> Objective:
    """Compares all candidates with the step at the first points, and takes one for the loss.

    Args:
        lab: Runs the step.
        candidates: What may be the loss.
        points: Where the program is looked at.
        residuals: The differences between outputs and targets.
        computed: The values of one iteration.
    """
    found = _trials(lab, candidates, points=points[:_POINTS], computed=computed)
    _relate(found, computed)
    for trial in found:
        if trial.candidate.own:
            trial.even = is_even(
                lab, trial.candidate, point=points[0], residuals=residuals, computed=computed
            )
    return Objective(found, _chosen(found))


def _trials(
    lab: Laboratory,
    candidates: Sequence[Candidate],
    *,
    points: Sequence[Point],
    computed: Computed,
) -> list[Trial]:
    likely = [_downhill(candidate, candidates, computed) for candidate in candidates]
    differences = Differences(lab, likely, computed)
    found = [Trial(candidate) for candidate in likely]
    for point in points:
        try:
            step = lab.step(point)
            entries = entries_of(lab.tensors, step, _ENTRIES)
            slopes = differences.slopes(point, entries)
        except StepFailedError:
            continue
        for trial, slope in zip(found, slopes):
            if np.isfinite(slope.loss):
                trial.fits.append(compared(point, step, slopes=slope, entries=entries))
                trial.groups.append(point.snapshot.iteration)
    return [trial for trial in found if trial.fits]


def _relate(found: list[Trial], computed: Computed) -> None:
    """Notes which own losses are multiples of an implied one, on the same data."""
    implied = [trial.candidate for trial in found if not trial.candidate.own]
    for trial in found:
        if trial.candidate.own:
            trial.relatives = frozenset(
                item.kind for item in implied if _multiple(trial.candidate, item, computed) > 0
            )


def _downhill(
    candidate: Candidate, candidates: Sequence[Candidate], computed: Computed
) -> Candidate:
    """A candidate, with the other sign where it is a likelihood: a negative multiple of a loss."""
    implied = [item for item in candidates if not item.own]
    opposite = candidate.own and any(
        _multiple(candidate, item, computed) < 0 for item in implied if item.kind != "squares"
    )
    return candidate.negated() if opposite else candidate


def _multiple(first: Candidate, second: Candidate, computed: Computed) -> float:
    """The factor between two numbers that are multiples of each other; 0 where they are none."""
    values = [(first.value(item), second.value(item)) for item in (computed.base, computed.moved)]
    if any(a is None or b is None or a == 0 or b == 0 for a, b in values):
        return 0.0
    factors = [a / b for a, b in values if a is not None and b]
    return factors[0] if abs(factors[0] - factors[1]) <= 1e-9 * abs(factors[0]) else 0.0


def _chosen(found: list[Trial]) -> Trial | None:
    """The candidate that is taken for the loss; None where there is none."""
    own = [trial for trial in found if trial.candidate.own and trial.candidate.rank <= 2]
    proper = [trial for trial in own if trial.even]
    said = [trial for trial in found if trial.candidate.rank == 0]
    if said:
        return said[0]
    explaining = [trial for trial in found if trial.explains and trial.even]
    stated = [trial for trial in proper if trial.relatives]
    if explaining:
        best = min(explaining, key=_preference)
        rivals = [trial for trial in stated if not trial.explains]
        if not best.candidate.own and rivals and best.candidate.kind not in rivals[0].relatives:
            return rivals[0]  # the program says which loss it means, and the step follows another
        return best
    # where nothing fits, a loss that the program states comes first if some tensor follows it
    kept = [trial for trial in stated if trial.candidate.assigned and trial.followed]
    likely = kept or [trial for trial in found if trial.even and trial.candidate.rank != 3]
    return min(likely, key=_likelihood, default=None)


def _preference(trial: Trial) -> tuple[int, int]:
    return (trial.candidate.rank, -trial.candidate.line)


def _likelihood(trial: Trial) -> tuple[int, int, int]:
    """Sorts candidates that do not explain the step: followed most, stated by the program first."""
    candidate = trial.candidate
    order = {"squares": 2, "cross-entropy": 4, "binary cross-entropy": 5}
    place = order.get(candidate.kind, 1 if candidate.assigned else 3)
    if candidate.own and trial.relatives:
        place = 0
    return (-trial.followed if trial.steady else 0, place, candidate.rank)

"""What the comparison of step and numeric gradient says about each tensor.

In plain gradient descent the step is the gradient times one learning rate. Tensors that follow the
gradient with one and the same positive factor are right; the factor is the effective learning rate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nndiag.finding import Word
from nndiag.program.gradients.slopes import Fit

_MANY = 2  # numbers that stand alone tell a factor together when there are more of them
_STEADY = 1e-2  # how much the factor may vary at one iteration
SAME = 1e-3
"""Relative difference up to which two factors are the same."""


class Verdict(Word):
    """What is said of one tensor."""

    RIGHT = "right"
    WRONG_SCALE = "wrong scale"
    WRONG_SIGN = "wrong sign"
    WRONG = "wrong"
    NEVER_UPDATED = "never updated"
    NO_SIGNAL = "no signal"
    KINK = "at a kink"
    NOISE = "lost in rounding"
    CONVENTION = "by convention"


@dataclass(frozen=True)
class TensorCheck:
    """The check of one tensor.

    Attributes:
        name: The tensor, as the program writes it.
        shape: Its shape.
        relative_error: Norm of step over factor minus gradient, relative to the gradient's.
        cosine: Of the angle between the step and the negative gradient.
        scale: Step over gradient.
        verdict: What it comes to.
        line: Line of the statement that updates it.
    """

    name: str
    shape: tuple[int, ...]
    relative_error: float | None
    cosine: float | None
    scale: float | None
    verdict: Verdict
    line: int | None = None


Fits = Sequence[Mapping[str, Fit]]
"""Per point: tensor name → fit."""


def reference_scales(
    fits: Fits,
    rates: Sequence[float | None],
    groups: Sequence[int],
) -> list[float | None]:
    """The factor that right tensors have, at each point.

    The positive factor that most tensors share; the learning rate where none has one. Tensors of
    one number are always parallel: they only tell a factor where they have the same at all points
    of one iteration. What is noisier than two factors may differ tells none.

    Args:
        fits: Per point: tensor name → fit.
        rates: The learning rate at each point, where it is known to be that of right tensors.
        groups: Which iteration each point belongs to: there the learning rate is the same.
    """
    scales: list[float | None] = []
    for point, rate in zip(fits, rates):
        every = [
            fit for fit in point.values() if fit.parallel and fit.scale > 0 and fit.noise <= SAME
        ]
        telling = [fit.scale for fit in every if fit.size > 1 or len(every) > _MANY]
        if rate is not None and any(abs(fit.scale - rate) <= SAME * rate for fit in every):
            scales.append(rate)
        else:
            scales.append(_most_shared(sorted(telling), rate))
    if any(scale is not None for scale in scales):
        return scales
    return [_alone(fits, groups, group) for group in groups]


def alone_and_odd(fits: Fits, named: Sequence[float | None]) -> bool:
    """Whether at each point one of several tensors has a factor, and a strange one.

    The weights of a single output follow the gradient with some factor whatever is wrong. Where no
    other has it, and it is no round multiple of the rate, it is none of right tensors.

    Args:
        fits: Per point: tensor name → fit.
        named: The learning rate at each point that the program names.
    """
    told = []
    for point, rate in zip(fits, named):
        heard = [fit for fit in point.values() if fit.signal and not fit.still]
        scales = [fit.scale for fit in heard if fit.parallel and fit.scale > 0]
        if rate is None or not rate > 0:
            return False
        if len(heard) > 1:
            told.append(len(scales) == 1 and not _is_round(scales[0] / rate))
    return bool(told) and all(told)


def _is_round(factor: float) -> bool:
    """Whether a factor is one that conventions have: halves, doubles, numbers of examples."""
    return any(
        round(2 * value) > 0 and abs(2 * value - round(2 * value)) <= SAME * 2 * value
        for value in (factor, 1 / factor)
    )


def _alone(fits: Fits, groups: Sequence[int], group: int) -> float | None:
    """The one factor of single numbers at all points of one iteration."""
    points = [point for point, own in zip(fits, groups) if own == group]
    scales = [fit.scale for point in points for fit in point.values() if fit.parallel]
    positive = [scale for scale in scales if scale > 0]
    return float(np.median(positive)) if positive else None


def _most_shared(scales: Sequence[float], rate: float | None) -> float | None:
    """The value that most of some scales share; the rate where there are none."""
    if not scales:
        return rate
    return min(
        scales, key=lambda scale: -sum(abs(other - scale) <= SAME * scale for other in scales)
    )


def state(fit: Fit, scale: float | None) -> Verdict:
    """What one tensor's fit says at one point, given the factor of right tensors."""
    if not fit.signal:
        return Verdict.NO_SIGNAL
    if fit.still:
        return Verdict.NEVER_UPDATED
    if not fit.parallel:
        return Verdict.WRONG
    if fit.scale < 0:
        opposite = scale is None or abs(fit.scale + scale) <= (SAME + fit.noise) * scale
        # a single number goes either up or down: only the very opposite tells of a sign
        return Verdict.WRONG_SIGN if fit.size > 1 or opposite else Verdict.WRONG
    if scale is not None and abs(fit.scale - scale) > (SAME + fit.noise) * scale:
        return Verdict.WRONG_SCALE if fit.size > 1 else Verdict.WRONG
    return Verdict.RIGHT


def is_steady(scales: Sequence[float | None], groups: Sequence[int]) -> bool:
    """Whether the factor is one and the same at all points of one iteration."""
    for group in set(groups):
        known = [scale for scale, own in zip(scales, groups) if own == group and scale]
        if known and max(known) > (1 + _STEADY) * min(known):
            return False
    return True


def verdicts(
    fits: Fits, scales: Sequence[float | None], groups: Sequence[int]
) -> dict[str, Verdict]:
    """The verdict on each tensor over all points: the gravest that was seen.

    Args:
        fits: Per point: tensor name → fit.
        scales: The factor of right tensors at each point.
        groups: Which iteration each point belongs to: there the learning rate is the same.
    """
    steady = is_steady(scales, groups)
    grave = (Verdict.WRONG, Verdict.WRONG_SIGN, Verdict.WRONG_SCALE)
    found: dict[str, Verdict] = {}
    for name in fits[0]:
        states = [state(point[name], scale) for point, scale in zip(fits, scales)]
        heard = [item for item in states if item is not Verdict.NO_SIGNAL]
        if not heard:
            found[name] = Verdict.NO_SIGNAL
        elif all(item is Verdict.NEVER_UPDATED for item in heard):
            found[name] = Verdict.NEVER_UPDATED
        else:
            seen = [item for item in grave if item in heard]
            whole = steady and Verdict.NEVER_UPDATED not in heard
            still = Verdict.RIGHT if whole else Verdict.WRONG
            found[name] = seen[0] if seen else still
    return found


def relative_error(fit: Fit, scale: float | None) -> float | None:
    """Norm of (step / factor − gradient) relative to the gradient's norm."""
    if not fit.signal:
        return None
    if scale is None or fit.still:
        return 1.0 if fit.still else float(np.sqrt(max(0.0, 1 - fit.cosine**2)))
    if fit.parallel:  # the difference is one of scale only
        return abs(fit.scale / scale - 1) + fit.residual
    along = fit.scale / scale - 1
    across = abs(fit.scale / fit.cosine / scale) * fit.residual if fit.cosine else 1.0
    return float(np.hypot(along, across))

"""Does it matter? The program trained as it is, and mended, from the same start."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

_LEAST = 20
_CURED = 0.5
_AS_WELL = 0.9
_RISES = 1.5  # single examples' losses rise by so much, and fall, without a trend
_FIRST = 10  # iterations whose losses make up the start


@dataclass(frozen=True)
class Matters:
    """Training with the program's step, and with the right one, from the same start.

    Attributes:
        iterations: How many iterations of both were compared.
        start: The loss at the start.
        program: The loss at the end with the program's step.
        right: The loss at the end with the right step.
        verdict: What that means, one sentence.
    """

    iterations: int
    start: float
    program: float
    right: float
    verdict: str

    @property
    def is_why(self) -> bool:
        """Whether the program does not train with its step, and does with the right one."""
        ends = self.program, self.right
        trains = [math.isfinite(end) and end <= self.start for end in ends]
        return trains == [False, True]

    @property
    def is_harmless(self) -> bool:
        """Whether the program trains as well with its step as with the right one."""
        ends = self.program, self.right
        trains = all(math.isfinite(end) and end <= self.start for end in ends)
        return trains and self.right >= _AS_WELL * self.program

    @property
    def is_beside(self) -> bool:
        """Whether both steps go down and end alike, so that what is wrong decides nothing."""
        return self.is_harmless and self.program >= _AS_WELL * self.right


def comparison(program: list[float], right: list[float]) -> Matters | None:
    """What two trainings from the same start say; None where they are too short to tell.

    Args:
        program: Losses with the program's own step.
        right: Losses with the mended step.
    """
    length = min(len(program), len(right))
    if length < _LEAST and all(np.isfinite(program + right)):
        return None
    if length == 0:
        return None
    tail = max(1, length // 10)
    start = _mean(right[: min(tail, _FIRST)])
    ends = [_mean(item[length - tail : length]) for item in (program, right)]
    return Matters(length, start, ends[0], ends[1], _verdict(start, ends[0], ends[1]))


def _mean(values: list[float]) -> float:
    with np.errstate(all="ignore"):
        return float(np.mean(values))


def _verdict(start: float, program: float, right: float) -> str:
    if math.isfinite(right) and start < right <= _RISES * start and program <= _RISES * right:
        return "wrong, but the loss does not fall on this stretch either way"
    if not math.isfinite(right) or right > start:
        return "fixed, it does not train at this learning rate either: something else is wrong"
    if not math.isfinite(program) or program > start:
        return "this is why it does not train"
    if right < _CURED * program:
        return "this is why it trains badly"
    if program < _CURED * right:
        return "wrong, but it trains even better so on this stretch"
    return "wrong, but not why it fails: both train alike on this stretch"

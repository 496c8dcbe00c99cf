"""Which of several runs ended best, and by how much."""

import math
from collections.abc import Sequence
from string import ascii_uppercase

from nndiag.formatting import number


def letter(place: int) -> str:
    """What a run is called in a picture: A to Z, then AA, AB and so on."""
    rest, last = divmod(place, len(ascii_uppercase))
    return (letter(rest - 1) if rest else "") + ascii_uppercase[last]


def finite(value: float) -> float:
    """A loss to sort by: one that is not finite comes last."""
    return value if math.isfinite(value) else math.inf


def ranking(left: Sequence[float], *, names: Sequence[str], shown: Sequence[str]) -> str:
    """The best run and by how much: "best: A (R² 0.9), 75 % better than B".

    Args:
        left: What each run leaves at its end, on one scale; the best run first.
        names: What each run is called.
        shown: How each run's end is told: "loss 0.0469".
    """
    best, second = map(finite, left[:2])
    if math.isinf(best):
        return "no run ends at a finite loss"
    words = f"best: {names[0]} ({shown[0]})"
    if math.isinf(second):
        return f"{words}; no other run ends at a finite loss"
    if best == second:
        same = [name for name, value in zip(names, left, strict=True) if value == best]
        others = same[1] if len(same) == 2 else f"{len(same) - 1} more"
        return f"best: {same[0]} and {others}, at the same loss ({shown[0]})"
    if best < 0:  # a share of it would say nothing
        return f"{words}; {names[1]} has {shown[1]}"
    return f"{words}, {number(100 * (1 - best / second), digits=2)} % better than {names[1]}"

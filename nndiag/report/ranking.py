"""Which of several runs ended best, and by how much."""

import math
from collections.abc import Sequence
from string import ascii_uppercase

from nndiag.formatting import number


def ranking(left: Sequence[float], *, shown: Sequence[str]) -> str:
    """A sentence on the best run, and all in their order where they are more than two.

    Args:
        left: What each run leaves at its end, on one scale; A is the first.
        shown: How each run's end is told: "loss 0.0469".
    """
    values = [value if math.isfinite(value) else math.inf for value in left]
    order = sorted(range(len(values)), key=values.__getitem__)
    best, second = order[:2]
    if math.isinf(values[best]):
        return "No run ends at a finite loss."
    if values[best] == values[second]:
        names = [ascii_uppercase[place] for place in order if values[place] == values[best]]
        words = f"{_together(names, of=len(values))} end at the same loss."
        several = len(names) < len(values)
    else:
        words, several = _better(values, best, second, shown=shown), len(values) > 2
    if not several:
        return words
    return f"{words} Order: {' '.join(ascii_uppercase[place] for place in order)}."


def _together(names: Sequence[str], *, of: int) -> str:
    if len(names) == of:
        return "Both" if of == 2 else "All"
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _better(values: Sequence[float], best: int, second: int, *, shown: Sequence[str]) -> str:
    """By how much the best run is better than the next one."""
    name, other = ascii_uppercase[best], ascii_uppercase[second]
    words = f"Best: {name} ({shown[best]})"
    if math.isinf(values[second]):
        return f"{words}; no other run ends at a finite loss."
    least, next_one = values[best], values[second]
    if least < 0:  # a share of it would say nothing
        return f"{words}; {other} has {shown[second]}."
    return f"{words}, {number(100 * (1 - least / next_one), digits=2)} % better than {other}."

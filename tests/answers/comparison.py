"""What differs between two answers: words and names exactly, computed numbers loosely."""

import math
import re
from collections.abc import Iterator
from typing import Any

RELATIVE = 0.01
"""Kernels of BLAS add up in different orders; a training carries the rounding error of 1e-16 on,
and thousands of steps of a convergent one make at most a few parts in a thousand of it."""

FLOOR = 1e-7
"""Below it a number is rounding error itself: a right gradient's error, a norm that is 0."""

ERROR = 1e-5
"""The same for a relative error, whose right value is 0."""

EXACT = frozenset({"replacement", "before", "after", "diff", "line", "expression"})
"""Keys of a program's text: a number in it is part of the answer."""

_NUMBER = re.compile(r"(?<![\w.])[-−]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?(?!\w)")


def differences(kept: Any, now: Any, *, place: str = "") -> Iterator[str]:
    """Lines that tell what differs, each with its place: "train.answer.skill: 0.1, now 0.2"."""
    key = place.rpartition(".")[2]
    if isinstance(kept, dict) and isinstance(now, dict):
        for name in dict.fromkeys([*kept, *now]):
            inner = f"{place}.{name}".lstrip(".")
            if name in kept and name in now:
                yield from differences(kept[name], now[name], place=inner)
            else:
                yield f"{inner}: {'is gone' if name in kept else 'is new'}"
    elif isinstance(kept, list) and isinstance(now, list) and len(kept) == len(now):
        for index, (one, other) in enumerate(zip(kept, now, strict=True)):
            yield from differences(one, other, place=f"{place}.{index}")
    elif not (kept == now if key in EXACT else _alike(kept, now, _floor(key))):
        yield f"{place}: {kept!r}, now {now!r}"


def _floor(key: str) -> float:
    return ERROR if key == "relative_error" else FLOOR


def _alike(kept: Any, now: Any, floor: float) -> bool:
    if isinstance(kept, float) and isinstance(now, float):
        return math.isclose(kept, now, rel_tol=RELATIVE, abs_tol=floor)
    if isinstance(kept, str) and isinstance(now, str):
        numbers = [[_value(text) for text in _NUMBER.findall(one)] for one in (kept, now)]
        words = [_NUMBER.split(one) for one in (kept, now)]
        pairs = zip(*numbers, strict=False)
        return words[0] == words[1] and all(_alike(*pair, floor) for pair in pairs)
    return type(kept) is type(now) and bool(kept == now)


def _value(text: str) -> float:
    return float(text.replace(",", "").replace("−", "-"))

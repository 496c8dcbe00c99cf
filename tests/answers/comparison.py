"""What differs between two answers: words and names exactly, computed numbers loosely."""

import math
import re
from collections.abc import Iterator
from typing import Any

RELATIVE = 0.01
"""Kernels of BLAS add up in different orders; a training carries the rounding error of 1e-16 on,
and thousands of steps of a convergent one make at most a few parts in a thousand of it."""

_CLOSER = 4
"""How many times closer two computations must be to agree."""

FLOOR = 1e-7
"""Below it a number is rounding error itself: a right gradient's error, a norm that is 0."""

ERROR = 1e-5
"""The same for a relative error, whose right value is 0."""

ANY = "(any)"
"""Stands where a number, or more, hangs on the order in which a processor's kernels add up."""

EXACT = frozenset({"replacement", "before", "after", "diff", "line", "expression"})
"""Keys of a program's text: a number in it is part of the answer."""

_NUMBER = re.compile(r"\(any\)|(?<![\w.])[-−]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?(?!\w)")


def differences(kept: Any, now: Any, *, place: str = "") -> Iterator[str]:
    """Lines that tell what differs, each with its place: "train.answer.skill: 0.1, now 0.2"."""
    key = place.rpartition(".")[2]
    if kept == ANY:
        return
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


def agreed(one: Any, other: Any, *, place: str = "") -> Any:
    """What two computations of an answer agree on, with ANY in the place of the rest.

    They are held closer together than an answer is to a kept one: a third computation differs from
    each by about what they differ by.
    """
    key = place.rpartition(".")[2]
    if isinstance(one, dict) and isinstance(other, dict):
        return {
            name: agreed(one.get(name, ANY), other.get(name, ANY), place=name)
            for name in dict.fromkeys([*one, *other])
        }
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [agreed(*pair, place=place) for pair in zip(one, other, strict=True)]
    if key not in EXACT and isinstance(one, str) and isinstance(other, str):
        return _agreed_text(one, other)
    return one if _alike(one, other, _floor(key) / _CLOSER, RELATIVE / _CLOSER) else ANY


def _agreed_text(one: str, other: str) -> str:
    """A text with ANY for the numbers that differ; ANY where its words do."""
    if _NUMBER.split(one) != _NUMBER.split(other):
        return ANY
    others = iter(_NUMBER.findall(other))
    return _NUMBER.sub(lambda found: _agreed_number(found.group(), next(others)), one)


def _agreed_number(one: str, other: str) -> str:
    close = _alike(_value(one), _value(other), FLOOR / _CLOSER, RELATIVE / _CLOSER)
    return one if close or one == other else ANY


def _floor(key: str) -> float:
    return ERROR if key == "relative_error" else FLOOR


def _alike(kept: Any, now: Any, floor: float, relative: float = RELATIVE) -> bool:
    if isinstance(kept, float) and isinstance(now, float):
        close = math.isclose(kept, now, rel_tol=relative, abs_tol=floor)
        return close or (math.isnan(kept) and math.isnan(now))
    if isinstance(kept, str) and isinstance(now, str):
        numbers = [[_value(text) for text in _NUMBER.findall(one)] for one in (kept, now)]
        words = [_NUMBER.split(one) for one in (kept, now)]
        pairs = zip(*numbers, strict=False)
        same = words[0] == words[1] and len(numbers[0]) == len(numbers[1])
        return same and all(math.isnan(one) or _alike(one, now, floor) for one, now in pairs)
    return type(kept) is type(now) and bool(kept == now)


def _value(text: str) -> float:
    return math.nan if text == ANY else float(text.replace(",", "").replace("−", "-"))

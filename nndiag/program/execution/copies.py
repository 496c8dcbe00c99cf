"""Copies of all that a program holds: made together, so that what was one object stays one."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from nndiag.program.execution.places import MISSING, walk
from nndiag.program.execution.views import Views, copy_views, shared_memory, widened

_LONG = 256
_PLAIN = frozenset({float, int, bool, str, type(None)})


def duplicated(values: list[Any], shared: dict[int, Any], views: tuple[Views, ...]) -> list[Any]:
    """A deep copy of all values in one go.

    Args:
        values: What to copy.
        shared: Objects that stay themselves, by identity.
        views: Arrays that share memory, whose copies are to share memory too.
    """
    memo: dict[int, Any] = {**shared, id(MISSING): MISSING}
    for group in views:
        copy_views(group, memo)
    for value in values:
        if id(value) not in memo and is_long_data(value):
            _copy_long(value, memo)
    return [copy.deepcopy(value, memo) for value in values]


def uncopyable(values: list[Any], is_user: Callable[[Any], bool]) -> dict[int, Any]:
    """Objects that refuse to be copied (open files, generators, locks), by identity."""
    refused: dict[int, Any] = {}
    try:
        duplicated(values, refused, ())
    except Exception:  # any object of the user's may refuse, in any way
        for item in reversed(objects_in(values, is_user)):  # what is held comes before its holder
            try:
                copy.deepcopy(item, dict(refused))
            except Exception:  # see above
                refused[id(item)] = item
    return refused


def is_long_data(value: Any) -> bool:
    """Whether a value is a long list of numbers and words, or of lists of such: a data set."""
    if type(value) is not list or len(value) < _LONG:
        return False
    kinds = set(map(type, value))
    if kinds <= _PLAIN:
        return True
    return kinds == {list} and all(_PLAIN.issuperset(map(type, row)) for row in value)


def _copy_long(value: list[Any], memo: dict[int, Any]) -> None:
    """Copies a data set row by row, many times faster than item by item."""
    rows = type(value[0]) is list
    for row in value if rows else ():
        if id(row) not in memo:
            memo[id(row)] = row[:]
    memo[id(value)] = [memo[id(row)] for row in value] if rows else value[:]


def in_double(objects: list[Any]) -> dict[int, Any]:
    """The arrays of less than double precision that stand alone, in double precision."""
    viewed = {id(array) for group in shared_memory(objects) for array in group.arrays}
    return {
        id(item): item.astype(np.float64)
        for item in objects
        if isinstance(item, np.ndarray)
        and id(item) not in viewed
        and widened(item.dtype) != item.dtype
    }


def objects_in(values: list[Any], is_user: Callable[[Any], bool]) -> list[Any]:
    """All objects that the values hold, holders first."""
    seen: dict[int, Any] = {}
    return [
        item
        for value in values
        if value is not MISSING
        for _, item in walk(value, (), seen=seen, is_user=is_user)
    ]

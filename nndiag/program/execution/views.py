"""Arrays that look into the same memory, copied so that their copies do too."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

try:
    from numpy.lib.array_utils import byte_bounds
except ModuleNotFoundError:  # numpy 1
    from numpy import byte_bounds  # type: ignore[attr-defined, no-redef]


@dataclass(frozen=True)
class Views:
    """Arrays of a snapshot that look into one block of memory."""

    owner: np.ndarray[Any, Any]
    arrays: tuple[np.ndarray[Any, Any], ...]


def shared_memory(objects: Iterable[Any]) -> tuple[Views, ...]:
    """The groups of arrays that share memory."""
    groups: dict[int, list[np.ndarray[Any, Any]]] = {}
    for item in objects:
        if isinstance(item, np.ndarray) and item.size and item.dtype != object:
            groups.setdefault(id(owner_of(item)), []).append(item)
    return tuple(
        Views(owner_of(arrays[0]), tuple(arrays))
        for arrays in groups.values()
        if len(arrays) > 1 and all(item.dtype == owner_of(item).dtype for item in arrays)
    )


def owner_of(array: Any) -> Any:
    """The array whose memory an array looks into; anything else itself."""
    while isinstance(getattr(array, "base", None), np.ndarray):
        array = array.base
    return array


def bytes_of(array: np.ndarray[Any, Any]) -> tuple[int, int]:
    """Where the memory of an array begins, and where it ends."""
    low, high = byte_bounds(array)
    return int(low), int(high)


def copy_views(group: Views, memo: dict[int, Any]) -> None:
    """Copies one block of memory, in double precision, and makes the same views of the copy."""
    if all(id(item) in memo for item in group.arrays):
        return
    kind = widened(group.owner.dtype)
    times = kind.itemsize // group.owner.itemsize
    flat = np.array(group.owner, dtype=kind, copy=True, order="K", subok=False)
    buffer = flat if flat.flags.c_contiguous else flat.T
    if not buffer.flags.c_contiguous:
        return
    low = byte_bounds(group.owner)[0]
    for item in group.arrays:
        memo[id(item)] = np.ndarray.__new__(
            type(item),
            shape=item.shape,
            dtype=kind,
            buffer=buffer.data,
            offset=times * (item.__array_interface__["data"][0] - low),
            strides=tuple(times * step for step in item.strides),
        )


def widened(kind: np.dtype[Any]) -> np.dtype[Any]:
    """Double precision for a floating type below it; any other type itself.

    In single precision a numeric gradient drowns in rounding errors.
    """
    below = kind.kind == "f" and kind.itemsize < np.dtype(np.float64).itemsize
    return np.dtype(np.float64) if below else kind

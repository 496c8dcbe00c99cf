"""Arrays that look into the same memory, copied so that their copies do too."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np


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
            groups.setdefault(id(_owner(item)), []).append(item)
    return tuple(
        Views(_owner(arrays[0]), tuple(arrays))
        for arrays in groups.values()
        if len(arrays) > 1 and all(item.dtype == _owner(item).dtype for item in arrays)
    )


def _owner(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The array whose memory an array looks into."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def copy_views(group: Views, memo: dict[int, Any]) -> None:
    """Copies one block of memory and makes the same views of the copy."""
    if all(id(item) in memo for item in group.arrays):
        return
    flat = np.array(group.owner, copy=True, order="K", subok=False)
    buffer = flat if flat.flags.c_contiguous else flat.T
    if not buffer.flags.c_contiguous:
        return
    low = np.lib.array_utils.byte_bounds(group.owner)[0]
    for item in group.arrays:
        memo[id(item)] = np.ndarray.__new__(
            type(item),
            shape=item.shape,
            dtype=item.dtype,
            buffer=buffer.data,
            offset=item.__array_interface__["data"][0] - low,
            strides=item.strides,
        )

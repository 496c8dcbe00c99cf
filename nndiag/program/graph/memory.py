"""Which node of the graph an object of the running program holds, told by identity.

Identity goes through every container, call, closure and attribute by itself, so that nothing has to
be known of them. Arrays share memory: what is written through one of them is read through others.
So each buffer that is written to has versions: an array that was taken from it before the last
writing is read anew from the newest version, by the places that its entries have in the buffer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Add = Callable[..., int]
"""Adds a node to the graph and gives its index: `add(operation, function, arguments, value)`."""


@dataclass(eq=False)
class _Buffer:
    """The memory of some arrays, once something was written to it."""

    owner: np.ndarray
    node: int
    time: int


def owner_of(array: np.ndarray) -> np.ndarray:
    """The array whose memory another one looks into; itself where it has its own."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def gather(owner: Any, places: Any) -> Any:
    """Some entries of a buffer, in the shape of their places."""
    return np.ravel(owner)[places]


def scatter(owner: Any, places: Any, values: Any) -> Any:
    """A buffer with some entries replaced."""
    found = np.array(owner, dtype=np.result_type(owner, values))
    found.reshape(-1)[places] = values
    return found


def places_in(owner: np.ndarray, array: np.ndarray) -> np.ndarray | None:
    """Where the entries of a view stand in its owner, flat; None where that cannot be told."""
    if not owner.flags.c_contiguous or owner.itemsize != array.itemsize:
        return None
    start = array.__array_interface__["data"][0] - owner.__array_interface__["data"][0]
    if start % owner.itemsize or any(step % owner.itemsize for step in array.strides):
        return None
    places = np.full(array.shape, start // owner.itemsize, dtype=np.intp)
    for axis, (length, stride) in enumerate(zip(array.shape, array.strides)):
        shape = [1] * array.ndim
        shape[axis] = length
        places += (np.arange(length) * (stride // owner.itemsize)).reshape(shape)
    return places


class Memory:
    """Knows for each object of the program which node it holds."""

    def __init__(self, add: Add, freeze: Callable[[np.ndarray], None]) -> None:
        self._add = add
        self._freeze = freeze
        self._held: dict[int, tuple[Any, int, int]] = {}
        self._buffers: dict[int, _Buffer] = {}
        self._clock = 0

    def hold(self, item: Any, node: int) -> None:
        """From now on an object holds the value of a node."""
        self._held[id(item)] = (item, node, self._clock)

    def known(self, item: Any) -> int | None:
        """The node that an object holds; None where it is new."""
        held = self._held.get(id(item))
        if not isinstance(item, np.ndarray):
            return None if held is None else held[1]
        owner = owner_of(item)
        buffer = self._buffers.get(id(owner))
        if held is not None and (buffer is None or held[2] >= buffer.time):
            return held[1]
        if buffer is None:
            return None if owner is item else self._view(item, owner, self.known(owner))
        return self._view(item, owner, buffer.node)

    def _view(self, item: np.ndarray, owner: np.ndarray, node: int | None) -> int | None:
        """The node of an array that looks into the memory of another one."""
        if node is None:
            return None
        if item is not owner:
            places = places_in(owner, item)
            if places is None:
                return None
            node = self._add("gather", gather, (node, places), item)
        self.hold(item, node)
        return node

    def written(self, item: np.ndarray, before: int, node: int) -> None:
        """Tells that an array was written to, in place.

        Args:
            item: The array.
            before: Node of its owner before that.
            node: Node of what it holds now.
        """
        owner = owner_of(item)
        if owner is not item:
            places = places_in(owner, item)
            if places is not None:
                node_of_owner = self._add("scatter", scatter, (before, places, node), owner)
            else:
                node_of_owner = before
        else:
            node_of_owner = node
        self._clock += 1
        self._buffers[id(owner)] = _Buffer(owner, node_of_owner, self._clock)
        self.hold(owner, node_of_owner)
        self.hold(item, node)

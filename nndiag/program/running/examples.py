"""All examples of a program, found among its arrays from the batches of its steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nndiag.program.execution.snapshot import Snapshot

Array = Any
Batch = tuple[Array, Array]
"""Inputs and targets of some examples, each of shape (examples, columns)."""

_SAME = 1e-6


def axis_of(value: Array, array: Array) -> str | None:
    """The axis of the examples, where an array of the program holds all that another one does."""
    if value.shape == array.shape or (value.ndim == 1 and value.size == array.size):
        return "axis=0" if is_close(value.reshape(array.shape), array) else None
    same = value.shape == array.T.shape and is_close(value, array.T)
    return "axis=1, keepdims=True" if same else None


def is_close(one: Array, other: Array) -> bool:
    """Whether two arrays hold the same numbers, but for the rounding of one that was computed."""
    one, other = np.asarray(one), np.asarray(other)  # a program's may be matrices
    if one.shape != other.shape:
        return False
    size = float(np.max(np.abs(other), initial=0.0))
    return bool(np.max(np.abs(one - other), initial=0.0) <= _SAME * size)


def is_equal(one: Batch, other: Batch) -> bool:
    """Whether two batches have the same inputs and targets."""
    return np.array_equal(one[0], other[0]) and is_close(one[1], other[1])


def holding(batches: Sequence[Batch], snapshot: Snapshot) -> Batch | None:
    """The smallest two arrays that hold the rows of all batches at the same places.

    Targets may be held as labels: the number of the column that stands out.

    Args:
        batches: Some steps' examples.
        snapshot: The variables of the program.
    """
    wanted = np.concatenate([batch[1] for batch in batches])
    for inputs in _tables(snapshot, batches[0][0].shape[1]):
        rows = Rows(inputs)
        found = [rows.places(batch[0]) for batch in batches]
        known = [places for places in found if places is not None]
        if len(known) < len(found):
            continue
        places = np.concatenate(known)
        alone = rows.is_alone(places)
        for targets in _targets(snapshot, len(inputs), wanted):
            if is_close(targets[places][alone], wanted[alone]):
                return inputs, targets
    return None


def _tables(snapshot: Snapshot, columns: int) -> list[Array]:
    """The program's arrays with a number of columns, by length, as (rows, columns)."""
    found, lists = [], dict[Any, list[Any]]()
    for leaf, value in snapshot.leaves():
        for place, step in enumerate(leaf.steps):
            if step[0] == "index" and np.size(value) == columns:
                key = leaf.root, leaf.steps[:place], leaf.steps[place + 1 :]
                lists.setdefault(key, []).append(value)
        array = np.asarray(value, dtype=np.float64)
        if array.ndim == 1 and columns == 1:
            found.append(array.reshape(-1, 1))
        elif array.ndim >= 2:
            flat = array.reshape(len(array), -1)
            found += [item for item in (flat, flat.T) if item.shape[1] == columns]
    found += [np.array([np.ravel(x) for x in rows], dtype=np.float64) for rows in lists.values()]
    return sorted((item for item in found if len(item) > 1), key=len)


def _targets(snapshot: Snapshot, rows: int, wanted: Array) -> Iterator[Array]:
    """What may be the targets of all examples, shape (rows, columns)."""
    columns = wanted.shape[1]
    yield from (table for table in _tables(snapshot, columns) if len(table) == rows)
    for labels in _tables(snapshot, 1) if columns > 1 else ():
        whole = labels[:, 0].astype(int)
        if len(labels) == rows and np.array_equal(whole, labels[:, 0]):
            for first in {0, int(whole.min())}:
                if whole.min() - first >= 0 and whole.max() - first < columns:
                    encoded = np.full((rows, columns), wanted.min())
                    encoded[np.arange(rows), whole - first] = wanted.max()
                    yield encoded


class Rows:
    """Knows where the rows of an array stand in it.

    Args:
        whole: Shape (rows, columns).
    """

    def __init__(self, whole: Array) -> None:
        self._known: dict[bytes, int] = {}
        self._again: set[int] = set()
        for place, row in enumerate(np.ascontiguousarray(whole, dtype=np.float64) + 0.0):
            before = self._known.setdefault(row.tobytes(), place)
            if before != place:
                self._again.add(before)

    def places(self, rows: Array) -> Array | None:
        """Where some rows stand; None where one does not."""
        table = np.ascontiguousarray(rows, dtype=np.float64) + 0.0
        found = [self._known.get(row.tobytes()) for row in table]
        return None if any(place is None for place in found) else np.array(found, dtype=int)

    def is_alone(self, places: Array) -> Array:
        """Which rows stand at one place only."""
        return np.array([place not in self._again for place in places], dtype=bool)

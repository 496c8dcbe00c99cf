"""All examples of a program, found among its arrays from the batches of its steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from nndiag.program.execution.snapshot import Snapshot

Array = Any


def axis_of(value: Array, array: Array) -> str | None:
    """The axis of the examples, where an array of the program holds all that another one does."""
    if value.shape == array.shape or (value.ndim == 1 and value.size == array.size):
        return "axis=0" if np.array_equal(value.reshape(array.shape), array) else None
    same = value.shape == array.T.shape and np.array_equal(value, array.T)
    return "axis=1, keepdims=True" if same else None


def is_equal(one: tuple[Array, Array], other: tuple[Array, Array]) -> bool:
    """Whether two batches have the same inputs and targets."""
    return all(np.array_equal(a, b) for a, b in zip(one, other))


def holding(batches: list[tuple[Array, Array]], snapshot: Snapshot) -> tuple[Array, Array] | None:
    """The smallest two arrays that hold the rows of all batches at the same places."""
    inputs = _candidates(snapshot, batches[0][0].shape[1])
    targets = _candidates(snapshot, batches[0][1].shape[1])
    for one in inputs:
        places = [_places(one, batch[0]) for batch in batches]
        if any(place is None for place in places):
            continue
        for other in targets:
            if len(other) == len(one) and all(
                np.array_equal(other[place], batch[1]) for place, batch in zip(places, batches)
            ):
                return one, other
    return None


def _candidates(snapshot: Snapshot, columns: int) -> list[Array]:
    """The program's arrays with a number of columns, by length, as (rows, columns)."""
    found = []
    for _, value in snapshot.leaves():
        array = np.asarray(value, dtype=np.float64)
        if array.ndim == 1 and columns == 1:
            found.append(array.reshape(-1, 1))
        elif array.ndim >= 2:
            flat = array.reshape(len(array), -1)
            found += [item for item in (flat, flat.T) if item.shape[1] == columns]
    return sorted((item for item in found if len(item) > 1), key=len)


def _places(whole: Array, rows: Array) -> Array | None:
    """Where the rows of a batch stand in an array; None where one does not."""
    known = {row.tobytes(): place for place, row in enumerate(np.ascontiguousarray(whole))}
    found = [known.get(row.tobytes()) for row in np.ascontiguousarray(rows, dtype=np.float64)]
    return None if any(place is None for place in found) else np.array(found)

"""Numbers of any kind of container as flat vectors, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from nndiag.program.execution.places import is_number, is_number_array, is_number_list, put
from nndiag.program.execution.snapshot import Leaf, Snapshot

Vector = npt.NDArray[np.float64]

_ORDER = 1e-14  # what the order of a sum changes, relative


def vector(value: Any) -> Vector | None:
    """The numbers in a value as a flat vector, None where it holds none."""
    if is_number(value):
        return np.array([float(value)])
    if is_number_list(value) or is_number_array(value):
        return np.asarray(value, dtype=np.float64).ravel()
    return None


def is_real(value: Any) -> bool:
    """Whether a value holds numbers with a fraction, not counts."""
    if is_number_array(value):
        return bool(value.dtype.kind == "f")
    items = value if isinstance(value, list) else [value]
    return any(isinstance(item, (float, np.floating)) for item in items)


def read_vector(snapshot: Snapshot, leaf: Leaf) -> Vector | None:
    """The numbers that stand at a leaf in the running program, None where there are none now."""
    try:
        return vector(snapshot.read(leaf))
    except (LookupError, AttributeError, TypeError, ValueError):
        return None


def write_vector(snapshot: Snapshot, leaf: Leaf, values: Vector) -> None:
    """Puts numbers at a leaf of the running program; an array is changed in place."""
    value = snapshot.read(leaf)
    place = snapshot.places[leaf.root]
    if is_number(value):
        number: Any = float(values[0])
        put(place, leaf.steps, np.float64(number) if isinstance(value, np.floating) else number)
    elif isinstance(value, list):
        value[:] = [float(item) for item in values]
    elif value.dtype.kind == "f":
        writable = value.flags.writeable
        value.flags.writeable = True
        value[...] = values.reshape(value.shape)
        value.flags.writeable = writable
    else:
        put(place, leaf.steps, values.reshape(value.shape))


def relative_difference(first: Vector, second: Vector) -> float:
    """Largest difference, relative to the larger vector's largest entry."""
    size = max(float(np.max(np.abs(first), initial=0)), float(np.max(np.abs(second), initial=0)))
    return float(np.max(np.abs(first - second), initial=0.0)) / size if size > 0 else 0.0


def joined(vectors: Sequence[Vector]) -> Vector:
    """Vectors one behind the other."""
    return np.concatenate(vectors) if vectors else np.empty(0)

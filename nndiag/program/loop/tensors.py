"""The parameters of a program as named tensors, whatever containers they are kept in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from nndiag.errors import Problem, UserCodeError
from nndiag.program.execution.numbers import Vector, joined, read_vector, vector, write_vector
from nndiag.program.execution.places import is_number, is_number_list, spelled
from nndiag.program.execution.snapshot import Leaf, Snapshot

GRADIENT_NAMES = (
    "d{0}",
    "d_{0}",
    "grad_{0}",
    "{0}_grad",
    "g{0}",
    "g_{0}",
    "delta_{0}",
    "nabla_{0}",
)
_MANY_FLOATS = 3


@dataclass(frozen=True)
class Tensor:
    """A parameter of the program.

    Attributes:
        name: As the program writes it: `W1`, `params["W1"]`, `self.layers[0].weights`.
        leaves: Where its numbers stand.
        shape: Its shape; `(size,)` where it is kept in lists or floats.
        copies: How often the program keeps the same row, one for each example; 1 for most.
    """

    name: str
    leaves: tuple[Leaf, ...]
    shape: tuple[int, ...]
    copies: int = 1

    @cached_property
    def size(self) -> int:
        """How many numbers it has."""
        return int(np.prod(self.shape))

    def read(self, snapshot: Snapshot) -> Vector | None:
        """Its numbers in the running program, None where it is no longer what it was."""
        whole = self.held(snapshot)
        return whole if whole is not None and whole.size == self.size else None

    def held(self, snapshot: Snapshot) -> Vector | None:
        """As many numbers as it has by now; None where it cannot be found any more."""
        parts = [read_vector(snapshot, leaf) for leaf in self.leaves]
        found = [part for part in parts if part is not None]
        if len(found) < len(parts):
            return None
        whole = joined(found)
        if self.copies > 1 and whole.size == self.size * self.copies:
            rows = whole.reshape(self.copies, -1)
            return rows[0] if np.array_equal(rows, np.tile(rows[0], (self.copies, 1))) else None
        return whole

    def write(self, snapshot: Snapshot, values: Vector) -> None:
        """Puts numbers into the running program."""
        values = np.tile(values, self.copies)
        start = 0
        for leaf in self.leaves:
            part = read_vector(snapshot, leaf)
            size = 0 if part is None else part.size
            write_vector(snapshot, leaf, values[start : start + size])
            start += size


def tensors_of(snapshot: Snapshot, leaves: Iterable[Leaf]) -> tuple[Tensor, ...]:
    """Leaves as tensors: lists of lists of floats and units of one layer are put together."""
    wanted = set(leaves)
    groups: dict[str, list[tuple[Leaf, Any]]] = {}
    for leaf, value in snapshot.leaves():
        if leaf in wanted:
            groups.setdefault(_group_name(leaf, value), []).append((leaf, value))
    return tuple(_tensor(name, members) for name, members in groups.items())


def without_overlaps(snapshot: Snapshot, tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Of arrays that look into the same memory, either the whole or the views that make it up."""
    arrays = {tensor.name: snapshot.original(tensor.leaves[0]) for tensor in tensors}
    dropped: set[str] = set()
    for whole in sorted(tensors, key=lambda tensor: -tensor.size):
        array = arrays[whole.name]
        if not isinstance(array, np.ndarray) or whole.name in dropped:
            continue
        views = [
            other
            for other in tensors
            if other is not whole
            and isinstance(arrays[other.name], np.ndarray)
            and np.may_share_memory(array, arrays[other.name])
        ]
        if views and sum(view.size for view in views) == whole.size:
            dropped.add(whole.name)
        else:
            dropped.update(view.name for view in views)
    return tuple(tensor for tensor in tensors if tensor.name not in dropped)


def _tensor(name: str, members: list[tuple[Leaf, Any]]) -> Tensor:
    leaves = tuple(leaf for leaf, _ in members)
    values = [value for _, value in members]
    if len(values) == 1 and isinstance(values[0], np.ndarray):
        return Tensor(spelled(leaves[0].root, leaves[0].steps), leaves, values[0].shape)
    size = sum(np.size(value) for value in values)
    return Tensor(name, leaves, (size,))


def _group_name(leaf: Leaf, value: Any) -> str:
    """The tensor that a leaf belongs to."""
    steps = list(leaf.steps)
    if is_number(value):
        while steps and steps[-1][0] == "index":
            steps.pop()
    elif is_number_list(value) and len(steps) > 1 and steps[-1][0] == steps[-2][0] == "index":
        steps.pop()  # a row of one layer's matrix
    elif is_number_list(value) and steps and steps[-1][0] == "index" and len(steps) == 1:
        steps.pop()
    if isinstance(value, np.ndarray):
        return spelled(leaf.root, leaf.steps)
    for position in range(len(steps) - 1, 0, -1):
        if steps[position][0] in {"attr", "key"} and steps[position - 1][0] == "index":
            steps[position - 1] = ("index", "*")  # the units of one layer
            break
    return spelled(leaf.root, tuple(steps))


def named_tensors(snapshot: Snapshot, names: Iterable[str]) -> tuple[Tensor, ...]:
    """The tensors that the user names.

    Raises:
        UserCodeError: There is nothing numeric under a name at the head of the loop.
    """
    found = []
    every = tensors_of(
        snapshot, [leaf for leaf, value in snapshot.leaves() if vector(value) is not None]
    )
    for name in names:
        plain = name.replace("'", '"')
        members = [
            tensor
            for tensor in every
            if tensor.name == plain or re.match(re.escape(plain) + r"[\[.]", tensor.name)
        ]
        if not members:
            near = ", ".join(tensor.name for tensor in every[:12])
            raise UserCodeError(
                Problem(
                    f"code.parameters: {name!r} is not a variable at the head of the training loop",
                    allowed=near,
                )
            )
        found.extend(members)
    return tuple(found)

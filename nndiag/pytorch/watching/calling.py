"""What a script calls its inputs, its targets, and what else it hands to its network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from nndiag.pytorch.watching.data import Data
from nndiag.pytorch.watching.run import Run


def called(data: Data | None, run: Run) -> dict[str, list[list[Any]]]:
    """The names of the data, as plain data.

    `named`: of the inputs and of the targets: the name, whether it is an array that the tensors
    were made of, and whether it has one axis. `beside`: the names of what the network is evaluated
    at, and of what that is compared with.
    """
    if data is None:
        return {"named": [[], []], "beside": [[], []]}
    named: list[list[Any]] = [[], []]
    beside: list[list[Any]] = [[], []]
    for place, source in enumerate(data.sources):
        if not source.is_floating_point():
            continue
        name, is_array = _name(source, run)
        if name is None:
            continue
        named[place].append([name, is_array, source.dim() == 1])
        alike = (x for x in _evaluated(run, data, place) if x.shape[1:] == source.shape[1:])
        others = dict.fromkeys(_name(x, run) for x in alike if x is not source)
        beside[place] = [x for x, kind in others if x not in {None, name} and kind is is_array]
    return {"named": named, "beside": beside}


def _name(tensor: Any, run: Run) -> tuple[str | None, bool]:
    """The name of a tensor, of what it is a part of, or of an array with its values."""
    for one in (tensor, tensor._base):
        name = None if one is None else run.names.get(id(one))
        if name is not None and name.isidentifier():
            return name, False
    values = tensor.detach().cpu().numpy()
    for name, array in run.arrays.items():
        if array.shape == values.shape and np.array_equal(array.astype(values.dtype), values):
            return name, True
    return None, False


def _evaluated(run: Run, data: Data, place: int) -> Iterator[Any]:
    """What else the network takes (0), or is compared with (1)."""
    if place == 0:
        yield from (x for x in run.evaluated_at.values() if x.dim())
    for loader in run.loaders.values():
        tensors = getattr(loader.dataset, "tensors", ())
        at = [i for i, x in enumerate(tensors) if x is data.sources[place]]
        if at:  # the same place in the data sets of other loaders
            others = (getattr(x.dataset, "tensors", ()) for x in run.loaders.values())
            yield from (x[at[0]] for x in others if len(x) > at[0] and x is not tensors)

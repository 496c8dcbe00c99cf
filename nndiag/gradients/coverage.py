"""Entries that are not compared one by one: a random direction moves all of them at once.

Of a large tensor only a sample is compared. A single wrong entry would mostly be missed, such as
the last one of a packed vector that a slice leaves out. The change of the loss along one drawn
direction has a part of every entry. Where it is not what the gradient says, halves of the entries
are moved, down to those that are wrong.
"""

from __future__ import annotations

import numpy as np

from nndiag.arrays import FloatArray, IndexArray
from nndiag.gradients.differences import Differences
from nndiag.gradients.judgement import GradientClaim

_FACTORS = (1.0, 1e-1, 1e-2, 1e1)  # steps to try, relative to the usual one
_STEADY = 0.1  # what two of them say must agree this well
_FEW = 4  # wrong entries that are enough
_SEED = 13  # of the directions: the same check gives the same result


def hidden_entries(
    source: Differences, tensor: GradientClaim, compared: IndexArray
) -> tuple[bool | None, IndexArray]:
    """Whether all other entries of a tensor agree, and the first few that do not.

    Args:
        source: The differences of the loss.
        tensor: The gradient.
        compared: The entries that are compared one by one, shape (n,).

    Returns:
        True, or None where it cannot be told; or False, with some entries that are wrong.
    """
    rest = np.setdiff1d(np.arange(tensor.gradient.size), compared)
    nothing = np.empty(0, dtype=np.intp)
    if not len(rest):
        return None, nothing
    whole = _agree(source, tensor, rest)
    if whole is not False:
        return whole, nothing
    groups: list[IndexArray] = [rest]
    found: list[int] = []
    while groups and len(found) < _FEW:
        for half in np.array_split(groups.pop(), 2):
            if not len(half) or _agree(source, tensor, half) is not False:
                continue
            if len(half) == 1:
                found.append(int(half[0]))
            else:
                groups.append(half)
    return (False if found else None), np.array(found, dtype=np.intp)


def _agree(source: Differences, tensor: GradientClaim, group: IndexArray) -> bool | None:
    """Whether the loss changes along a group of entries as the gradient says; None where unclear.

    The steps change until one agrees, or two of them say the same and the gradient does not.
    """
    random = np.random.default_rng([_SEED, int(group[0]), len(group)])
    sizes = random.uniform(0.5, 1.5, len(group)) * random.choice([-1.0, 1.0], len(group))
    direction = np.zeros(tensor.gradient.size)
    direction[group] = sizes * source.units(tensor.name)[group]
    seen: list[float] = []
    for factor in _FACTORS:
        apart, bound = _apart(source, tensor, direction, factor=factor)
        if not np.isfinite(apart):
            continue
        if abs(apart) <= bound:
            return True
        off = apart / factor
        if any(abs(off - other) <= _STEADY * abs(other) for other in seen):
            return False
        seen.append(off)
    return None


def _apart(
    source: Differences, tensor: GradientClaim, direction: FloatArray, *, factor: float
) -> tuple[float, float]:
    """How far the change of the loss is from the gradient's, and how far it may be."""
    found = source.along(tensor.name, direction, factor=factor)
    expected = float(tensor.gradient @ found.moved)
    moved = float(np.sqrt(np.mean(found.moved[direction != 0] ** 2)))
    scale = max(moved * float(np.linalg.norm(tensor.gradient)), abs(found.change))
    return found.change - expected, tensor.tolerance * scale + found.noise

"""Over which distance in the inputs the targets change: what a first layer has to tell apart.

Source: the variogram of Matheron 1963, Principles of geostatistics, over all directions.
"""

from itertools import pairwise

import numpy as np

from nndiag.arrays import FloatArray

_MOST = 400  # examples between which all pairs are looked at
_FEWEST = 40
_BINS = 60  # distances at which pairs are looked at together, each as many
_HALF = 0.5  # of the variance that is not noise


def length_of_variation(inputs: FloatArray, targets: FloatArray) -> float | None:
    """The distance at which half of the squared difference of any two examples is reached.

    A sine of period p reaches it at p/6. What the nearest pairs differ by is taken for noise.

    Args:
        inputs: Shape (B, D); distances are in columns of std 1.
        targets: Shape (B, O).

    Returns:
        The distance; None for few examples, or where the nearest pairs differ as much as any.
    """
    spread = inputs.std(axis=0)
    if len(inputs) < _FEWEST or not spread.any() or not targets.std(axis=0).any():
        return None
    kept = np.linspace(0, len(inputs) - 1, min(len(inputs), _MOST)).astype(int)
    x = (inputs[kept] / np.where(spread > 0, spread, 1.0))[:, spread > 0]
    y = targets[kept]
    one, other = np.triu_indices(len(x), 1)
    distances = np.sqrt(((x[one] - x[other]) ** 2).sum(axis=1))
    halves = 0.5 * ((y[one] - y[other]) ** 2).sum(axis=1)
    order = np.argsort(distances, kind="stable")
    near = order[: max(len(x) // 2, 1)]
    noise, variance = float(halves[near].mean()), float(y.var(axis=0).sum())
    if noise > _HALF * variance:
        return None
    edges = np.geomspace(len(near), len(order), _BINS).astype(int)
    for start, end in pairwise(edges):
        chosen = order[start : max(end, start + 1)]
        if len(chosen) and halves[chosen].mean() >= noise + _HALF * (variance - noise):
            return float(distances[chosen].mean())
    return None

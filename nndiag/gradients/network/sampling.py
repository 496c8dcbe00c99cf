"""Which examples and which units a gradient check looks at, so that it ends in time.

A gradient is right or wrong on any examples, so that large networks are checked on fewer of them;
only where that does not suffice do some units of each layer stand for the rest. The work is
estimated, not timed: the same network gives the same report on every machine.
"""

import numpy as np
from numpy.typing import NDArray

from nndiag.nn.network import Architecture, Examples, gradient_seconds

_MOST_EXAMPLES = 512
_FEWEST_EXAMPLES = 8
_FEWEST_UNITS = 4
_FEWEST_ENTRIES, _MOST_ENTRIES = 8, 200  # of a tensor; a random direction covers the others
_SWEEPS = 5  # step sizes in the worst case
_PER_VALUE = 6e-9  # seconds for all passes over one perturbed value, on an ordinary core
_PER_PRODUCT = 2e-10  # seconds per multiplication in a matrix product


def affordable_examples(shape: Architecture, data: Examples, *, seconds: float) -> Examples:
    """As many of the examples as all parameters can be checked on in the time."""
    affordable = seconds / sum(_costs(shape))
    return thinned(data, most=int(max(_FEWEST_EXAMPLES, min(affordable, _MOST_EXAMPLES))))


def affordable_units(
    shape: Architecture, examples: int, *, seconds: float
) -> list[NDArray[np.intp]]:
    """Units of each layer, evenly spaced, whose parameters can be perturbed in the time."""
    share = seconds / (examples * sum(_costs(shape)))
    counts = [int(min(units, max(share * units, _FEWEST_UNITS))) for units in shape.units]
    return [
        np.unique(np.linspace(0, units - 1, count).astype(int))
        for units, count in zip(shape.units, counts, strict=True)
    ]


def affordable_entries(shape: Architecture, examples: int, *, seconds: float) -> int:
    """How many entries can be perturbed by whole passes in the time."""
    affordable = seconds / (_SWEEPS * 2 * gradient_seconds(shape, examples))
    return int(min(max(affordable, _FEWEST_ENTRIES), _MOST_ENTRIES))


def thinned(data: Examples, *, most: int) -> Examples:
    """At most `most` evenly spaced examples."""
    if data.count <= most:
        return data
    chosen = np.linspace(0, data.count - 1, most).astype(int)
    return Examples(
        np.ascontiguousarray(data.inputs[:, chosen]), np.ascontiguousarray(data.targets[:, chosen])
    )


def _costs(shape: Architecture) -> list[float]:
    """Seconds to perturb all parameters of each layer, per example, in the worst case."""
    costs = []
    for layer, (units, rows) in enumerate(shape.shapes):
        values = 1 + sum(shape.units[layer + 1 :])
        products = shape.size - shape.offsets[min(layer + 2, shape.layers)]
        each = values * _PER_VALUE + products * _PER_PRODUCT
        costs.append(_SWEEPS * 2 * units * rows * each)
    return costs

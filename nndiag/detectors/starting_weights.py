"""The size of the weights before the first step, beside what suits the layer.

The yardsticks are the usual initializers: a weight's deviation is about √(2/inputs) by He, the
largest of them, and √(2/(inputs + units)) by Glorot, the smallest. One number for each layer.
"""

import numpy as np

from nndiag.trace import FloatArray, Trace


def over_he(trace: Trace) -> FloatArray:
    """Root mean square of each layer's weights over He's deviation, shape (L,).

    Source: He et al. 2015, Delving deep into rectifiers, eq. 10.
    """
    return np.array(
        [_size(weights) / np.sqrt(2 / weights.shape[1]) for weights in trace.facts.initial_weights]
    )


def over_glorot(trace: Trace) -> FloatArray:
    """Root mean square of each layer's weights over Glorot's deviation, shape (L,).

    Source: Glorot and Bengio 2010, eq. 12.
    """
    return np.array(
        [
            _size(weights) / np.sqrt(2 / sum(weights.shape))
            for weights in trace.facts.initial_weights
        ]
    )


def all_equal(trace: Trace) -> bool:
    """Whether all weights of some layer start at one value (more than one weight)."""
    return any(x.size > 1 and bool(np.ptp(x) == 0) for x in trace.facts.initial_weights)


def _size(weights: FloatArray) -> float:
    return float(np.sqrt(np.mean(weights**2)))

"""The size of the weights before the first step, beside what suits the layer.

The yardsticks are the usual initializers: a weight's std is about √(2/inputs) by He, the
largest of them, and √(2/(inputs + units)) by Glorot, the smallest. One number for each layer.
"""

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.trace import Trace


def over_he(trace: Trace) -> FloatArray:
    """Root mean square of each layer's weights over He's std, shape (L,).

    Source: He et al. 2015, Delving deep into rectifiers, eq. 10.
    """
    return np.array(
        [_size(weights) / np.sqrt(2 / weights.shape[1]) for weights in trace.facts.initial_weights]
    )


def common_part_over_he(trace: Trace) -> FloatArray:
    """What each layer's mean weight passes on of a common signal, over all that He's would, (L,).

    Weights of one sign add up where others cancel: a matrix (units H, inputs D) of mean m has a
    singular value of |m|·√(H·D), random ones of std σ have none above about σ·(√H + √D).

    Source: Bai and Yin 1993, Limit of the smallest eigenvalue (the largest singular value).
    """
    widths = np.array([np.sqrt(weights.shape).sum() for weights in trace.facts.initial_weights])
    units = np.array([np.sqrt(len(weights)) for weights in trace.facts.initial_weights])
    return np.asarray(mean_over_he(trace) * units / widths)


def mean_over_he(trace: Trace) -> FloatArray:
    """What each layer's mean weight passes on of inputs that are all equal, over what He's would.

    The outputs are |m|·D for inputs of 1, of random weights about σ·√D, for D inputs; shape (L,).
    """
    return np.array(
        [
            abs(float(weights.mean())) * weights.shape[1] / np.sqrt(2)
            for weights in trace.facts.initial_weights
        ]
    )


def over_glorot(trace: Trace) -> FloatArray:
    """Root mean square of each layer's weights over Glorot's std, shape (L,).

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

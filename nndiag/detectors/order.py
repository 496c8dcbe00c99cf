"""Whether the steps go through the examples in an order that their targets follow.

Batches that are dealt out by chance are samples of all examples, so that their losses can stand for
the loss over all. Batches cut from sorted examples are not.
"""

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.detectors.settings import order_of_examples
from nndiag.trace import Trace

_SORTED = 0.5  # share of the variance between stretches; examples at random have none


def is_sorted(trace: Trace, *, share: float = _SORTED) -> bool:
    """Whether steps see a part of the examples, which are sorted and not shuffled."""
    between = share_between_stretches(trace)
    return between is not None and between > share


def share_between_stretches(trace: Trace) -> float | None:
    """Share of the targets' variance that lies between the steps' stretches of the examples.

    A stretch is a batch, or two examples where a batch is one. Adjusted for chance: about 0 for
    examples in random order, 1 where a stretch holds one value. None where each step sees all
    examples, where they are dealt out at random, or where that is not known.

    Source: the adjusted coefficient of determination of an analysis of variance (Fisher 1925).
    """
    targets, size = trace.facts.targets, trace.facts.batch_size
    if targets is None or size is None or trace.facts.full_batch is not False:
        return None
    if order_of_examples(trace) != "sequential":
        return None
    stretch = max(size, 2)
    count = len(targets) // stretch
    if count < 2:
        return None
    kept = targets[: count * stretch]
    total = _variance(kept - kept.mean(axis=0), freedom=len(kept) - 1)
    parted = kept.reshape(count, stretch, -1)  # (stretches, examples, O)
    within = _variance(parted - parted.mean(axis=1, keepdims=True), freedom=len(kept) - count)
    return 1 - within / total if total > 0 else None


def _variance(deviations: FloatArray, *, freedom: int) -> float:
    return float(np.vdot(deviations, deviations)) / freedom

"""How many examples one step sees, told from the shapes of what it computes."""

from __future__ import annotations

from collections import Counter

import numpy as np

from nndiag.program.gradients.computed import Computed
from nndiag.program.loop.tensors import Tensor


def examples_of(shape: tuple[int, ...], many: int, tensors: tuple[Tensor, ...]) -> int:
    """The number of examples, from the shape of the residual and how often it was computed."""
    if len(shape) == 0 or many > 1:
        return many
    if len(shape) == 1:
        widths = {tensor.shape[-1] for tensor in tensors if tensor.shape}
        return 1 if shape[0] in widths else shape[0]
    width = {size for tensor in tensors for size in tensor.shape}
    if (shape[0] in width and shape[1] not in width) or _has_columns(shape[0], tensors):
        return shape[1]  # examples as columns
    return shape[0]


def _has_columns(units: int, tensors: tuple[Tensor, ...]) -> bool:
    """Whether an output layer has its units as rows: a bias column, and a matrix beside it.

    The matrix's other side is then the units of the layer before, which has two tensors too, or
    the inputs. Biases that are kept per example look alike, but fit no layer before.
    """
    shapes = [tensor.shape for tensor in tensors if len(tensor.shape) == 2]
    if (units, 1) not in shapes:
        return False
    before = [shape[1] for shape in shapes if shape[0] == units and shape[1] > 1]
    firsts = [shape[0] for shape in shapes]
    return any(len(tensors) == 2 or firsts.count(size) > 1 for size in before)


def shared_length(computed: Computed, tensors: tuple[Tensor, ...]) -> int:
    """The length that most arrays which the parameters act on have and no parameter has."""
    own = {size for tensor in tensors for size in tensor.shape} | {1}
    counts = Counter(
        size
        for serial in computed.acted
        for size in set(np.shape(computed.base.values[serial][-1])) - own
    )
    return counts.most_common(1)[0][0] if counts else 1

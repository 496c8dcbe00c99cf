"""The tensors of each layer, read out of a user's container again and again."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.errors import Problem, UserCodeError
from nndiag.pytree import TensorLocation, as_array, tensor_at

_SAFE_SQUARES = (1e-280, 1e300)  # sums of squares outside have lost digits


class LayerReader:
    """Reads the tensors of each layer out of a container, again and again."""

    def __init__(
        self, groups: dict[str, tuple[TensorLocation, ...]], layers: Sequence[str], what: str
    ) -> None:
        self._what = what
        self._paths = [[tensor.path for tensor in groups.get(layer, ())] for layer in layers]
        self._keys = [[path[0] if len(path) == 1 else None for path in one] for one in self._paths]
        self._shapes: list[list[tuple[int, ...] | None]] = [[None] * len(x) for x in self._paths]
        self._flat = all(key is not None for one in self._keys for key in one)

    def norms(self, container: Any) -> list[float]:
        """The norm of each layer; NaN for a layer that has no tensors in here."""
        return [norm(group) if group else math.nan for group in self.arrays(container)]

    def arrays(self, container: Any) -> list[list[FloatArray]]:
        """The tensors of each layer as arrays.

        Raises:
            UserCodeError: One is no longer there, or has changed its shape.
        """
        try:
            if self._flat:
                found = [[container[key] for key in keys] for keys in self._keys]
            else:
                found = [[tensor_at(container, path) for path in paths] for paths in self._paths]
            arrays = [
                [x if type(x) is np.ndarray and x.dtype.kind == "f" else _array(x) for x in group]
                for group in found
            ]
        except (LookupError, TypeError, ValueError) as error:
            raise UserCodeError(
                Problem(
                    f"the {self._what} are not what they were at the first step",
                    got=f"{type(error).__name__}: {error}",
                    hint="give the same arrays, lists or dicts at every step",
                )
            ) from error
        if [[x.shape for x in group] for group in arrays] != self._shapes:
            self._check_shapes(found, arrays)
        return arrays

    def _check_shapes(self, found: list[list[Any]], arrays: list[list[FloatArray]]) -> None:
        """Learn the shapes that were not known, and refuse others than those that were.

        Raises:
            UserCodeError: One has changed.
        """
        for layer, group in enumerate(arrays):
            for place, array in enumerate(group):
                known = self._shapes[layer][place]
                if found[layer][place] is None:  # a gradient that was not computed
                    continue
                if known is not None and array.shape != known:
                    name = ".".join(map(str, self._paths[layer][place]))
                    what = f"{name} of the {self._what} has changed its shape"
                    hint = "make a new Recorder for another network"
                    raise UserCodeError(Problem(what, None, str(array.shape), str(known), hint))
                self._shapes[layer][place] = array.shape


def norm(arrays: Sequence[FloatArray]) -> float:
    """The Euclidean norm of some arrays together, also where squares would over- or underflow."""
    total = 0.0
    for array in arrays:
        total += float(np.vdot(array, array))
    if _SAFE_SQUARES[0] < total < _SAFE_SQUARES[1]:
        return math.sqrt(total)
    largest = max((float(np.max(np.abs(array), initial=0.0)) for array in arrays), default=0.0)
    if not 0 < largest < math.inf:
        return largest
    return largest * math.sqrt(
        sum(float(np.sum(np.square(array.astype(np.float64) / largest))) for array in arrays)
    )


def update_ratios(before: list[list[FloatArray]], after: list[list[FloatArray]]) -> list[float]:
    """The norm of each layer's change over its norm; NaN where there is none."""
    ratios = []
    for old, new in zip(before, after, strict=True):
        size = norm(old)
        same = all(a.shape == b.shape for a, b in zip(old, new, strict=True))
        moved = norm([b - a for a, b in zip(old, new, strict=True)]) if same else math.nan
        ratios.append(moved / size if size > 0 else math.nan)
    return ratios


def _array(value: Any) -> FloatArray:
    """As an array; a gradient that was not computed is zero."""
    return np.zeros(1) if value is None else as_array(value)

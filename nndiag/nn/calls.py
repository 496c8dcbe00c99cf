"""Calls that are made now, or written down to be made in every step of a run.

All numerics of a training step take a `do`. A plan is a flat list of bound calls: executing it
costs about 20 ns per call above the numpy call itself, and no look-ups, branches or allocations.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
"""Float64 as a rule; complex128 while derivatives are verified by the complex step."""

Do: TypeAlias = Callable[..., None]
Call: TypeAlias = tuple[Callable[..., Any], tuple[Any, ...]]

ZERO = np.array(0.0)
HALF = np.array(0.5)
ONE = np.array(1.0)

_ALIGNMENT = 64


def now(function: Callable[..., Any], *arguments: Any) -> None:
    """Make the call at once."""
    function(*arguments)


def later(plan: list[Call]) -> Do:
    """A `do` that writes calls down at the end of `plan`."""

    def write_down(function: Callable[..., Any], *arguments: Any) -> None:
        plan.append((function, arguments))

    return write_down


def execute(plan: Iterable[Call]) -> None:
    """Make all calls of a plan, in order."""
    for function, arguments in plan:
        function(*arguments)


def product(do: Do, left: Array, right: Array, *, out: Array) -> None:
    """Matrix product into `out`; plain matrices take the route with the least overhead."""
    if left.ndim == 2 and right.ndim == 2:
        do(left.dot, right, out)
    else:
        do(np.matmul, left, right, out)


def maximum(left: Array, right: Array, out: Array) -> None:
    """The larger of each two elements (numpy wants `out` by name here)."""
    np.maximum(left, right, out=out)


def minimum(left: Array, right: Array, out: Array) -> None:
    """The smaller of each two elements."""
    np.minimum(left, right, out=out)


def transposed(matrices: Array) -> Array:
    """The matrices (…, N, M) as (…, M, N), without a copy."""
    swapped: Array = np.swapaxes(matrices, -1, -2)
    return swapped


def constant(value: float) -> Array:
    """A number as a zero-dimensional array, which numpy takes without converting it each time."""
    return np.array(value)


def buffer(shape: tuple[int, ...], *, dtype: Any = np.float64) -> Array:
    """Zeros of `shape`, aligned to 64 bytes: element-wise passes are up to twice as fast on it."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    raw = np.zeros(size + _ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % _ALIGNMENT
    aligned: Array = raw[start : start + size].view(dtype).reshape(shape)
    return aligned

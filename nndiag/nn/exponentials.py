"""eˣ, eˣ − 1 and tanh x for numba, as straight lines that a compiler makes vector code of.

x = n·ln 2 + r with |r| ≤ ½ ln 2; eʳ − 1 is a polynomial and 2ⁿ is made of its bits. The relative
error is below 4e-16. Imports numba, which comes with the extra `fast`.

Source: Muller 2016, Elementary Functions, section 11 (range reduction after Cody and Waite);
the polynomial is Taylor's, whose first term left out is below 1e-17 of its value.
"""

import math

import numba
import numpy as np

_ROUNDING = 1.5 * 2.0**52  # a number added to this is rounded, and stands in its low bits
_PER_LN2 = 1 / math.log(2)
_LN2 = float.fromhex("0x1.62e42fefa3800p-1")  # 42 bits of ln 2, so that n·_LN2 is exact
_LN2_REST = 5.497923018708371e-14
_C2, _C3, _C4, _C5, _C6, _C7, _C8, _C9, _C10, _C11, _C12, _C13 = (
    1 / math.factorial(power) for power in range(2, 14)
)

_inlined = numba.njit(inline="always", error_model="numpy", fastmath={"contract"})


@_inlined
def exp(x: float) -> float:
    """eˣ; infinity and zero beyond what a float holds."""
    x = 1000.0 if x > 1000.0 else x
    x = -1000.0 if x < -1000.0 else x
    n, rest = _reduced(x)
    half = (0.5 * n + _ROUNDING) - _ROUNDING
    return (rest * _power(half) + _power(half)) * _power(n - half)


@_inlined
def expm1(x: float) -> float:
    """eˣ − 1, as accurate near zero as elsewhere; below the smallest normal number it is 0."""
    x = 710.0 if x > 710.0 else x
    x = -50.0 if x < -50.0 else x
    n, rest = _reduced(x)
    scale = _power(n - 1.0)
    return 2.0 * (rest * scale + (scale - 0.5))


@_inlined
def tanh(x: float) -> float:
    """The hyperbolic tangent: −(eᵘ − 1)/(eᵘ + 1) at u = −2|x|, with the sign of x."""
    size = abs(x)
    size = 20.0 if size > 20.0 else size
    n, rest = _reduced(-2.0 * size)
    scale = _power(n)
    below = rest * scale + (scale - 1.0)
    return math.copysign(-below / (below + 2.0), x)


@_inlined
def _reduced(x: float) -> tuple[float, float]:
    """n, and eʳ − 1 for x = n·ln 2 + r."""
    n = (x * _PER_LN2 + _ROUNDING) - _ROUNDING
    r = (x - n * _LN2) - n * _LN2_REST
    square = r * r  # two sums that do not wait for each other
    even = ((((_C12 * square + _C10) * square + _C8) * square + _C6) * square + _C4) * square
    odd = ((((_C13 * square + _C11) * square + _C9) * square + _C7) * square + _C5) * square
    return n, r + square * ((even + _C2) + r * (odd + _C3))


@_inlined
def _power(n: float) -> float:
    """2ⁿ for a whole number n."""
    bits = np.float64(n + _ROUNDING).view(np.int64) + np.int64(1023)
    return np.int64(bits << np.int64(52)).view(np.float64)

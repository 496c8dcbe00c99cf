"""How one gradient lies to another: angle, factor, and what is left over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nndiag.arrays import FloatArray


@dataclass(frozen=True)
class Alignment:
    """A gradient g beside a numeric one n.

    Attributes:
        relative_error: |g − n| / max(|g|, |n|); 0 where both are zero.
        cosine: Cosine of the angle between them; None where one of them is zero.
        scale: Factor c for which c·n comes nearest to g; None where n is zero.
        residual: |g − c·n| / |g|: the part of g that no factor explains; 0 where g is zero.
    """

    relative_error: float
    cosine: float | None
    scale: float | None
    residual: float


def alignment(gradient: FloatArray, numeric: FloatArray) -> Alignment:
    """The alignment of two gradients, shape (n,) each."""
    error = relative_error(gradient, numeric)
    length, size = float(np.linalg.norm(gradient)), float(np.linalg.norm(numeric))
    if not size > 0:
        return Alignment(error, None, None, 1.0 if length > 0 else 0.0)
    scale = float((gradient / size) @ (numeric / size))
    if not length > 0:
        return Alignment(error, None, scale, 0.0)
    residual = float(np.linalg.norm(gradient - scale * numeric)) / length
    return Alignment(error, scale * size / length, scale, residual)


def relative_error(one: FloatArray, other: FloatArray) -> float:
    """|a − b| / max(|a|, |b|) of two arrays of one shape; 0 where both are zero."""
    size = max(float(np.linalg.norm(one)), float(np.linalg.norm(other)))
    return float(np.linalg.norm(one - other)) / size if size != 0 else 0.0

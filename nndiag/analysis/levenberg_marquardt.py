"""Least squares by Levenberg–Marquardt: Gauss–Newton steps within a region that is trusted.

A step p minimises |f + Jp| over |Dp| ≤ Δ; D holds the largest norm that each column of J has had.
With J = QR and R·D⁻¹ = U·S·Vᵀ it is Dp = −V·S·c/(S² + λ), c = Uᵀ·Qᵀ·f, where λ is found by Newton's
method, each of its steps a few sums. Δ shrinks and grows by what steps bring of what they promise.

Own code: scipy's takes 0.3 s to import, and twice the time for each step.

Source: Moré 1978, The Levenberg–Marquardt algorithm: implementation and theory; its constants.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from nndiag.arrays import FloatArray

Model: TypeAlias = Callable[[FloatArray], tuple[FloatArray, Callable[[], FloatArray]]]
"""From parameters (P,) to residuals (N,), and to what gives their derivatives (N, P) there."""

_FIRST = 100.0  # the first Δ over |D·start|
_ACCEPTED = 1e-4  # share of the promised decrease from which on a step is taken
_POOR, _RICH = 0.25, 0.75  # … up to which Δ shrinks, and from which on it grows
_LEAST, _HALF, _TWICE = 0.1, 0.5, 2.0  # what Δ is multiplied by
_NEAR = 0.1  # relative error of |Dp| beside Δ
_SMALL = 1e-12  # share of the sum of squares, or of the parameters, at which it ends
_SEARCH = 10  # steps of Newton's method for λ
_FLAT = 1e-14  # cosine between the residuals and each column of J, at a minimum


def least_squares(
    model: Model, start: FloatArray, *, most: int, enough: float = 0.0
) -> tuple[FloatArray, int]:
    """Where Levenberg–Marquardt ends, and how often it computed the residuals.

    Args:
        model: What is fitted. A step to residuals that are not finite is one too far.
        start: Where it begins, shape (P,).
        most: Computations of the residuals at most.
        enough: A sum of squares that is low enough.
    """
    point, (residuals, derivatives) = start, model(start)
    norm, made = float(np.linalg.norm(residuals)), 1
    scale, radius, damping = np.zeros(len(start)), 0.0, 0.0
    while made < most and enough < norm**2 < np.inf:
        region = _Region.of(derivatives(), residuals, scale)
        if region is None or region.is_flat(norm):
            break
        scale, taken = region.scale, False
        radius = radius or _FIRST * (float(np.linalg.norm(scale * point)) or 1.0)
        while made < most and not taken:
            step = region.step(radius, damping)
            if made == 1:
                radius = min(radius, step.length)
            trial = point + step.moved
            found, derivatives_there = model(trial)
            made += 1
            outcome = _Outcome.of(step, norm=norm, reached=float(np.linalg.norm(found)))
            radius, damping = outcome.resized(step, radius)
            taken = outcome.ratio >= _ACCEPTED
            if taken:
                point, residuals, derivatives, norm = trial, found, derivatives_there, outcome.norm
            size = float(np.linalg.norm(scale * point))
            if outcome.is_small or radius <= _SMALL * size:
                return point, made
    return point, made


@dataclass(frozen=True, eq=False)
class _Step:
    """A step p.

    Attributes:
        moved: p, shape (P,).
        length: |Dp|.
        linear: |Jp|².
        damping: Its λ.
    """

    moved: FloatArray
    length: float
    linear: float
    damping: float


@dataclass(frozen=True)
class _Outcome:
    """What a step promised and brought, as shares of the sum of squares before it.

    Attributes:
        promised: What the linear model promised.
        gained: What it brought; −1 where it went far up.
        slope: The derivative along the step.
        norm: |f| there.
        far: Whether |f| is ten times as large there.
    """

    promised: float
    gained: float
    slope: float
    norm: float
    far: bool

    @classmethod
    def of(cls, step: _Step, *, norm: float, reached: float) -> "_Outcome":
        """What a step brought that led from |f| = `norm` to `reached`."""
        linear, damped = step.linear / norm**2, step.damping * (step.length / norm) ** 2
        far = not _LEAST * reached < norm
        gained = -1.0 if far else 1 - (reached / norm) ** 2
        return cls(linear + 2 * damped, gained, -(linear + damped), reached, far)

    @property
    def ratio(self) -> float:
        """What it brought over what it promised."""
        return self.gained / self.promised if self.promised else 0.0

    @property
    def is_small(self) -> bool:
        """Whether hardly anything was promised, and came."""
        return max(abs(self.gained), self.promised) <= _SMALL and self.ratio <= _TWICE

    def resized(self, step: _Step, radius: float) -> tuple[float, float]:
        """The next Δ, and where the search for the next λ begins."""
        if self.ratio > _POOR:
            grows = step.damping == 0 or self.ratio >= _RICH
            return (_TWICE * step.length, _HALF * step.damping) if grows else (radius, step.damping)
        factor = _HALF
        if self.gained < 0:
            factor = _HALF * self.slope / (self.slope + _HALF * self.gained)
        factor = _LEAST if self.far else max(factor, _LEAST)
        return factor * min(radius, step.length / _LEAST), step.damping / factor


@dataclass(frozen=True, eq=False)
class _Region:
    """The linear model at a point, in the coordinates in which it is diagonal.

    Attributes:
        scale: D, shape (P,).
        singular: S, shape (k,).
        rotated: c, shape (k,).
        directions: Vᵀ, shape (k, P).
        cosines: Between the residuals and each column of J, times |f|, shape (P,).
    """

    scale: FloatArray
    singular: FloatArray
    rotated: FloatArray
    directions: FloatArray
    cosines: FloatArray

    @classmethod
    def of(
        cls, derivatives: FloatArray, residuals: FloatArray, scale: FloatArray
    ) -> "_Region | None":
        """The model with these derivatives (N, P); None where they are not finite."""
        columns = derivatives.shape[1]
        both = np.concatenate([derivatives, residuals[:, None]], axis=1)
        triangle = np.asarray(np.linalg.qr(both, mode="r"))[:columns]  # (P, P + 1)
        if not np.isfinite(triangle).all():
            return None
        matrix, right = triangle[:, :-1], triangle[:, -1]
        norms = np.sqrt(np.einsum("ij,ij->j", matrix, matrix))  # (P,)
        scale = np.maximum(scale, np.where((norms == 0) & (scale == 0), 1.0, norms))
        left, singular, directions = np.linalg.svd(matrix / scale, full_matrices=False)
        cosines = np.abs(right @ matrix) / np.where(norms == 0, 1.0, norms)
        return cls(scale, singular, right @ left, directions, cosines)

    def is_flat(self, norm: float) -> bool:
        """Whether no direction leads down."""
        return bool(self.cosines.max() <= _FLAT * norm)

    def step(self, radius: float, damping: float) -> _Step:
        """The step of about this length, or the shorter one that needs no λ."""
        damping, coefficients = self._damped(radius, damping)
        linear = self.singular * coefficients
        return _Step(
            -(coefficients @ self.directions) / self.scale,
            float(np.linalg.norm(coefficients)),
            float(linear @ linear),
            damping,
        )

    def _damped(self, radius: float, damping: float) -> tuple[float, FloatArray]:
        """λ, and the coefficients S·c/(S² + λ) of the step along −V, shape (k,)."""
        singular, squares = self.singular, self.singular**2
        known = singular > singular[0] * len(singular) * np.finfo(float).eps
        whole = np.where(known, self.rotated / np.where(known, singular, 1.0), 0.0)
        length = float(np.linalg.norm(whole))
        if length <= (1 + _NEAR) * radius:
            return 0.0, whole
        low = 0.0
        if known.all():
            low = (length - radius) / radius * length**2 / float(np.sum(whole**2 / squares))
        high = float(np.linalg.norm(singular * self.rotated)) / radius
        damping = min(max(damping, low), high) or high * radius / length
        for _ in range(_SEARCH):
            coefficients = singular * self.rotated / (squares + damping)
            length = float(np.linalg.norm(coefficients))
            if abs(length - radius) <= _NEAR * radius:
                break
            low, high = (damping, high) if length > radius else (low, damping)
            change = (length - radius) / radius * length**2
            damping = max(
                low, damping + change / float(np.sum(coefficients**2 / (squares + damping)))
            )
        return damping, coefficients

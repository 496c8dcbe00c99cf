"""Eigenvalues of a symmetric operator that is only known by its products with vectors.

Lanczos' recursion with full reorthogonalisation, in numpy alone. It finds the ends of a spectrum
in a few products; started from the gradient it also measures ½gᵀH⁻¹g.

Source: Golub and Van Loan 2013, sections 10.1 (the recursion) and 10.3 (reorthogonalisation).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nndiag.arrays import FloatArray

if TYPE_CHECKING:
    from typing import TypeAlias

Product: TypeAlias = Callable[[FloatArray], FloatArray]

_SEED = 42  # of the generic vectors: the same operator gives the same result every time
_FRESH = 0.01  # share of a generic vector in a warm start, so that no direction is missed for good
_BREAKDOWN = 1e-10  # what is left of a vector, relative to the operator, when the space is used up


class Krylov:
    """A growing orthonormal basis in which the operator is tridiagonal.

    Args:
        product: The operator, (P,) → (P,).
        start: First vector, shape (P,); need not be normalised, must not be zero.
        steps: Number of products that will be made at most.

    Attributes:
        count: Number of products made, k.
        finite: Whether all products were finite.
        used_up: Whether the space that the start vector spans holds no further direction.
    """

    def __init__(self, product: Product, start: FloatArray, *, steps: int) -> None:
        self.count = 0
        self.finite = True
        self.used_up = False
        self._product = product
        self._basis = np.empty((min(steps, len(start)), len(start)))
        self._diagonal = np.zeros(len(self._basis))
        self._beside = np.zeros(len(self._basis))
        self._next: FloatArray = start / np.linalg.norm(start)

    @property
    def complete(self) -> bool:
        """Whether no further step can be made."""
        return self.count == len(self._basis) or not self.finite

    def extend(self) -> None:
        """One more product and one more basis vector.

        Where the space is used up, a fresh generic vector continues it.
        """
        count = self.count
        self._basis[count] = self._next
        basis = self._basis[: count + 1]
        image = self._product(self._next)
        projections = basis @ image
        rest = image - projections @ basis
        rest -= (basis @ rest) @ basis  # twice is enough (Parlett 1998, section 6.9)
        length = float(np.linalg.norm(rest))
        self._diagonal[count] = projections[-1]
        self.finite = bool(np.isfinite(length))
        self.count += 1
        scale = max(np.abs(self._diagonal).max(), self._beside.max())
        if length > _BREAKDOWN * scale:
            self._beside[count] = length
            self._next = rest / length
            return
        self.used_up = True
        if not self.complete:
            self._next = _generic(len(rest), beside=basis)

    def ritz(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Ritz values (k,) ascending, their vectors in the basis (k, k), residual norms (k,)."""
        matrix = np.diag(self._diagonal[: self.count])
        index = np.arange(self.count - 1)
        matrix[index + 1, index] = matrix[index, index + 1] = self._beside[: self.count - 1]
        values, vectors = np.linalg.eigh(matrix)
        return values, vectors, np.abs(self._beside[self.count - 1] * vectors[-1])

    def vector(self, coefficients: FloatArray) -> FloatArray:
        """The vector (P,) with these coefficients (k,) in the basis."""
        combined: FloatArray = coefficients @ self._basis[: self.count]
        return combined


@dataclass(frozen=True, eq=False)
class Extremes:
    """Both ends of a spectrum.

    Attributes:
        largest: Largest eigenvalue, algebraically.
        smallest: Smallest eigenvalue.
        second: Second largest, as far as it has shown up.
        vector: Unit eigenvector of the largest, shape (P,).
        smallest_vector: Unit eigenvector of the smallest, shape (P,).
        residual: |A·v − λ·v| of the largest; an eigenvalue lies within it around λ.
        smallest_residual: The same of the smallest.
        products: Number of products that were made.
    """

    largest: float
    smallest: float
    second: float
    vector: FloatArray
    smallest_vector: FloatArray
    residual: float
    smallest_residual: float
    products: int


def extreme_eigenvalues(
    product: Product,
    size: int,
    *,
    start: FloatArray | None = None,
    both: bool = True,
    tolerance: float = 1e-3,
    steps: int = 100,
) -> Extremes | None:
    """The largest and the smallest eigenvalue of a symmetric operator.

    Args:
        product: The operator, (P,) → (P,).
        size: Its size P.
        start: A vector near the eigenvector of the largest eigenvalue, such as the one of an
            earlier call; a fixed generic vector by default.
        both: Whether the smallest has to be accurate, too.
        tolerance: Residual to reach, relative to the largest absolute eigenvalue. The error of
            the eigenvalue is of the order of its square.
        steps: Number of products at most.

    Returns:
        The eigenvalues, at the residuals that were reached; None where a product is not finite.
    """
    first = _generic(size)
    if start is not None:
        first = start / np.linalg.norm(start) + _FRESH * first
    space = Krylov(product, first, steps=steps)
    while not space.complete:
        space.extend()
        if space.count > 8 and space.count % 3 and not space.complete:
            continue  # the small eigenproblem costs as much as a product
        if not space.finite:
            return None
        values, vectors, residuals = space.ritz()
        scale = max(abs(values[0]), abs(values[-1]))
        worst = max(residuals[0], residuals[-1]) if both else residuals[-1]
        if worst <= tolerance * scale and space.count > 1:
            break
    return Extremes(
        float(values[-1]),
        float(values[0]),
        float(values[-2:][0]),
        space.vector(vectors[:, -1]),
        space.vector(vectors[:, 0]),
        float(residuals[-1]),
        float(residuals[0]),
        space.count,
    )


def _generic(size: int, *, beside: FloatArray | None = None) -> FloatArray:
    """A fixed unit vector (P,) without structure, orthogonal to the rows `beside` (k, P)."""
    known = 0 if beside is None else len(beside)
    vector = np.random.default_rng([_SEED, known]).standard_normal(size)
    if beside is not None:
        for _ in range(2):
            vector -= (beside @ vector) @ beside
    unit: FloatArray = vector / np.linalg.norm(vector)
    return unit

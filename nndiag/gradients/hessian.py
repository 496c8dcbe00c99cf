"""Products with the Hessian by differences of a gradient.

The step balances the rounding of the gradient against the third derivative: one product is as exact
as a central difference, about 1e-9 of the largest eigenvalue for a smooth loss.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.gradients.differences import STEP
from nndiag.subject import Product, Theta, theta_of, vector_of


def differenced_products(gradient_at: Callable[[Theta], Theta], theta: Theta) -> Product:
    """H·v at a point, two gradients each: (g(θ + hv) − g(θ − hv)) / 2h.

    Args:
        gradient_at: Gives the gradient at a point.
        theta: The point.

    Returns:
        The product with a vector (P,) as `vector_of` lays the tensors out.
    """
    point = vector_of(theta)
    reach = STEP * max(1.0, float(np.linalg.norm(point)))

    def product(direction: FloatArray) -> FloatArray:
        length = float(np.linalg.norm(direction))
        if length == 0.0:
            return np.zeros_like(direction)
        step = reach / length * direction
        up, down = (
            vector_of(gradient_at(theta_of(moved, theta))) for moved in (point + step, point - step)
        )
        slope: FloatArray = (up - down) * (length / (2 * reach))
        return slope

    return product

"""Products with the Hessian by differences of gradients, against closed forms."""

import numpy as np
import pytest

from nndiag.gradients.hessian import differenced_products
from nndiag.subject import theta_of, vector_of

THETA = {"W": np.random.default_rng(0).normal(size=(3, 4)), "b": np.array([0.5, -2.0])}
SIZE = 14


def test_a_quadratic_gives_its_matrix():
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(SIZE, SIZE))
    matrix = matrix + matrix.T
    product = differenced_products(lambda theta: theta_of(matrix @ vector_of(theta), THETA), THETA)
    direction = rng.normal(size=SIZE)
    # Rounding: ε·|g| over the step of 6e-6·|θ|.
    assert product(direction) == pytest.approx(matrix @ direction, abs=1e-8)


def test_a_function_of_each_entry_gives_its_second_derivatives():
    product = differenced_products(
        lambda theta: {name: np.cos(array) for name, array in theta.items()}, THETA
    )
    direction = np.linspace(-1, 1, SIZE)
    expected = -np.sin(vector_of(THETA)) * direction
    assert product(direction) == pytest.approx(expected, abs=1e-8)
    assert product(1e-30 * direction) == pytest.approx(1e-30 * expected, rel=1e-6, abs=1e-38)


def test_nothing_has_no_image():
    product = differenced_products(lambda theta: theta, THETA)
    assert not product(np.zeros(SIZE)).any()

"""Lanczos against scipy's eigsh and numpy's dense eigenvalues."""

import numpy as np
import pytest
from scipy.sparse.linalg import LinearOperator, eigsh

from nndiag.analysis.lanczos import Krylov, extreme_eigenvalues
from nndiag.nn.hessian import HessianProducts
from nndiag.nn.losses import LOSSES
from nndiag.nn.network import architecture, examples


def operator(eigenvalues, *, seed=0):
    """A symmetric matrix with these eigenvalues and generic eigenvectors."""
    size = len(eigenvalues)
    basis = np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))[0]
    return (basis * eigenvalues) @ basis.T


SPECTRA = {
    "spread": np.linspace(-3.0, 7.0, 60),
    "one large": np.r_[np.linspace(0, 0.1, 59), 50.0],
    "all negative": np.linspace(-9.0, -1.0, 60),
    "twice the largest": np.r_[np.linspace(-1, 1, 58), 5.0, 5.0],
    "low rank": np.r_[np.zeros(57), -1.0, 2.0, 3.0],
    "identity": np.ones(60),
    "zero": np.zeros(60),
    "decaying": 10.0 ** -np.arange(60.0),
}


@pytest.mark.parametrize("eigenvalues", SPECTRA.values(), ids=SPECTRA)
@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_both_ends_agree_with_the_eigenvalues_that_were_put_in(eigenvalues, scale):
    matrix = scale * operator(eigenvalues)
    found = extreme_eigenvalues(lambda v: matrix @ v, 60, tolerance=1e-9)
    size = scale * np.abs(eigenvalues).max()
    assert found.largest == pytest.approx(scale * eigenvalues.max(), abs=1e-9 * size + 1e-300)
    assert found.smallest == pytest.approx(scale * eigenvalues.min(), abs=1e-9 * size + 1e-300)


@pytest.mark.parametrize("eigenvalues", SPECTRA.values(), ids=SPECTRA)
def test_the_residual_is_that_of_the_vector_and_bounds_the_error(eigenvalues):
    matrix = operator(eigenvalues)
    found = extreme_eigenvalues(lambda v: matrix @ v, 60, tolerance=1e-2)
    left = np.linalg.norm(matrix @ found.vector - found.largest * found.vector)
    assert left == pytest.approx(found.residual, abs=1e-12)
    nearest = np.abs(eigenvalues - found.largest).min()
    assert nearest <= found.residual + 1e-12


@pytest.mark.parametrize("seed", range(4))
def test_a_network_s_hessian_agrees_with_scipy(seed):
    rng = np.random.default_rng(seed)
    shape = architecture(
        3, [(12, "tanh"), (9, "sigmoid"), (2, "linear")], loss=LOSSES.get("mean_squared_error")()
    )
    batch = examples(shape, rng.normal(size=(30, 3)), rng.normal(size=(30, 2)))
    products = HessianProducts(shape, rng.normal(size=shape.size), batch)
    found = extreme_eigenvalues(products.hessian, shape.size, tolerance=1e-8)
    linear = LinearOperator((shape.size,) * 2, matvec=products.hessian, dtype=float)
    (low,) = eigsh(linear, k=1, which="SA", return_eigenvectors=False)
    (high,) = eigsh(linear, k=1, which="LA", return_eigenvectors=False)
    # eigsh works to machine precision; an error is of the order of the squared residual.
    assert found.largest == pytest.approx(high, rel=1e-10)
    assert found.smallest == pytest.approx(low, abs=1e-10 * high)


def test_a_start_near_the_eigenvector_needs_fewer_products():
    matrix = operator(np.r_[np.linspace(0, 1, 59), 4.0])
    cold = extreme_eigenvalues(lambda v: matrix @ v, 60, both=False)
    moved = matrix + 0.001 * operator(np.linspace(-1, 1, 60), seed=1)
    warm = extreme_eigenvalues(
        lambda v: moved @ v, 60, start=cold.vector, both=False, tolerance=1e-2
    )
    assert warm.products <= 3 < cold.products
    # The error is below residual²/gap = (0.01·4)²/3.
    assert warm.largest == pytest.approx(np.linalg.eigvalsh(moved)[-1], abs=6e-4)


def test_the_same_call_gives_the_same_bits():
    matrix = operator(SPECTRA["spread"])
    first, second = (extreme_eigenvalues(lambda v: matrix @ v, 60) for _ in range(2))
    assert first.largest == second.largest
    np.testing.assert_array_equal(first.vector, second.vector)


def test_the_number_of_products_is_bounded():
    matrix = operator(SPECTRA["spread"])
    found = extreme_eigenvalues(lambda v: matrix @ v, 60, tolerance=0.0, steps=7)
    assert found.products == 7
    assert found.residual > 0


@pytest.mark.parametrize("size", [1, 2, 3])
def test_tiny_operators_are_solved_completely(size):
    matrix = operator(np.arange(1.0, size + 1))
    found = extreme_eigenvalues(lambda v: matrix @ v, size, tolerance=0.0)
    assert (found.smallest, found.largest) == pytest.approx((1.0, size))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_products_that_are_not_finite_give_none(bad):
    with np.errstate(all="ignore"):
        assert extreme_eigenvalues(lambda v: bad * v, 20) is None


def test_the_basis_stays_orthonormal():
    matrix = operator(np.r_[np.zeros(40), 10.0 ** -np.arange(20)])
    space = Krylov(lambda v: matrix @ v, np.ones(60), steps=60)
    while not space.complete:
        space.extend()
    basis = np.array([space.vector(row) for row in np.eye(60)])
    np.testing.assert_allclose(basis @ basis.T, np.eye(60), atol=1e-13)


def test_a_start_inside_an_invariant_subspace_still_finds_the_rest():
    matrix = np.diag([1.0, 2.0, 3.0, 10.0])
    found = extreme_eigenvalues(
        lambda v: matrix @ v, 4, start=np.array([1.0, 0, 0, 0]), tolerance=1e-9
    )
    assert found.largest == pytest.approx(10.0)

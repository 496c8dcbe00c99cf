"""The compiled exponentials against 80-bit numbers; where numba is installed."""

import numpy as np
import pytest

numba = pytest.importorskip("numba")

from nndiag.nn import exponentials  # noqa: E402 (imports numba)

NUMBERS = np.concatenate(
    [
        np.linspace(-30.0, 30.0, 20_001),
        np.linspace(-745.0, 709.7, 5_000),
        np.random.default_rng(0).standard_normal(5_000) * 10.0 ** np.linspace(-300, 0, 5_000),
    ]
)
NAMES = ["exp", "expm1", "tanh"]


def values(name, numbers):
    """What the compiled function gives for each number."""
    function = getattr(exponentials, name)

    @numba.njit(error_model="numpy")
    def each(numbers):
        found = np.empty_like(numbers)
        for index in range(numbers.size):
            found[index] = function(numbers[index])
        return found

    return each(numbers)


@pytest.mark.parametrize("name", NAMES)
def test_is_accurate_to_a_few_units_in_the_last_place(name):
    numbers = NUMBERS[np.abs(getattr(np, name)(NUMBERS)) > np.finfo(float).tiny]
    exact = getattr(np, name)(numbers.astype(np.longdouble))
    # 2.2e-16 is one unit in the last place; the rounding of about four operations is at most two.
    assert np.max(np.abs(values(name, numbers) / exact - 1)) < 5e-16


@pytest.mark.parametrize("name", NAMES)
def test_ends_where_numpy_does(name):
    ends = np.array([np.nan, np.inf, -np.inf, 0.0, 710.0, -1e300])
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(ends)
    found = values(name, ends)
    np.testing.assert_array_equal(found, expected)


def test_the_hyperbolic_tangent_of_the_smallest_numbers_is_themselves():
    least = np.array([5e-324, -5e-324, -0.0])
    assert values("tanh", least).tobytes() == least.tobytes()

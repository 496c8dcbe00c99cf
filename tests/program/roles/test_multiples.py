"""Whether one array is a multiple of another."""

import numpy as np
import pytest

from nndiag.program.roles.multiples import factor_between

MANY = np.random.default_rng(0).standard_normal((100, 10))


@pytest.mark.parametrize("size", [10, 1000])
def test_finds_the_factor_of_few_and_of_many_numbers_of_any_size(size):
    target = MANY.ravel()[:size]
    for factor in (-3.0, 1e-200, 1e200):
        assert factor_between(factor * target, target) == pytest.approx(factor, rel=1e-12)


@pytest.mark.parametrize("place", range(0, 1000, 37))
def test_one_number_of_many_decides(place):
    value = MANY.ravel().copy()
    value[place] += 1.0
    assert factor_between(value, MANY) is None
    value[place] -= 1.0 - 1e-8  # of a norm of 32: 3e-10, below the tolerance of 1e-6
    assert factor_between(value, MANY) == pytest.approx(1.0, rel=1e-9)


def test_zeros_and_what_is_not_finite_are_multiples_of_nothing():
    spoiled = MANY.copy()
    spoiled[0, 0] = np.nan
    for value in (0 * MANY, spoiled):
        assert factor_between(value, MANY) is None
        assert factor_between(MANY, value) is None

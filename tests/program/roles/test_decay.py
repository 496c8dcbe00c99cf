"""Values taken apart into a gradient and a multiple of the parameter."""

import numpy as np
import pytest

from nndiag.program.roles.decay import decayed

RNG = np.random.default_rng(0)
GRADIENT, START = RNG.normal(size=6), RNG.normal(size=6)
WHOLE = (np.arange(6),)
HALVES = (np.arange(3), np.arange(3, 6))


def test_finds_factor_and_share():
    fit = decayed(0.1 * (GRADIENT + 0.02 * START), GRADIENT, START, WHOLE)
    assert fit.factor == pytest.approx(0.1)
    assert fit.shares == pytest.approx((0.02,))


def test_finds_another_share_in_each_part():
    step = GRADIENT + START * np.repeat([0.02, -0.01], 3)
    assert decayed(step, GRADIENT, START, HALVES).shares == pytest.approx((0.02, -0.01))


def test_gives_exact_zeros_for_a_gradient_alone():
    assert decayed(3 * GRADIENT, GRADIENT, START, WHOLE).shares == (0.0,)


def test_takes_no_other_direction_for_a_decay():
    assert decayed(GRADIENT + 0.1 * RNG.normal(size=6), GRADIENT, START, WHOLE) is None


def test_tells_nothing_of_two_numbers_by_two_unknowns():
    assert decayed(GRADIENT[:2], GRADIENT[:2], START[:2], (np.arange(2),)) is None

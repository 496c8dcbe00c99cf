"""Angle, factor and residual against closed forms."""

import numpy as np
import pytest

from nndiag.gradients.alignment import alignment, relative_error


@pytest.mark.parametrize("angle", [0.1, 1.0, 2.0, 3.0])
@pytest.mark.parametrize("length", [0.5, 1.0, 7.0])
def test_cosine_scale_and_residual_are_those_of_the_angle(angle, length):
    numeric = np.array([2.0, 0.0])
    gradient = 2 * length * np.array([np.cos(angle), np.sin(angle)])
    found = alignment(gradient, numeric)
    assert found.cosine == pytest.approx(np.cos(angle))
    assert found.scale == pytest.approx(length * np.cos(angle))
    assert found.residual == pytest.approx(np.sin(angle))


def test_nothing_is_no_direction():
    zero, one = np.zeros(2), np.ones(2)
    assert alignment(zero, zero).relative_error == 0.0
    assert (alignment(zero, one).cosine, alignment(zero, one).scale) == (None, 0.0)
    assert (alignment(one, zero).cosine, alignment(one, zero).scale) == (None, None)


def test_the_relative_error_is_of_the_larger_one():
    assert relative_error(np.array([3.0]), np.array([-1.0])) == pytest.approx(4 / 3)
    assert relative_error(np.array([1e150]), np.array([1e150])) == 0.0

"""Differences of a function against closed forms."""

import numpy as np
import pytest

from nndiag.gradients.differences import STEP, FunctionDifferences

ALL = np.arange(3)


def source(function=np.sin, at=(0.3, -2.0, 40.0), **options):
    return FunctionDifferences(lambda p: function(p["w"]).sum(), {"w": np.array(at)}, **options)


def test_central_differences_are_derivatives_within_their_noise():
    found = source().central("w", ALL)
    expected = np.cos([0.3, -2.0, 40.0])
    sizes = np.array([1.0, 2.0, 40.0])  # steps are relative to sizes above 1
    truncation = (STEP * sizes) ** 2 / 6 * 1.5  # h²·|f‴|/6; the step is at most a little larger
    assert (np.abs(found.values - expected) <= found.noise + truncation).all()
    assert not found.kinks.any()


def test_gaps_are_the_second_derivative_times_the_step():
    found = source(np.exp, at=(0.5, 0.7, 0.9)).central("w", ALL, factor=100)
    assert found.gaps == pytest.approx(100 * STEP * np.exp([0.5, 0.7, 0.9]), rel=1e-3)


def test_the_complex_step_is_exact():
    found = source(analytic=True).exact("w", ALL)
    assert found == pytest.approx(np.cos([0.3, -2.0, 40.0]), rel=1e-15)
    assert source().exact("w", ALL) is None


def test_the_change_along_a_direction_has_a_part_of_every_entry():
    direction = np.array([1.0, -2.0, 0.5])
    found = source().along("w", direction)
    assert found.moved == pytest.approx(2 * STEP * direction, rel=1e-6)
    expected = np.cos([0.3, -2.0, 40.0]) @ found.moved
    assert found.change == pytest.approx(expected, abs=found.noise)


@pytest.mark.parametrize("at", [1e-7, 1e-6, 4e-6, -3e-6])
def test_a_closer_look_finds_the_slope_beside_a_kink(at):
    differences = source(np.abs, at=(at, 1.0, 2.0))
    first = differences.central("w", ALL)
    assert abs(first.values[0]) < 0.9  # of both sides
    found = differences.closer("w", ALL, first)
    assert found.values == pytest.approx([np.sign(at), 1.0, 1.0], abs=1e-6)
    assert not found.kinks.any()


def test_a_closer_look_finds_no_slope_at_a_kink():
    differences = source(np.abs, at=(0.0, 1.0, 2.0))
    found = differences.closer("w", ALL, differences.central("w", ALL))
    assert found.kinks.tolist() == [True, False, False]


def test_a_closer_look_takes_no_curve_for_a_kink():
    # sin(1e5·w) turns within 6e-5: the usual step of 6e-6 is too wide, a hundredth of it is not.
    differences = source(lambda w: np.sin(1e5 * w), at=(0.3, 0.5, 0.9))
    found = differences.closer("w", ALL, differences.central("w", ALL))
    assert not found.kinks.any()
    assert found.values == pytest.approx(1e5 * np.cos(1e5 * np.array([0.3, 0.5, 0.9])), rel=1e-4)


def test_the_rounding_error_may_be_given():
    assert source(rounding=1e-3).noise == 1e-3
    assert source(rounding=1e-3).step == 1e-2  # at most


def test_the_steps_of_single_precision_are_those_that_are_made():
    point = {"w": np.array([100.0, 0.1, 3.0], np.float32)}
    differences = FunctionDifferences(lambda p: p["w"].astype(float).sum(), point)
    assert differences.precision == pytest.approx(1.2e-7, rel=0.01)
    assert differences.central("w", ALL).values == pytest.approx(np.ones(3), rel=1e-9)

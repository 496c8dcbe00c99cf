"""Levenberg–Marquardt: known minima, MINPACK's path, and where it stops."""

import numpy as np
import pytest
from scipy.optimize import least_squares as minpack

from nndiag.analysis.levenberg_marquardt import least_squares

MOST = 200


def rosenbrock(point):
    x, y = point
    return np.array([10 * (y - x**2), 1 - x]), lambda: np.array([[-20 * x, 10.0], [-1.0, 0.0]])


def powell(point):
    """Powell's singular function: its derivatives are dependent at the minimum, 0."""
    a, b, c, d = point
    residuals = [a + 10 * b, 5**0.5 * (c - d), (b - 2 * c) ** 2, 10**0.5 * (a - d) ** 2]
    far, near = 2 * 10**0.5 * (a - d), 2 * (b - 2 * c)
    rows = [[1, 10, 0, 0], [0, 0, 5**0.5, -(5**0.5)], [0, near, -2 * near, 0], [far, 0, 0, -far]]
    return np.array(residuals), lambda: np.array(rows, float)


def exponentials(point):
    """Two exponentials on data of their own, with an error: a minimum that is not zero."""
    t = np.linspace(0, 3, 30)
    a, b, c, d = point
    one, other = np.exp(-b * t), np.exp(-d * t)
    targets = np.exp(-t) + 2 * np.exp(-4 * t) + 0.1 * np.sin(9 * t)
    columns = [one, -a * t * one, other, -c * t * other]
    return a * one + c * other - targets, lambda: np.stack(columns, axis=1)


@pytest.mark.parametrize(
    ("model", "start"),
    [
        (rosenbrock, [-1.2, 1.0]),
        (rosenbrock, [-120.0, 100.0]),
        (powell, [3.0, -1.0, 0.0, 1.0]),
        (exponentials, [1.0, 0.5, 1.0, 2.0]),
    ],
)
def test_it_goes_the_way_of_minpack(model, start):
    # the same method with the same constants: the same number of steps, but for rounding at the end
    expected = minpack(
        lambda x: model(x)[0],
        start,
        lambda x: model(x)[1](),
        method="lm",
        xtol=1e-12,
        ftol=1e-12,
        gtol=1e-14,
        max_nfev=MOST,
    )
    found, made = least_squares(model, np.array(start), most=MOST)
    np.testing.assert_allclose(found, expected.x, rtol=1e-6, atol=1e-5)
    assert made == pytest.approx(expected.nfev, abs=3)


def test_a_linear_model_takes_one_step():
    rng = np.random.default_rng(0)
    matrix, right = rng.normal(size=(20, 4)), rng.normal(size=20)
    found, made = least_squares(
        lambda x: (matrix @ x - right, lambda: matrix), np.zeros(4), most=MOST
    )
    np.testing.assert_allclose(found, np.linalg.lstsq(matrix, right)[0], rtol=1e-10)
    assert made <= 3  # the start, the minimum, and that nothing is left there


def test_a_parameter_without_effect_stays():
    found, _ = least_squares(
        lambda x: (x[:1] - 3.0, lambda: np.array([[1.0, 0.0]])), np.array([0.0, 7.0]), most=MOST
    )
    np.testing.assert_allclose(found, [3.0, 7.0])


def test_it_makes_no_more_evaluations_than_asked_for():
    assert least_squares(rosenbrock, np.array([-1.2, 1.0]), most=5)[1] == 5


def test_it_ends_where_the_sum_of_squares_is_low_enough():
    # 24.2 at the start, 0 at the minimum: it ends on the way
    found, _ = least_squares(rosenbrock, np.array([-1.2, 1.0]), most=MOST, enough=1.0)
    assert 0.0 < np.sum(rosenbrock(found)[0] ** 2) <= 1.0


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_start_without_finite_residuals_is_returned(value):
    start = np.array([1.0])
    found, made = least_squares(
        lambda x: (np.full(2, value), lambda: np.ones((2, 1))), start, most=MOST
    )
    assert found is start
    assert made == 1


def test_a_step_to_residuals_that_are_not_finite_is_too_far():
    # log x from 4: the Gauss–Newton step goes to 4 − 4 log 4 < 0, where there is no logarithm
    with np.errstate(invalid="ignore"):
        found, _ = least_squares(
            lambda x: (np.log(x), lambda: np.diag(1 / x)), np.array([4.0]), most=MOST
        )
    np.testing.assert_allclose(found, 1.0, rtol=1e-6)

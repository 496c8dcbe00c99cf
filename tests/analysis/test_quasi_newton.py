"""L-BFGS: known minima, beside scipy's, and where it stops."""

import numpy as np
import pytest
from scipy.optimize import minimize

from nndiag.analysis.quasi_newton import quasi_newton

MOST = 2_000


def rosenbrock(point):
    """The chained function of Rosenbrock; its minimum is 0 at (1, …, 1)."""
    here, there = point[:-1], point[1:]
    gap = there - here**2
    gradient = np.zeros_like(point)
    gradient[:-1] += -400 * gap * here - 2 * (1 - here)
    gradient[1:] += 200 * gap
    return np.sum(100 * gap**2 + (1 - here) ** 2), gradient


def quadratic(point):
    curvatures = 10.0 ** np.linspace(-2, 2, len(point))
    return 0.5 * np.sum(curvatures * point**2), curvatures * point


@pytest.mark.parametrize("size", [2, 10, 100])
@pytest.mark.parametrize("function", [rosenbrock, quadratic])
def test_it_finds_the_minimum_with_about_as_many_evaluations_as_scipy(function, size):
    start = np.full(size, -1.2)
    options = {"maxfun": MOST, "maxiter": MOST, "maxcor": 30, "ftol": 1e-13, "gtol": 1e-12}
    theirs = minimize(function, start, jac=True, method="L-BFGS-B", options=options)
    found, made = quasi_newton(function, start, most=MOST)
    lowest = 1e-9 * function(start)[0]
    assert function(found)[0] <= max(lowest, 2 * theirs.fun)
    assert made <= 1.5 * theirs.nfev + 5  # another search along each line


def test_more_steps_than_are_kept_are_followed():
    # 100 curvatures over four decades take more steps than the 30 kept, and than the place for them
    found, made = quasi_newton(quadratic, np.ones(100), most=MOST)
    assert made > 120
    # it ends at a step that brings less than 1e-13 of the start's 1,100
    np.testing.assert_allclose(quadratic(found)[0], 0.0, atol=1e-8)


def test_it_makes_no_more_evaluations_than_asked_for():
    assert quasi_newton(rosenbrock, np.full(10, -1.2), most=7)[1] == 7


def test_it_ends_where_the_value_is_low_enough():
    start = np.full(10, -1.2)
    found, made = quasi_newton(rosenbrock, start, most=MOST, enough=1.0)
    assert 1e-6 < rosenbrock(found)[0] <= 1.0
    assert made < quasi_newton(rosenbrock, start, most=MOST)[1]


def test_a_scaled_function_has_the_same_path():
    # a power of two changes no digit
    start = np.full(5, -1.2)
    one, made = quasi_newton(rosenbrock, start, most=50)
    other, again = quasi_newton(
        lambda x: tuple(2.0**20 * part for part in rosenbrock(x)), start, most=50
    )
    np.testing.assert_array_equal(one, other)
    assert made == again


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_start_without_a_finite_value_is_returned(value):
    start = np.ones(3)
    found, made = quasi_newton(lambda x: (value, x), start, most=MOST)
    assert found is start
    assert made == 1


def test_a_step_to_a_value_that_is_not_finite_is_too_far():
    # x − log x has its minimum at 1 and nothing below 0
    with np.errstate(invalid="ignore"):
        found, _ = quasi_newton(
            lambda x: (float(np.sum(x - np.log(x))), 1 - 1 / x), np.array([0.01, 40.0]), most=MOST
        )
    np.testing.assert_allclose(found, 1.0, atol=1e-5)


def test_where_the_gradient_misleads_it_ends():
    found, made = quasi_newton(lambda x: (float(x @ x), -2 * x), np.ones(2), most=MOST)
    np.testing.assert_array_equal(found, np.ones(2))
    assert made < 50


def test_a_slope_that_overflows_ends_the_search_without_an_error():
    # against a gradient of 1e200 the slope is -1e400: no step is short enough beside it
    with np.errstate(over="ignore"):
        found, _ = quasi_newton(lambda _: (1.0, np.array([1e200, 1e200])), np.ones(2), most=50)
    assert np.array_equal(found, np.ones(2))

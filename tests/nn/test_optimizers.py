"""Every optimizer on a quadratic, against its closed form or a loop over plain floats."""

import math

import numpy as np
import pytest

from nndiag.nn.calls import execute, later, now
from nndiag.nn.optimizers import OPTIMIZERS, Step
from nndiag.nn.schedules import SCHEDULES

CURVATURES = np.array([0.3, 1.0, 4.0])  # of ½·Σ λ·θ²
START = np.array([1.0, -2.0, 0.5])
STEPS = 40


def path(optimizer, *, start=START, steps=STEPS, rates=None):
    """The parameters (steps + 1, K, P) of K networks that start together."""
    rates = np.array([optimizer.learning_rate]) if rates is None else rates
    parameters = np.tile(start, (len(rates), 1))
    memory = [np.zeros_like(parameters) for _ in range(optimizer.memories)]
    scratch, points = np.empty_like(parameters), [parameters.copy()]
    coefficients = optimizer.coefficients(np.arange(steps), rates)  # (n, C, K)
    for row in coefficients:
        gradient = CURVATURES * parameters
        columns = [numbers[:, None] for numbers in row]
        optimizer.update(now, Step(parameters, gradient, scratch, memory, columns))
        points.append(parameters.copy())
    return np.array(points)


def first(optimizer):
    return path(optimizer)[:, 0]


def test_gradient_descent_shrinks_each_direction_by_a_constant_factor():
    # θₜ = (1 − ηλ)ᵗ θ₀
    expected = [(1 - 0.1 * CURVATURES) ** t * START for t in range(STEPS + 1)]
    np.testing.assert_allclose(
        first(OPTIMIZERS.get("sgd")(learning_rate=0.1)), expected, rtol=1e-12
    )


def test_decay_shrinks_by_a_product_of_factors():
    optimizer = OPTIMIZERS.get("sgd")(learning_rate=0.2, decay=0.5)
    factors = [1 - 0.2 / (1 + 0.5 * t) * CURVATURES for t in range(STEPS)]
    expected = START * np.prod(factors, axis=0)
    np.testing.assert_allclose(first(optimizer)[-1], expected, rtol=1e-12)
    assert optimizer.rate(2) == pytest.approx(0.1)


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("beta", [0.5, 0.9])
def test_momentum_follows_its_linear_recursion(beta, nesterov):
    # (θ, v) ← M (θ, v), the t-th power of M in closed form through its eigenvalues.
    rate = 0.05
    optimizer = OPTIMIZERS.get("sgd")(learning_rate=rate, momentum=beta, nesterov=nesterov)
    computed = first(optimizer)
    for direction, curvature in enumerate(CURVATURES):
        ahead = (1 + beta, beta**2) if nesterov else (1.0, beta)
        matrix = np.array([[1 - rate * ahead[0] * curvature, -rate * ahead[1]], [curvature, beta]])
        values, vectors = np.linalg.eig(matrix.astype(complex))
        weights = np.linalg.solve(vectors, [START[direction], 0.0])
        expected = [(vectors[0] * values**t * weights).sum().real for t in range(STEPS + 1)]
        np.testing.assert_allclose(computed[:, direction], expected, rtol=1e-9, atol=1e-12)


def test_nesterov_without_momentum_is_gradient_descent():
    plain = OPTIMIZERS.get("sgd")(learning_rate=0.1)
    named = OPTIMIZERS.get("sgd")(learning_rate=0.1, nesterov=True)
    np.testing.assert_array_equal(first(plain), first(named))
    assert not named.nesterov


def test_rmsprop_follows_a_loop_over_floats():
    rate, rho, epsilon, decay = 0.02, 0.8, 1e-3, 0.1
    optimizer = OPTIMIZERS.get("rmsprop")(learning_rate=rate, rho=rho, epsilon=epsilon, decay=decay)
    computed = first(optimizer)
    for direction, curvature in enumerate(CURVATURES):
        theta, square = float(START[direction]), 0.0
        for t in range(STEPS):
            g = float(curvature) * theta
            square = rho * square + (1 - rho) * g**2
            theta -= rate / (1 + decay * t) * g / (math.sqrt(square) + epsilon)
        assert computed[-1, direction] == pytest.approx(theta, rel=1e-11)


def test_adam_follows_a_loop_over_floats():
    rate, beta_1, beta_2, epsilon, decay = 0.05, 0.8, 0.95, 1e-4, 0.05
    optimizer = OPTIMIZERS.get("adam")(
        learning_rate=rate, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon, decay=decay
    )
    computed = first(optimizer)
    for direction, curvature in enumerate(CURVATURES):
        theta, mean, square = float(START[direction]), 0.0, 0.0
        for t in range(1, STEPS + 1):
            g = float(curvature) * theta
            mean = beta_1 * mean + (1 - beta_1) * g
            square = beta_2 * square + (1 - beta_2) * g**2
            unbiased_mean = mean / (1 - beta_1**t)
            unbiased_square = square / (1 - beta_2**t)
            eta = rate / (1 + decay * (t - 1))
            theta -= eta * unbiased_mean / (math.sqrt(unbiased_square) + epsilon)
        assert computed[-1, direction] == pytest.approx(theta, rel=1e-10)


def test_the_first_step_of_adam_is_the_rate_in_every_direction():
    # m̂/√v̂ = g/|g| after one step.
    moved = first(OPTIMIZERS.get("adam")(learning_rate=0.01))
    np.testing.assert_allclose(moved[1] - moved[0], -0.01 * np.sign(START), rtol=1e-6)


@pytest.mark.parametrize("name", OPTIMIZERS.names())
@pytest.mark.parametrize("options", [{}, {"decay": 0.01}], ids=str)
def test_every_optimizer_approaches_the_minimum(name, options):
    points = path(OPTIMIZERS.get(name)(learning_rate=0.05, **options), steps=300)[:, 0]
    values = 0.5 * (points**2 * CURVATURES).sum(axis=1)
    assert values[-1] < 0.05 * values[0]


@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_each_network_of_a_stack_has_its_own_rate(name):
    rates = np.array([0.01, 0.03, 0.1])
    together = path(OPTIMIZERS.get(name)(learning_rate=1.0), rates=rates)
    for network, rate in enumerate(rates):
        alone = first(OPTIMIZERS.get(name)(learning_rate=float(rate)))
        np.testing.assert_allclose(together[:, network], alone, rtol=1e-13)


@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_a_step_does_not_change_the_gradient(name):
    optimizer = OPTIMIZERS.get(name)(learning_rate=0.1)
    gradient, parameters = np.array([[3.0, -4.0]]), np.ones((1, 2))
    memory = [np.zeros((1, 2)) for _ in range(optimizer.memories)]
    row = optimizer.coefficients(np.arange(1), np.array([0.1]))[0]
    columns = [numbers[:, None] for numbers in row]
    optimizer.update(now, Step(parameters, gradient, np.empty((1, 2)), memory, columns))
    assert gradient.tolist() == [[3.0, -4.0]]


@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_a_planned_step_does_what_an_immediate_one_does(name):
    optimizer = OPTIMIZERS.get(name)(learning_rate=0.1)
    parameters, gradient, plan = START[None].copy(), np.zeros((1, 3)), []
    memory = [np.zeros((1, 3)) for _ in range(optimizer.memories)]
    coefficients = optimizer.coefficients(np.arange(STEPS), np.array([0.1]))
    columns = [np.zeros((1, 1)) for _ in coefficients[0]]
    optimizer.update(later(plan), Step(parameters, gradient, np.empty((1, 3)), memory, columns))
    for row in coefficients:
        gradient[...] = CURVATURES * parameters
        for column, numbers in zip(columns, row, strict=True):
            column[...] = numbers
        execute(plan)
    np.testing.assert_allclose(parameters[0], first(optimizer)[-1], rtol=1e-14)


def test_adamw_shrinks_the_weights_apart_from_the_gradient():
    # Without a gradient Adam does not move: θₜ = (1 − ηλ)ᵗ θ₀.
    optimizer = OPTIMIZERS.get("adamw")(learning_rate=0.1, weight_decay=0.5)
    parameters, memory = START.copy(), [np.zeros(3), np.zeros(3)]
    for row in optimizer.coefficients(np.arange(5), np.array([0.1])):
        step = Step(parameters, np.zeros(3), np.empty(3), memory, [column[0] for column in row])
        optimizer.update(now, step)
    np.testing.assert_allclose(parameters, 0.95**5 * START, rtol=1e-12)


def test_adamw_without_decay_is_adam():
    np.testing.assert_array_equal(
        first(OPTIMIZERS.get("adamw")(weight_decay=0.0)), first(OPTIMIZERS.get("adam")())
    )


def test_a_schedule_multiplies_the_rate_of_every_network():
    schedule = SCHEDULES.get("step")(every=2, factor=0.5)
    optimizer = OPTIMIZERS.get("sgd")(learning_rate=0.4).changed(schedule=schedule)
    rates = optimizer.numbers(np.arange(5), np.array([0.4, 4.0]))[:, 0]
    np.testing.assert_allclose(rates[:, 0], [0.4, 0.4, 0.2, 0.2, 0.1])
    np.testing.assert_allclose(rates[:, 1], 10 * rates[:, 0])
    assert optimizer.rate(4) == pytest.approx(0.1)

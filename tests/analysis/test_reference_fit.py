"""The reference fit: exact derivatives, known optima, and what they say about a run."""

import numpy as np
import pytest

from nndiag.analysis.reference_fit import (
    Limit,
    ReferenceFit,
    bounded_seconds,
    jacobian,
    limit_of,
    reference_fit,
)
from nndiag.nn.losses import LOSSES, baseline
from nndiag.nn.network import (
    architecture,
    examples,
    gradient_seconds,
    loss_and_gradient,
    outputs,
)

X = np.linspace(0.025, 0.5, 20)[:, None]


def loss_named(name, reduction="mean"):
    return LOSSES.get(name)(reduction=reduction)


def random_network(layers, *, loss="mean_squared_error", seed=0, inputs=2):
    rng = np.random.default_rng(seed)
    shape = architecture(inputs, layers, loss=loss_named(loss))
    data = examples(shape, rng.normal(size=(9, inputs)), rng.normal(size=(9, layers[-1][0])))
    return shape, rng.normal(size=shape.size), data


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu", "softplus", "gelu"])
@pytest.mark.parametrize("units", [1, 3])
def test_jacobian_agrees_with_central_differences_of_the_outputs(activation, units):
    shape, parameters, data = random_network([(4, activation), (3, "tanh"), (units, "linear")])
    step = 1e-6  # error of central differences ~ step²; rounding ~ 1e-16 / step
    columns = []
    for index in range(shape.size):
        shift = np.zeros(shape.size)
        shift[index] = step
        above, below = (outputs(shape, parameters + sign * shift, data) for sign in (1, -1))
        columns.append(((above - below) / (2 * step)).ravel())
    expected = np.stack(columns, axis=1)  # (O·B, P)
    np.testing.assert_allclose(jacobian(shape, parameters, data), expected, atol=1e-8)


def test_jacobian_gives_the_gradient_of_squared_errors():
    shape, parameters, data = random_network([(4, "tanh"), (2, "sigmoid")])
    residuals = (outputs(shape, parameters, data) - data.targets).ravel()
    # mean of r² over O·B elements: the gradient is 2 Jᵀr / (O·B)
    expected = 2 * jacobian(shape, parameters, data).T @ residuals / residuals.size
    np.testing.assert_allclose(
        loss_and_gradient(shape, parameters, data)[1], expected, rtol=1e-12, atol=1e-15
    )


def test_a_linear_network_reaches_the_least_squares_solution():
    rng = np.random.default_rng(3)
    inputs, targets = rng.normal(size=(30, 3)), rng.normal(size=(30, 2))
    shape = architecture(3, [(2, "linear")], loss=loss_named("mean_squared_error"))
    padded = np.concatenate([inputs, np.ones((30, 1))], axis=1)
    residuals = targets - padded @ np.linalg.lstsq(padded, targets, rcond=None)[0]
    fit = reference_fit(shape, {"start": np.zeros(shape.size)}, examples(shape, inputs, targets))
    assert fit.loss == pytest.approx(np.mean(residuals**2), rel=1e-10)


def test_a_tanh_cannot_get_below_its_floor_on_a_line():
    # y = 2x up to 1, half sum of squares: an independent program ends at 0.0282128
    shape = architecture(1, [(1, "tanh")], loss=loss_named("mean_squared_error", "half_sum"))
    starts = {"start": np.array([0.5, 0.5]), "far": np.array([-3.0, 1.0])}
    fit = reference_fit(shape, starts, examples(shape, X, 2 * X))
    assert fit.loss == pytest.approx(0.0282128, rel=1e-5)
    np.testing.assert_allclose(fit.parameters, [2.80868, -0.08419], atol=1e-4)


def test_cross_entropy_is_fitted_to_the_optimum_that_newton_finds():
    rng = np.random.default_rng(5)
    inputs = rng.normal(size=(60, 2))
    targets = (inputs[:, :1] + rng.normal(size=(60, 1)) > 0).astype(float)
    shape = architecture(2, [(1, "sigmoid")], loss=loss_named("binary_cross_entropy"))
    padded, weights = np.concatenate([inputs, np.ones((60, 1))], axis=1), np.zeros((3, 1))
    for _ in range(20):  # Newton's method on the convex logistic loss
        p = 1 / (1 + np.exp(-padded @ weights))
        hessian = (padded * p * (1 - p)).T @ padded
        weights -= np.linalg.solve(hessian, padded.T @ (p - targets))
    p = 1 / (1 + np.exp(-padded @ weights))
    optimum = -np.mean(targets * np.log(p) + (1 - targets) * np.log(1 - p))
    fit = reference_fit(shape, {"start": np.zeros(3)}, examples(shape, inputs, targets))
    assert fit.loss == pytest.approx(optimum, rel=1e-8)


def test_a_fit_never_ends_above_its_start():
    shape, parameters, data = random_network([(5, "relu"), (1, "linear")], seed=2)
    start = float(loss_and_gradient(shape, parameters, data)[0])
    assert reference_fit(shape, {"start": parameters}, data, seconds=0.0).loss <= start


def test_the_same_fit_twice_gives_the_same_numbers():
    shape, parameters, data = random_network([(5, "tanh"), (1, "linear")])
    first, second = (reference_fit(shape, {"start": parameters}, data) for _ in range(2))
    assert first.loss == second.loss
    np.testing.assert_array_equal(first.parameters, second.parameters)


def test_scaling_the_loss_leaves_the_parameters_of_a_quasi_newton_fit():
    # half_sum is B·O/2 times the mean: the minimum is at the same place
    rng = np.random.default_rng(1)
    inputs, targets, found = rng.normal(size=(4, 3)), rng.normal(size=(4, 1)), []
    for reduction in ("mean", "half_sum"):
        shape = architecture(
            3, [(6, "tanh"), (1, "linear")], loss=loss_named("mean_squared_error", reduction)
        )
        start = np.random.default_rng(7).normal(size=shape.size)  # P > B: no Levenberg–Marquardt
        found.append(reference_fit(shape, {"start": start}, examples(shape, inputs, targets)))
    assert found[1].r_squared == pytest.approx(found[0].r_squared, abs=1e-8)


def test_starts_that_are_not_finite_are_left_out():
    shape, parameters, data = random_network([(3, "tanh"), (1, "linear")])
    fit = reference_fit(shape, {"end": np.full(shape.size, np.nan), "start": parameters}, data)
    assert fit.start == "start"
    assert set(fit.losses) == {"start"}


def test_only_as_many_starts_are_fitted_as_the_work_suffices_for():
    shape, parameters, data = random_network([(3, "relu"), (1, "linear")])
    starts = dict.fromkeys(("end", "start", "another"), parameters)
    fit = reference_fit(shape, starts, data, seconds=1e-6)
    assert set(fit.losses) == {"end"}
    assert fit.evaluations <= 60  # thirty, and what the last search along a line needs


def test_a_fit_costs_no_more_than_the_run_that_it_explains():
    shape, *_ = random_network([(100, "relu"), (1, "linear")])
    own = gradient_seconds(shape, 500, call=2e-7)
    assert bounded_seconds(shape, steps=200, batch=500, most=60.0) == pytest.approx(200 * own)
    assert bounded_seconds(shape, steps=10**6, batch=500, most=1.0) == 1.0
    gradients = bounded_seconds(shape, steps=200, batch=500, most=60.0, thorough=True)
    assert gradients == pytest.approx(600 * gradient_seconds(shape, 500))
    assert bounded_seconds(shape, steps=20, batch=500, most=1.0) == 0.0  # it has only begun


def test_no_finite_start_is_refused():
    shape, parameters, data = random_network([(3, "tanh"), (1, "linear")])
    with pytest.raises(ValueError, match="finite"):
        reference_fit(shape, {"start": parameters * np.inf}, data)


def test_the_baseline_is_the_best_constant_s_loss():
    shape, parameters, data = random_network([(3, "tanh"), (1, "linear")])
    fit = reference_fit(shape, {"start": parameters}, data)
    assert fit.baseline == baseline(shape.loss, data.targets)
    assert fit.r_squared == pytest.approx(1 - fit.loss / np.var(data.targets))


@pytest.mark.parametrize(
    ("loss", "losses", "attainable", "limit"),
    [
        (1e-12, {"start": 1e-12}, None, Limit.NONE),
        (0.9, {"start": 0.1}, None, Limit.OPTIMIZER),
        (np.inf, {"start": 0.1}, None, Limit.OPTIMIZER),
        (0.9, {"start": 0.9, "end": 0.1}, None, Limit.OPTIMIZER),
        (0.9, {"start": 0.9, "seed 1": 0.1}, None, Limit.START),
        (0.9, {"start": 0.89}, None, Limit.MODEL),
        (0.9, {"start": 0.89}, 0.8, Limit.MODEL),
        (0.9, {"start": 0.89}, 0.2, Limit.DATA),
        (0.9, {"start": 0.89}, 1.0, Limit.MODEL),
    ],
)
def test_what_limits_a_run(loss, losses, attainable, limit):
    best = min(losses, key=lambda name: losses[name])
    fit = ReferenceFit(losses[best], best, losses, np.zeros(1), baseline=1.0, evaluations=1)
    assert limit_of(fit, loss=loss, attainable=attainable) is limit

"""Curvature against dense eigenvalues, stability limits against the optimizers themselves."""

import numpy as np
import pytest

from nndiag.analysis import curvature
from nndiag.analysis.curvature import (
    curvature_at,
    curvature_of,
    krylov_decrement,
    newton_decrement,
    preconditioned,
    sharpness,
    stability_limit_of,
)
from nndiag.analysis.lanczos import extreme_eigenvalues
from nndiag.nn.calls import now
from nndiag.nn.hessian import HessianProducts
from nndiag.nn.losses import LOSSES
from nndiag.nn.network import architecture, examples, loss_and_gradient
from nndiag.nn.optimizers import OPTIMIZERS, Step


def problem(*, layers=((12, "tanh"), (1, "linear")), count=40, seed=0, reduction="mean"):
    rng = np.random.default_rng(seed)
    loss = LOSSES.get("mean_squared_error")(reduction=reduction)
    shape = architecture(1, layers, loss=loss)
    inputs = np.linspace(-3, 3, count)[:, None]
    targets = np.repeat(np.sin(inputs), shape.outputs, axis=1)
    return shape, 0.5 * rng.normal(size=shape.size), examples(shape, inputs, targets)


def descended(shape, parameters, batch, *, steps, rate=0.05):
    for _ in range(steps):
        parameters = parameters - rate * loss_and_gradient(shape, parameters, batch)[1]
    return parameters


SHAPES = {
    "one hidden layer": ((12, "tanh"), (1, "linear")),
    "two outputs": ((6, "sigmoid"), (2, "tanh")),
    "deep": ((6, "tanh"), (5, "tanh"), (1, "linear")),
}


@pytest.mark.parametrize("layers", SHAPES.values(), ids=SHAPES)
def test_small_networks_get_all_their_eigenvalues(layers):
    shape, parameters, batch = problem(layers=layers)
    products = HessianProducts(shape, parameters, batch)
    values = np.linalg.eigvalsh(products.hessian(np.eye(shape.size)))
    found = curvature_at(shape, parameters, batch)
    assert found.exact
    assert found.residual == 0.0
    assert (found.smallest, found.largest) == pytest.approx((values[0], values[-1]))


@pytest.mark.parametrize("seed", range(3))
def test_a_few_of_many_examples_point_the_way_to_the_largest_eigenvalue_over_all(seed):
    layers = ((16, "sigmoid"), (16, "sigmoid"), (1, "linear"))
    shape, parameters, batch = problem(layers=layers, count=1200, seed=seed)
    dense = np.linalg.eigvalsh(HessianProducts(shape, parameters, batch).dense())
    found = sharpness(shape, parameters, batch)
    assert dense[-2] < 0.5 * dense[-1]  # the largest stands clear
    assert found.products <= 3
    # The error is below residual² over the distance to the next eigenvalue.
    assert abs(found.value - dense[-1]) <= found.residual**2 / (dense[-1] - dense[-2])


def test_where_eigenvalues_are_near_each_other_a_few_examples_do_not_choose():
    rng = np.random.default_rng(0)
    shape = architecture(8, [(8, "tanh"), (8, "linear")], loss=LOSSES.get("mean_squared_error")())
    inputs = rng.normal(size=(600, 8))
    batch = examples(shape, inputs, inputs)
    parameters = 0.5 * rng.normal(size=shape.size)
    dense = np.linalg.eigvalsh(HessianProducts(shape, parameters, batch).dense())
    assert dense[-2] > 0.5 * dense[-1]
    found = sharpness(shape, parameters, batch, tolerance=1e-3)
    assert found.value == pytest.approx(dense[-1], rel=1e-4)


@pytest.mark.parametrize("layers", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("steps", [0, 300])
def test_large_networks_get_the_ends_within_the_residual(layers, steps, monkeypatch):
    shape, parameters, batch = problem(layers=layers)
    parameters = descended(shape, parameters, batch, steps=steps)
    exact = curvature_at(shape, parameters, batch)
    monkeypatch.setattr(curvature, "_DENSE", 0)
    found = curvature_at(shape, parameters, batch)
    assert not found.exact
    assert found.products > 0
    assert found.largest == pytest.approx(exact.largest, abs=found.residual + 1e-9)
    assert found.smallest == pytest.approx(exact.smallest, abs=found.residual + 1e-9)


def test_the_decrement_of_a_quadratic_is_what_a_newton_step_gains():
    # A linear network's loss is quadratic: the gain is the loss minus that of least squares.
    shape, parameters, batch = problem(layers=((1, "linear"),))
    value, _ = loss_and_gradient(shape, parameters, batch)
    best = np.linalg.lstsq(batch.inputs.T, batch.targets.T, rcond=None)[0].ravel()
    reachable, _ = loss_and_gradient(shape, best, batch)
    found = curvature_at(shape, parameters, batch)
    assert found.newton_decrement == pytest.approx(float(value - reachable))
    assert curvature_at(shape, best, batch).newton_decrement == pytest.approx(0, abs=1e-25)


def test_the_decrement_does_not_hang_on_the_units_of_the_parameters():
    random = np.random.default_rng(4)
    root = random.normal(size=(6, 6))
    matrix, gradient = root @ root.T, random.normal(size=6)
    exact = 0.5 * gradient @ np.linalg.solve(matrix, gradient)
    units = np.array([1.0, 1e5, 50.0, 1e-3, 1.0, 2e4])  # of columns, say: eigenvalues 1e-6 to 1e10
    scaled = matrix * np.outer(units, units)
    found = curvature_of(lambda v: scaled @ v, gradient * units, steps=50)
    assert found.exact
    assert found.newton_decrement == pytest.approx(exact, rel=1e-6)
    assert found.largest > 1e12 * found.smallest > 0


def test_weight_decay_belongs_to_the_loss():
    shape, parameters, batch = problem()
    plain = curvature_at(shape, parameters, batch)
    decayed = curvature_at(shape, parameters, batch, weight_decay=0.5)
    assert decayed.largest == pytest.approx(plain.largest + 0.5)
    assert decayed.smallest == pytest.approx(plain.smallest + 0.5)
    assert sharpness(shape, parameters, batch, weight_decay=0.5).value == pytest.approx(
        decayed.largest, rel=3e-3
    )


def test_scaling_the_loss_scales_every_number():
    mean, parameters, batch = problem(reduction="mean")
    summed = problem(reduction="sum")[0]
    one, forty = (curvature_at(shape, parameters, batch) for shape in (mean, summed))
    for name in ("largest", "smallest", "newton_decrement"):
        assert getattr(forty, name) == pytest.approx(40 * getattr(one, name), rel=1e-6)


def test_negative_and_negligible_eigenvalues_do_not_count():
    values = np.array([-2.0, 1e-14, 0.5, 4.0])
    components = np.array([1.0, 1.0, 2.0, 4.0])
    # ½ (2²/0.5 + 4²/4)
    assert newton_decrement(values, components) == pytest.approx(6.0)


def test_eigenvalues_within_their_error_of_zero_do_not_count():
    values, errors = np.array([0.5, 4.0]), np.array([0.6, 0.6])
    assert newton_decrement(values, np.array([2.0, 4.0]), errors=errors) == pytest.approx(2.0)


@pytest.mark.parametrize("seed", range(3))
def test_the_krylov_decrement_of_a_positive_matrix_is_the_solution_s(seed):
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.normal(size=(50, 50)))[0]
    matrix = (basis * np.geomspace(1e-3, 1, 50)) @ basis.T
    gradient = rng.normal(size=50)
    decrement, products = krylov_decrement(lambda v: matrix @ v, gradient, steps=50)
    expected = 0.5 * gradient @ np.linalg.solve(matrix, gradient)
    assert products <= 50
    # Stopped where five products added less than 1 %; convergence is faster than geometric.
    assert decrement == pytest.approx(expected, rel=0.05)
    assert decrement <= expected * (1 + 1e-9)


@pytest.mark.parametrize("steps", [100, 1000, 5000])
def test_the_krylov_decrement_follows_the_exact_one_along_a_run(steps):
    shape, parameters, batch = problem(layers=((30, "tanh"), (1, "linear")))
    parameters = descended(shape, parameters, batch, steps=steps)
    products = HessianProducts(shape, parameters, batch)
    exact = curvature_at(shape, parameters, batch).newton_decrement
    decrement, _ = krylov_decrement(products.hessian, products.gradient, steps=100)
    assert 0.5 * exact < decrement < 1.2 * exact


def test_the_krylov_decrement_at_a_stationary_point_is_zero():
    assert krylov_decrement(lambda v: v, np.zeros(5), steps=5) == (0.0, 0)


def test_the_sharpness_follows_a_run_in_few_products():
    shape, parameters, batch = problem(layers=((40, "tanh"), (1, "linear")))
    before = sharpness(shape, parameters, batch)
    moved = descended(shape, parameters, batch, steps=3, rate=0.01)
    after = sharpness(shape, moved, batch, start=before.vector)
    assert after.products <= 3
    # A residual of 3 % of λ leaves an error of its square over the gap, of the order of 0.1 %.
    assert after.value == pytest.approx(curvature_at(shape, moved, batch).largest, rel=3e-3)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e200])
def test_a_point_that_is_not_finite_has_no_curvature(bad):
    shape, parameters, batch = problem()
    found = curvature_at(shape, np.full_like(parameters, bad), batch)
    assert found.largest is None
    assert found.newton_decrement is None
    assert np.isnan(sharpness(shape, np.full_like(parameters, bad), batch).value)


def test_many_examples_are_thinned_out_for_the_hessian_but_not_for_the_gradient():
    shape, parameters, batch = problem(layers=((40, "tanh"), (1, "linear")), count=20_000)
    whole = curvature_at(shape, parameters, batch, seconds=100.0)
    found = curvature_at(shape, parameters, batch, seconds=0.005)
    assert whole.examples == 20_000
    assert found.examples < 5_000
    # Evenly spaced points on a line are an integration rule: nearly the same Hessian.
    assert found.largest == pytest.approx(whole.largest, rel=0.01)
    assert found.newton_decrement == pytest.approx(whole.newton_decrement, rel=0.05)


def run(optimizer, matrix, *, rate, steps, mean_square=None):
    """Largest |θ| after each step on ½θᵀHθ; with `mean_square`, v̂ is held fixed at it."""
    parameters = np.random.default_rng(0).normal(size=(1, len(matrix)))
    memory = [np.zeros_like(parameters) for _ in range(optimizer.memories)]
    late = np.arange(10_000, 10_000 + steps)  # bias corrections have faded
    norms = []
    for row in optimizer.coefficients(late, np.array([rate])):
        if mean_square is not None:
            # Adam multiplies √v by 1/√(1 − β₂ᵗ), the second coefficient: undone here.
            memory[-1][...] = mean_square / (row[1] ** 2 if len(row) > 1 else 1.0)
        scratch = np.empty_like(parameters)
        gradient = parameters @ matrix
        columns = [numbers[:, None] for numbers in row]
        optimizer.update(now, Step(parameters, gradient, scratch, memory, columns))
        norms.append(float(np.abs(parameters).max()))
    return norms


@pytest.mark.parametrize("side", [0.99, 1.01])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"momentum": 0.5},
        {"momentum": 0.9},
        {"momentum": 0.5, "nesterov": True},
        {"momentum": 0.9, "nesterov": True},
    ],
    ids=str,
)
def test_gradient_descent_is_stable_below_its_limit_and_not_above(options, side):
    optimizer = OPTIMIZERS.get("sgd")(learning_rate=1.0, **options)
    matrix = np.diag([0.5, 3.0, 20.0])
    stability_limit = stability_limit_of(optimizer, 20.0)
    norms = run(optimizer, matrix, rate=side * stability_limit, steps=3000)
    assert (norms[-1] < norms[0]) is (side < 1)


@pytest.mark.parametrize("side", [0.99, 1.01])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("rmsprop", {"rho": 1 - 1e-12}),
        ("adam", {"beta_2": 1 - 1e-12}),
        ("adam", {"beta_1": 0.5, "beta_2": 1 - 1e-12}),
    ],
    ids=str,
)
def test_adaptive_optimizers_with_a_fixed_preconditioner_obey_their_limit(name, options, side):
    optimizer = OPTIMIZERS.get(name)(learning_rate=1.0, **options)
    rng = np.random.default_rng(1)
    root = rng.normal(size=(5, 5))
    matrix, mean_square = root @ root.T, rng.random(5) + 0.1
    product = preconditioned(lambda v: matrix @ v, optimizer, mean_square)
    largest = extreme_eigenvalues(product, 5, tolerance=1e-12).largest
    stability_limit = stability_limit_of(optimizer, largest)
    norms = run(optimizer, matrix, rate=side * stability_limit, steps=4000, mean_square=mean_square)
    assert (norms[-1] < norms[0]) is (side < 1)


def test_the_limit_of_adam_is_38_over_the_preconditioned_curvature():
    assert stability_limit_of(OPTIMIZERS.get("adam")(), 2.0) == pytest.approx(19.0)


@pytest.mark.parametrize("largest", [0.0, -1.0, np.nan])
def test_nothing_limits_the_rate_where_nothing_curves_upwards(largest):
    assert stability_limit_of(OPTIMIZERS.get("sgd")(learning_rate=1.0), largest) is None


def test_the_preconditioned_operator_has_the_eigenvalues_of_the_scaled_hessian():
    rng = np.random.default_rng(2)
    root, mean_square = rng.normal(size=(6, 6)), rng.random(6)
    optimizer = OPTIMIZERS.get("rmsprop")(epsilon=0.1)
    product = preconditioned(lambda v: root @ (root.T @ v), optimizer, mean_square)
    found = extreme_eigenvalues(product, 6, tolerance=1e-12)
    scaled = (root @ root.T) / (np.sqrt(mean_square) + 0.1)[:, None]
    assert found.largest == pytest.approx(np.linalg.eigvals(scaled).real.max())


def test_the_limits_of_the_exploding_sine_are_those_of_an_independent_program():
    # Measured with 60 lines of numpy: 24 for Glorot-uniform, 11.4 for normal(0, 0.1²) weights.
    shape, _, batch = problem(layers=((100, "tanh"), (1, "linear")), count=200)
    batch.inputs[0] *= np.pi / 3
    batch.targets[0] = np.sin(batch.inputs[0])
    values = []
    for seed in range(5):
        parameters = np.zeros(shape.size)
        rng = np.random.default_rng(seed)
        for weights, _ in shape.weights_and_biases(parameters):
            bound = np.sqrt(6 / sum(weights.shape))
            weights[...] = rng.uniform(-bound, bound, size=weights.shape)
        values.append(sharpness(shape, parameters, batch).value)
    assert np.median(values) == pytest.approx(24, rel=0.2)


def test_thinned_out_examples_stand_for_the_sum_over_all(monkeypatch):
    monkeypatch.setattr(curvature, "_ELEMENT", 1e-3)  # as on a slow machine: a few examples only
    found = {}
    for reduction in ("mean", "sum"):
        shape, parameters, batch = problem(count=200, reduction=reduction)
        found[reduction] = (
            curvature_at(shape, parameters, batch).largest,
            sharpness(shape, parameters, batch).value,
        )
    assert curvature_at(shape, parameters, batch).examples < 200
    # The same examples in both, and 200 of them make the sum.
    assert np.array(found["sum"]) == pytest.approx(200 * np.array(found["mean"]), rel=1e-6)

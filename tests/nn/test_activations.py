"""Every registered activation against formulas of its own and against numeric derivatives."""

import numpy as np
import pytest
from scipy import special

from nndiag.nn.activations import ACTIVATIONS, Elementwise
from nndiag.nn.calls import execute, later, now

# Independent formulas; an activation that is not listed is still tested against derivatives.
FORMULAS = {
    "linear": lambda z: z,
    "tanh": lambda z: (np.exp(z) - np.exp(-z)) / (np.exp(z) + np.exp(-z)),
    "sigmoid": special.expit,
    "relu": lambda z: np.where(z > 0, z, 0.0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "elu": lambda z: np.where(z > 0, z, np.exp(z) - 1),
    "gelu": lambda z: (
        z / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * z + np.sqrt(2 / np.pi) * 0.044715 * z**3))
    ),
    "softplus": lambda z: np.logaddexp(0.0, z),
    "softmax": lambda z: special.softmax(z, axis=-2),
}
OTHER_OPTIONS = [("leaky_relu", {"slope": 0.3}), ("elu", {"alpha": 0.5}), ("elu", {"alpha": 2.0})]
ALL = [(name, {}) for name in ACTIVATIONS.names()] + OTHER_OPTIONS
STEP = 1e-6  # central differences: truncation h² ≈ 1e-12, rounding 1e-16 / h ≈ 1e-10


def value(activation, z):
    out = np.empty_like(z)
    activation.value(now, z, out)
    return out


def pulled_back(activation, z, vector):
    result = vector.astype(z.dtype)
    activation.pull_back(now, z, value(activation, z), vector=result, scratch=np.empty_like(result))
    return result


def points(*, stack=()):
    """Pre-activations (…, 4, 25) on both sides of zero, none within STEP of a kink."""
    z = np.random.default_rng(1).normal(scale=2.0, size=(*stack, 4, 25))
    assert np.abs(z).min() > 10 * STEP
    return z


@pytest.mark.parametrize("name", FORMULAS)
def test_value_agrees_with_its_formula(name):
    z = points()
    assert value(ACTIVATIONS.get(name)(), z) == pytest.approx(FORMULAS[name](z), rel=1e-13)


@pytest.mark.parametrize(("name", "options"), ALL)
def test_value_may_overwrite_its_input(name, options):
    activation, z = ACTIVATIONS.get(name)(**options), points()
    expected = value(activation, z)
    activation.value(now, z, z)
    np.testing.assert_array_equal(z, expected)


@pytest.mark.parametrize(("name", "options"), ALL)
def test_a_stack_gives_what_its_networks_give_alone(name, options):
    activation, z = ACTIVATIONS.get(name)(**options), points(stack=(3,))
    vector = np.random.default_rng(2).normal(size=z.shape)
    for network in range(3):
        np.testing.assert_allclose(
            value(activation, z)[network], value(activation, z[network]), rtol=1e-14
        )
        np.testing.assert_allclose(
            pulled_back(activation, z, vector)[network],
            pulled_back(activation, z[network], vector[network]),
            rtol=1e-13,
            atol=1e-15,
        )


@pytest.mark.parametrize(("name", "options"), ALL)
def test_a_planned_call_does_what_an_immediate_one_does(name, options):
    activation, z = ACTIVATIONS.get(name)(**options), np.zeros((4, 25))
    a, plan = np.empty_like(z), []
    vector, scratch = np.ones_like(z), np.empty_like(z)
    activation.value(later(plan), z, a)
    activation.pull_back(later(plan), z, a, vector=vector, scratch=scratch)
    z[...] = points()  # only now, after planning
    execute(plan)
    np.testing.assert_array_equal(a, value(activation, z))
    np.testing.assert_array_equal(vector, pulled_back(activation, z, np.ones_like(z)))


@pytest.mark.parametrize(("name", "options"), ALL)
def test_pull_back_agrees_with_central_differences(name, options):
    activation, z = ACTIVATIONS.get(name)(**options), points()
    rng = np.random.default_rng(3)
    vector, along = rng.normal(size=z.shape), rng.normal(size=z.shape)
    # The Jacobian is symmetric: <J·vector, along> is the change of <vector, f> along `along`.
    forward = value(activation, z + STEP * along) - value(activation, z - STEP * along)
    numeric = np.sum(vector * forward, axis=-2) / (2 * STEP)
    exact = np.sum(pulled_back(activation, z, vector) * along, axis=-2)
    np.testing.assert_allclose(exact, numeric, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize(("name", "options"), ALL)
def test_pull_back_of_an_analytic_activation_agrees_with_the_complex_step(name, options):
    activation, z = ACTIVATIONS.get(name)(**options), points()
    if not activation.analytic:
        pytest.skip("has a kink, or a branch that complex numbers do not take")
    rng = np.random.default_rng(4)
    vector, along = rng.normal(size=z.shape), rng.normal(size=z.shape)
    numeric = value(activation, z + 1e-20j * along).imag / 1e-20
    exact = np.sum(pulled_back(activation, z, vector) * along, axis=-2)
    # No subtraction, hence no rounding but that of the formulas themselves.
    np.testing.assert_allclose(exact, np.sum(vector * numeric, axis=-2), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("name", "options"), ALL)
def test_bend_agrees_with_central_differences_of_pull_back(name, options):
    activation, z = ACTIVATIONS.get(name)(**options), points()
    rng = np.random.default_rng(5)
    vector, along = rng.normal(size=z.shape), rng.normal(size=z.shape)
    high = pulled_back(activation, z + STEP * along, vector)
    low = pulled_back(activation, z - STEP * along, vector)
    exact = activation.bend(z, value(activation, z), along=along, vector=vector)
    np.testing.assert_allclose(exact, (high - low) / (2 * STEP), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(("name", "options"), ALL)
def test_values_stay_within_the_declared_range_and_come_near_its_ends(name, options):
    activation = ACTIVATIONS.get(name)(**options)
    z = np.concatenate([np.linspace(-40, 40, 8001), [-700.0, 700.0]])
    a = value(activation, np.stack([z, -z])[:, None, :] if name == "softmax" else z[None])
    assert a.min() >= activation.low - 1e-5  # GELU's bound is rounded to five digits
    assert a.max() <= activation.high
    for bound, reached in ((activation.low, a.min()), (activation.high, a.max())):
        if np.isfinite(bound) and name != "softmax":
            assert reached == pytest.approx(bound, abs=1e-3)


@pytest.mark.parametrize(("name", "options"), [case for case in ALL if case[0] != "softmax"])
def test_steepest_is_the_largest_slope(name, options):
    activation, z = ACTIVATIONS.get(name)(**options), np.linspace(-10, 10, 100_001)[None]
    slopes = pulled_back(activation, z, np.ones_like(z))
    assert np.abs(slopes).max() == pytest.approx(activation.steepest, rel=1e-3)


def test_steepest_of_softmax_is_the_largest_eigenvalue_of_its_jacobian_on_the_diagonal():
    # a(1 − a) is largest at a = ½, reached by two equal units.
    z = np.zeros((2, 1))
    slope = pulled_back(ACTIVATIONS.get("softmax")(), z, np.array([[1.0], [0.0]]))[0, 0]
    assert slope == pytest.approx(ACTIVATIONS.get("softmax")().steepest)


@pytest.mark.parametrize(("name", "options"), [case for case in ALL if case[0] != "softmax"])
def test_can_die_says_whether_the_slope_is_zero_on_a_half_line(name, options):
    activation, z = ACTIVATIONS.get(name)(**options), np.linspace(-5, -1, 9)[None]
    below = pulled_back(activation, z, np.ones_like(z))
    above = pulled_back(activation, -z, np.ones_like(z))
    flat = bool(np.all(below == 0) or np.all(above == 0))
    assert flat is activation.can_die


@pytest.mark.parametrize(("name", "options"), ALL)
def test_huge_inputs_give_finite_values_and_slopes(name, options):
    activation = ACTIVATIONS.get(name)(**options)
    z = np.array([[-1000.0, 1000.0, 0.0, 30.0], [0.0, -1000.0, 0.0, -745.0]])
    with np.errstate(over="ignore", under="ignore"):
        assert np.isfinite(value(activation, z)).all()
        assert np.isfinite(pulled_back(activation, z, np.ones_like(z))).all()
        bent = activation.bend(
            z, value(activation, z), along=np.ones_like(z), vector=np.ones_like(z)
        )
    assert np.isfinite(bent).all()


def test_relu_has_slope_zero_at_zero():
    z = np.zeros((1, 1))
    assert pulled_back(ACTIVATIONS.get("relu")(), z, np.ones_like(z)) == 0


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS.names() if name != "softmax"])
def test_only_linear_is_marked_as_identity(name):
    activation = ACTIVATIONS.get(name)()
    assert isinstance(activation, Elementwise)
    assert activation.identity is (name == "linear")


def test_softmax_sums_to_one_also_for_large_inputs():
    z = 500 * points()
    assert value(ACTIVATIONS.get("softmax")(), z).sum(axis=-2) == pytest.approx(1.0, rel=1e-14)

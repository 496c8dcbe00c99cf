import numpy as np
import pytest

from nndiag.nn.initializers import INITIALIZERS

FAN_OUT, FAN_IN = 300, 200
# Standard deviations from the papers' formulas, for fan-in 200 and fan-out 300.
DEVIATIONS = {
    "uniform": ({"low": -1.0, "high": 3.0}, 4 / np.sqrt(12)),  # of a uniform: width / √12
    "normal": ({"std": 0.7}, 0.7),
    "glorot_uniform": ({}, np.sqrt(2 / 500)),
    "glorot_normal": ({}, np.sqrt(2 / 500)),
    "he_uniform": ({}, np.sqrt(2 / 200)),
    "he_normal": ({}, np.sqrt(2 / 200)),
    "lecun_uniform": ({}, np.sqrt(1 / 200)),
    "lecun_normal": ({}, np.sqrt(1 / 200)),
}
REQUIRED = {"constant": {"value": 0.5}}


def drawn(name, seed=0, **options):
    rng = np.random.default_rng(seed)
    return INITIALIZERS.get(name)(**options)(rng, FAN_OUT, FAN_IN)


@pytest.mark.parametrize("name", INITIALIZERS.names())
def test_gives_a_row_for_each_unit(name):
    assert drawn(name, **REQUIRED.get(name, {})).shape == (FAN_OUT, FAN_IN)


@pytest.mark.parametrize("name", INITIALIZERS.names())
def test_gives_the_same_for_the_same_seed(name):
    options = REQUIRED.get(name, {})
    np.testing.assert_array_equal(drawn(name, **options), drawn(name, **options))


@pytest.mark.parametrize("name", DEVIATIONS)
def test_draws_with_the_standard_deviation_of_its_formula(name):
    options, deviation = DEVIATIONS[name]
    # 60,000 draws: the relative error of a sample deviation is at most 1/√120,000 = 0.3 %
    assert drawn(name, **options).std() == pytest.approx(deviation, rel=0.02)


@pytest.mark.parametrize("name", [name for name in DEVIATIONS if name.endswith("_uniform")])
def test_bounds_a_uniform_at_root_three_deviations(name):
    limit = np.sqrt(3) * DEVIATIONS[name][1]
    largest = np.abs(drawn(name)).max()
    assert 0.999 * limit < largest <= limit


@pytest.mark.parametrize("name", [name for name in DEVIATIONS if "_" in name])
def test_scales_with_the_gain(name):
    np.testing.assert_allclose(drawn(name, gain=3.0), 3 * drawn(name), atol=1e-14)


def test_fills_with_a_constant():
    assert (drawn("constant", value=-2.5) == -2.5).all()


def test_fills_with_zeros():
    assert not drawn("zeros").any()


def test_draws_around_the_mean():
    # standard error of the mean: 1/√60,000 = 0.004
    assert drawn("normal", mean=5.0).mean() == pytest.approx(5.0, abs=0.02)


def test_takes_the_bounds_of_a_uniform_in_either_order():
    np.testing.assert_array_equal(
        drawn("uniform", low=2.0, high=1.0), drawn("uniform", low=1.0, high=2.0)
    )

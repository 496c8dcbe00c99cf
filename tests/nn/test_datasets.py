import numpy as np
import pytest

from nndiag.errors import DataError
from nndiag.nn.datasets import DATASETS

CURVES = ["linear_doubling", "sine", "quadratic_cosine"]
CLASSES = ["logic_gate", "blobs", "circles", "moons", "spirals"]
REQUIRED = {"logic_gate": {"gate": "xor"}}


def made(name, seed=0, **options):
    options = {**REQUIRED.get(name, {}), **options}
    return DATASETS.get(name)(np.random.default_rng(seed), **options)


@pytest.mark.parametrize("name", CURVES + CLASSES)
def test_has_a_row_of_inputs_and_of_targets_for_each_sample(name):
    data = made(name, samples=37)
    assert len(data.inputs) == len(data.targets) == 37
    assert data.inputs.shape[1] == len(data.input_names)
    assert data.targets.shape[1] == len(data.target_names)


@pytest.mark.parametrize("name", CURVES + CLASSES)
def test_is_the_same_for_the_same_seed(name):
    noise = {} if name == "blobs" else {"noise": 0.1}
    first, second = made(name, **noise), made(name, **noise)
    np.testing.assert_array_equal(first.inputs, second.inputs)
    np.testing.assert_array_equal(first.targets, second.targets)


@pytest.mark.parametrize("name", CURVES + CLASSES)
def test_makes_a_single_sample(name):
    assert np.isfinite(made(name, samples=1).inputs).all()


@pytest.mark.parametrize("name", CURVES)
def test_spreads_a_grid_evenly_from_low_to_high(name):
    data = made(name, samples=5, low=1.0, high=3.0, inputs="grid")
    np.testing.assert_allclose(data.inputs[:, 0], [1.0, 1.5, 2.0, 2.5, 3.0])


@pytest.mark.parametrize("name", CURVES)
def test_draws_uniform_inputs_within_the_range(name):
    x = made(name, samples=2000, low=1.0, high=3.0, inputs="uniform").inputs
    assert 1.0 <= x.min() < 1.01
    assert 2.99 < x.max() < 3.0


@pytest.mark.parametrize("name", CURVES)
def test_draws_normal_inputs_with_a_quarter_of_the_range_as_deviation(name):
    x = made(name, samples=40_000, low=-4.0, high=8.0, inputs="normal").inputs
    # standard errors at 40,000 draws: 3/200 of the mean, 0.4 % of the deviation
    assert x.mean() == pytest.approx(2.0, abs=0.08)
    assert x.std() == pytest.approx(3.0, rel=0.02)


@pytest.mark.parametrize("name", CURVES)
def test_adds_noise_to_the_targets_of_a_curve_only(name):
    options = {"samples": 20_000, "inputs": "grid"}
    clean, noisy = made(name, **options), made(name, noise=0.3, **options)
    np.testing.assert_array_equal(clean.inputs, noisy.inputs)
    assert (noisy.targets - clean.targets).std() == pytest.approx(0.3, rel=0.02)


@pytest.mark.parametrize("name", CURVES)
def test_refuses_a_range_upside_down(name):
    with pytest.raises(DataError, match="low must be below high"):
        made(name, low=1.0, high=1.0)


def test_doubles():
    data = made("linear_doubling")
    assert len(data.inputs) == 20
    assert (data.inputs.min(), data.inputs.max()) == (0.025, 0.5)
    np.testing.assert_array_equal(data.targets, 2 * data.inputs)


def test_follows_the_sine():
    data = made("sine", samples=3, low=0.0, high=np.pi)
    np.testing.assert_allclose(data.targets[:, 0], [0.0, 1.0, 0.0], atol=1e-15)


def test_follows_the_quadratic_with_cosine():
    # x = 0: −0.2·cos 0 = −0.2; x = 1: 1 − 0.2·cos 3π = 1.2; x = 2: 4 − 0.2·cos 6π = 3.8
    data = made("quadratic_cosine", samples=3, low=0.0, high=2.0, inputs="grid")
    np.testing.assert_allclose(data.targets[:, 0], [-0.2, 1.2, 3.8])


def test_draws_the_quadratic_cosine_with_deviation_two_by_default():
    assert made("quadratic_cosine").inputs.std() == pytest.approx(2.0, rel=0.1)


@pytest.mark.parametrize(
    ("gate", "truth"),
    [
        ("and", [0, 0, 0, 1]),
        ("or", [0, 1, 1, 1]),
        ("xor", [0, 1, 1, 0]),
        ("nand", [1, 1, 1, 0]),
        ("nor", [1, 0, 0, 0]),
    ],
)
def test_gives_the_truth_table_of_the_gate(gate, truth):
    data = made("logic_gate", gate=gate)
    np.testing.assert_array_equal(data.inputs, [[0, 0], [0, 1], [1, 0], [1, 1]])
    np.testing.assert_array_equal(data.targets[:, 0], truth)


def test_writes_false_and_true_as_low_and_high():
    data = made("logic_gate", low=-1.0, high=2.0)
    np.testing.assert_array_equal(data.inputs, [[-1, -1], [-1, 2], [2, -1], [2, 2]])


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize(
    ("encoding", "of_class"),
    [("binary", [[0.0], [1.0]]), ("signed", [[-1.0], [1.0]]), ("one_hot", [[1, 0], [0, 1]])],
)
def test_encodes_two_classes(name, encoding, of_class):
    data = made(name, encoding=encoding)
    np.testing.assert_array_equal(data.targets, np.array(of_class)[data.classes])


@pytest.mark.parametrize("name", ["blobs", "spirals"])
def test_gives_each_of_several_classes_a_column_and_equal_shares(name):
    data = made(name, samples=90, classes=3, encoding="one_hot")
    np.testing.assert_array_equal(data.targets.sum(axis=0), [30, 30, 30])
    assert data.target_names == ("class0", "class1", "class2")


@pytest.mark.parametrize("name", ["blobs", "spirals"])
@pytest.mark.parametrize("encoding", ["binary", "signed"])
def test_refuses_one_column_for_three_classes(name, encoding):
    with pytest.raises(DataError, match="one_hot"):
        made(name, classes=3, encoding=encoding)


def test_puts_the_circles_at_radius_one_and_factor():
    data = made("circles", factor=0.3)
    radius = np.hypot(*data.inputs.T)
    np.testing.assert_allclose(radius, np.where(data.classes == 0, 1.0, 0.3))


def test_lays_the_moons_on_half_circles():
    data = made("moons", samples=40)
    upper, lower = data.inputs[::2], data.inputs[1::2]
    np.testing.assert_allclose(np.hypot(*upper.T), 1.0)
    np.testing.assert_allclose(np.hypot(*(lower - [1.0, 0.5]).T), 1.0)
    assert upper[:, 1].min() >= -1e-12
    assert lower[:, 1].max() <= 0.5 + 1e-12
    np.testing.assert_allclose(upper[[0, -1], 0], [1, -1])


def test_winds_spirals_outward_to_radius_one():
    data = made("spirals", samples=100)
    radius = np.hypot(*data.inputs.T)
    np.testing.assert_allclose(radius[::2], np.arange(1, 51) / 50)
    np.testing.assert_allclose(radius[1::2], radius[::2])


def test_puts_blobs_around_centres_on_a_circle():
    data = made("blobs", samples=20_000, classes=4, radius=5.0, encoding="one_hot")
    centres = np.array([data.inputs[data.classes == k].mean(axis=0) for k in range(4)])
    # standard error of a mean of 5,000: 0.014
    np.testing.assert_allclose(centres, [[5, 0], [0, 5], [-5, 0], [0, -5]], atol=0.08)

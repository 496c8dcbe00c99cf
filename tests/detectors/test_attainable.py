import numpy as np
import pytest

from nndiag.detectors.attainable import Learned, attainable_share, explained_share
from nndiag.trace import Facts

RNG = np.random.default_rng(0)


def share(inputs, targets):
    return attainable_share(Facts(inputs=inputs, targets=targets))


@pytest.mark.parametrize("noise", [0.0, 0.5, 1.0, 2.0])
def test_estimates_the_share_that_is_not_noise(noise):
    inputs = RNG.uniform(-np.pi, np.pi, size=(400, 1))
    targets = np.sin(inputs) + noise * RNG.normal(size=(400, 1))
    # A sine over its period has variance ½. An estimate of a variance from 400 values is off by
    # √(2/400) = 7 %, here of the noise share; three of these.
    assert share(inputs, targets) == pytest.approx(0.5 / (0.5 + noise**2), abs=0.21)


def test_noise_leaves_nothing_to_learn():
    assert share(RNG.normal(size=(400, 3)), RNG.normal(size=(400, 1))) < 0.15


def test_a_linear_rule_is_seen_where_neighbours_are_far_apart():
    # 30 columns: no two examples are near each other, but a plane fits them all.
    inputs = RNG.normal(size=(200, 30))
    assert share(inputs, inputs @ RNG.normal(size=(30, 1))) == pytest.approx(1.0)


def test_products_and_curves_are_seen_where_neighbours_are_far_apart():
    """Eight columns and 500 rows: the parts have variances 1, 0.5 (2/4), 1 and noise 0.09.

    A product, a square and a line are in the model, so that 2.5/2.59 = 0.965 can be explained; the
    estimate's own error is √(2·52)/500 = 0.02 of the rest.
    """
    rng = np.random.default_rng(7)
    inputs = rng.normal(size=(500, 8))
    rule = inputs[:, 0] * inputs[:, 1] + 0.5 * inputs[:, 2] ** 2 - inputs[:, 3]
    targets = rule + 0.3 * rng.normal(size=500)
    assert share(inputs, targets[:, None]) == pytest.approx(0.965, abs=0.01)


def test_too_many_products_for_so_few_rows_are_left_out():
    """Of noise in 8 columns 52 terms would explain 52/60 by heart; neighbours do not."""
    rng = np.random.default_rng(8)
    assert share(rng.normal(size=(60, 8)), rng.normal(size=(60, 1))) < 0.3


def test_repeated_examples_of_a_gate_are_no_noise():
    gate = np.tile([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], (10, 1))
    assert share(gate, np.tile([[0.0], [1.0], [1.0], [0.0]], (10, 1))) == 1.0


@pytest.mark.parametrize("groups", [5, 60])
def test_repeated_inputs_show_their_noise_as_well_as_others(groups):
    """Twenty draws: the mean is the share that is no noise, ½ ÷ (½ + 1), whoever comes first."""
    found = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        inputs = np.linspace(-np.pi, np.pi, groups, endpoint=False)[:, None].repeat(4, axis=0)
        targets = np.sin(inputs) + rng.normal(size=inputs.shape)
        found.append(share(inputs, targets))
    # The deviation of one is some 0.25 at 20 examples, 0.09 at 240; three of the mean's.
    assert np.mean(found) == pytest.approx(1 / 3, abs=0.17 if groups == 5 else 0.06)


@pytest.mark.parametrize(
    ("inputs", "targets"),
    [
        (None, np.ones((30, 1))),
        (RNG.normal(size=(30, 1)), None),
        (RNG.normal(size=(19, 1)), RNG.normal(size=(19, 1))),  # too few to tell
        (RNG.normal(size=(30, 1)), np.ones((30, 1))),  # nothing to explain
        (np.full((30, 1), np.nan), RNG.normal(size=(30, 1))),
    ],
)
def test_is_everything_where_it_cannot_be_told(inputs, targets):
    assert share(inputs, targets) == 1.0


def test_the_explained_share_does_not_depend_on_the_loss(make_trace):
    targets = np.linspace(-1, 1, 64)[:, None]
    halfway = make_trace([1.0], facts={"targets": targets}, ending={"predictions": 0.5 * targets})
    assert explained_share(halfway) == pytest.approx(0.75)  # 1 − 0.5²
    assert explained_share(make_trace([1.0])) is None


def test_what_is_left_is_measured_against_what_is_not_explained():
    # 0.6 can be explained and 0.5 is: of the other 0.5, 0.1 is no noise.
    assert Learned(0.5, attainable=0.6, shortfall=0.1).left == pytest.approx(0.2)
    assert Learned(0.0, attainable=1.0, shortfall=1.0).left == 1.0
    assert Learned(None).left == 1.0


@pytest.mark.parametrize(("explained", "good"), [(0.0, True), (-0.01, True), (-0.1, False)])
def test_predictions_that_are_worse_than_the_mean_are_never_all_that_the_data_allow(
    explained, good
):
    assert Learned(explained, attainable=0.0, shortfall=-explained).good is good

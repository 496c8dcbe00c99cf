"""Noise that was put in is found again."""

import numpy as np
import pytest

from nndiag.gradients.noise import measured_noise

EPSILON = float(np.finfo(float).eps)


@pytest.mark.parametrize("std", [1e-12, 1e-8, 1e-4])
def test_noise_that_was_put_in_is_measured(std):
    found = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        found.append(
            measured_noise(
                lambda t, rng=rng: np.sin(1 + 3 * t) + std * rng.normal(), precision=EPSILON
            )
        )
    # The squares of all three estimates have the mean std²: their largest has more in the
    # mean, and less than their sum.
    typical = np.sqrt(np.mean(np.square(found))) / std
    assert 1.0 < typical < np.sqrt(3)
    assert min(found) > 0.1 * std


def test_curvature_is_no_noise():
    assert measured_noise(lambda t: 1e6 * np.exp(t), precision=EPSILON) < 1e6 * 2 * EPSILON


def test_a_constant_has_none():
    assert measured_noise(lambda _: 3.0, precision=EPSILON) == 0.0


def test_values_that_are_not_finite_tell_none():
    assert measured_noise(lambda t: np.inf if t > 0 else 1.0, precision=EPSILON) == 0.0

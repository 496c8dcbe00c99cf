import numpy as np
import pytest

from nndiag.analysis.variation import length_of_variation

RNG = np.random.default_rng(3)
X = np.linspace(-1, 1, 400)[:, None]


@pytest.mark.parametrize("periods", [1, 3, 5])
def test_a_sine_varies_within_a_sixth_of_its_period(periods):
    """½E(sin a − sin b)² = (1 − cos(2πh/p))/2, half of the variance, 1/4, at h = p/6.

    A uniform column from −1 to 1 has a std of 1/√3; bins of pairs are 15 % wide.
    """
    period = 2 / periods * np.sqrt(3)
    length = length_of_variation(X, np.sin(np.pi * periods * X))
    assert length == pytest.approx(period / 6, rel=0.15)


def test_the_size_of_the_columns_does_not_matter():
    targets = np.sin(9 * X)
    assert length_of_variation(1000 * X + 5, targets) == pytest.approx(
        length_of_variation(X, targets)
    )


def test_noise_and_a_handful_have_none():
    assert length_of_variation(X, RNG.normal(size=(400, 1))) is None
    assert length_of_variation(X[:30], X[:30]) is None
    assert length_of_variation(X, np.ones((400, 1))) is None


def test_a_constant_column_tells_nothing():
    targets = np.sin(9 * X)
    both = np.hstack([X, np.full_like(X, 7.0)])
    assert length_of_variation(both, targets) == pytest.approx(length_of_variation(X, targets))

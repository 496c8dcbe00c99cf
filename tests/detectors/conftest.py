"""Loss curves of known shape, to make traces of."""

import numpy as np
import pytest

STEPS = np.arange(1, 201)

CURVES = {
    # falls to an R² of 0.99 and rests there
    "learned": 0.01 + 0.99 * np.exp(-STEPS / 10),
    # falls a little (R² 0.02) and rests there
    "stuck": 0.98 + 0.3 * np.exp(-STEPS / 10),
    # a power law: each doubling of the time takes off 1 − 2^−0.5 = 29 %
    "falling": STEPS**-0.5,
    # doubles at every step until it overflows
    "exploded": np.append(2.0 ** np.arange(1023), np.inf),
    # blows up to 60 and stays there
    "exploded_and_stuck": np.minimum(1.5 ** np.arange(200), 60.0),
    # rises 50-fold and comes back
    "recovered": 0.01 + 50 * np.exp(-0.5 * ((STEPS - 20) / 4.0) ** 2),
}


@pytest.fixture(scope="session")
def curves() -> dict[str, np.ndarray]:
    """Losses by the name of their shape."""
    return CURVES

"""Runs that have settled are ended, by counted steps; no others are."""

import numpy as np
import pytest

from nndiag.program.running.settling import Settling

STEPS = np.arange(500_000)


def ended(losses, *, moves=None, **how):
    """The number of steps after which a run is ended, and since when it had settled."""
    settling = Settling(**how)
    moves = np.ones(len(losses)) if moves is None else moves
    for count, (loss, moved) in enumerate(zip(losses, moves, strict=True), 1):
        if settling.is_settled_by(loss, moved):
            return count, settling.since
    return None


def test_ends_a_run_at_rest_after_a_decade_of_steps():
    count, since = ended(np.full(500_000, 0.3))
    assert 40_000 <= count < 40_000 * 10**0.25  # the first stretch that ends behind the least
    assert count / since == pytest.approx(10, rel=1e-3)


def test_ends_a_run_with_noise_once_its_means_are_alike():
    noise = np.random.default_rng(0).normal(size=500_000) ** 2  # of single examples
    assert ended(noise) is not None


def test_ends_a_run_that_has_had_a_hundredth_of_the_baseline_for_a_decade():
    # 1 / (1 + t / 10) is below 0.01 from t = 1,000 on, so that only the least holds it
    assert ended(1 / (1 + STEPS / 10), baseline=1.0)[0] < 80_000
    assert ended(1 / (1 + STEPS / 10), baseline=0.01) is None


@pytest.mark.parametrize(
    "losses",
    [
        1 / np.log(3 + STEPS),
        1 / np.sqrt(1 + STEPS / 10),
        np.full(500_000, np.nan),
        np.full(500_000, np.inf),
        np.full(39_999, 0.3),
    ],
    ids=["as a logarithm", "as a root", "unknown", "infinite", "too few"],
)
def test_leaves_all_others_alone(losses):
    assert ended(losses) is None


def test_leaves_a_plateau_alone_on_which_steps_grow():
    assert ended(np.full(100_000, 0.3), moves=np.exp(STEPS[:100_000] / 20_000)) is None


def test_ends_no_plateau_while_the_rate_changes():
    assert ended(np.full(500_000, 0.3), steady=False) is None

import numpy as np
import pytest

from nndiag.detectors import run
from nndiag.finding import Skipped

PROBLEM = "oscillating-loss"
TURN = np.where(np.arange(200) % 2, 1.0, -1.0)


def test_fires_on_lasting_swings_without_progress(make_trace):
    (finding,) = run(PROBLEM, make_trace(0.7 + 0.2 * TURN))
    assert finding.evidence[0].observed == pytest.approx(0.4 / 0.7)


@pytest.mark.parametrize(
    "losses",
    [
        0.02 + 0.01 * TURN,  # R² 0.98
        0.7 + 0.2 * TURN * 0.97 ** np.arange(200),  # swings that shrink
        0.7 + 0.2 * np.sin(np.arange(200) / 30),  # slow waves
        np.full(200, 0.7),
    ],
)
def test_stays_silent_where_the_run_learns_or_the_swings_settle(losses, make_trace):
    assert run(PROBLEM, make_trace(losses)) == []


@pytest.mark.parametrize(("size", "fires"), [(0.13, True), (0.11, False)])
def test_the_swing_is_its_boundary(size, fires, make_trace):
    # spans 2·size; the limit is 0.2 × the median 1.2 = 0.24
    assert bool(run(PROBLEM, make_trace(1.2 + size * TURN))) is fires


def test_is_skipped_for_mini_batches_and_short_runs(make_trace):
    swings = 0.7 + 0.2 * TURN
    assert isinstance(run(PROBLEM, make_trace(swings, facts={"batch_size": 8})), Skipped)
    assert isinstance(run(PROBLEM, make_trace(swings[:63])), Skipped)

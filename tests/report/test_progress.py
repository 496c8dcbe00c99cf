"""The live line tells where a run stands, in the room there is."""

import pytest

from nndiag.report.progress import progress_line


def line(*, width=80, step=500, total=2000, loss=0.01234, seconds=0.5):
    return progress_line(step=step, total=total, loss=loss, seconds=seconds, width=width)


def test_tells_step_loss_rate_and_remaining_time():
    # 500 steps in half a second: 1,000 a second, 1.5 s left, a quarter of 22 cells done
    assert line() == "━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌  step 500/2,000  loss 0.0123  1,000 steps/s  0:02 left"


def test_a_fast_run_tells_its_rate_in_thousands():
    assert "120k steps/s" in line(step=120_000, total=200_000, seconds=1.0)


@pytest.mark.parametrize("width", range(1, 130))
def test_never_fills_the_terminal_so_that_it_never_wraps(width):
    assert len(line(width=width)) < max(width, 1)


def test_a_run_that_has_just_begun_knows_no_rate():
    assert "– left" in line(step=0, seconds=0.0)

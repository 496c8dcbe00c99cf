"""The chart shows where the loss was, whatever it was."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from rich.console import Console

from nndiag.report.chart import LossChart
from nndiag.trace import Trace


def drawn(losses, *, width=40, onset=None):
    console = Console(width=width, file=None, no_color=True)
    losses = np.asarray(losses, dtype=float)
    trace = Trace(np.arange(len(losses)), losses)
    with console.capture() as captured:
        console.print(LossChart(trace, onset=onset))
    return captured.get().splitlines()


def heights(lines, *, columns=30):
    """Filled eighths of each column."""
    rows = [line.partition("┤")[2].ljust(columns) for line in lines[:4]]
    return [sum(" ▁▂▃▄▅▆▇█".index(row[place]) for row in rows) for place in range(columns)]


def test_a_loss_that_falls_by_a_constant_factor_is_a_straight_slope():
    lines = drawn(10.0 ** -np.linspace(0, 2, 34), width=40)  # "0.01 ┤" leaves 34 columns
    expected = [round(1 + 31 * (1 - place / 33)) for place in range(34)]  # 32 eighths down to 1
    assert heights(lines, columns=34) == expected


def test_a_flat_loss_is_drawn_flat():
    assert len(set(heights(drawn([0.97, 0.971, 0.9705] * 40)))) <= 2


def test_the_scale_names_the_largest_and_the_smallest_loss():
    lines = drawn([100.0, 10.0, 1.0])
    assert lines[0].startswith("100 ┤")
    assert lines[3].startswith("  1 ┤")


def test_a_loss_that_is_not_finite_reaches_the_top():
    assert drawn([1.0, 10.0, 5.0, np.inf])[0].endswith("█")
    assert drawn([1.0, 10.0, 5.0, np.nan])[0].endswith("█")


def test_the_onset_is_marked_below_its_column():
    lines = drawn(np.append(np.ones(50), 2.0 ** np.arange(50)), width=80, onset=50)
    axis, mark = lines[-2], lines[-1]
    assert "growth from step 50" in mark
    share = (mark.index("▲") - axis.index("0")) / (len(axis) - axis.index("0"))
    assert share == pytest.approx(0.5, abs=0.02)


def test_an_onset_at_the_right_edge_is_marked_on_its_left():
    mark = drawn(np.append(np.ones(98), [10, 100]), width=60, onset=98)[-1]
    assert mark.rstrip().endswith("▲")


def test_says_so_where_there_is_nothing_to_draw():
    assert drawn([np.nan, np.inf]) == ["no finite loss to draw"]


@pytest.mark.parametrize("width", [20, 40, 80, 120, 400])
def test_fits_its_console(width):
    assert all(len(line) <= width for line in drawn(np.geomspace(1, 1e300, 500), width=width))


@settings(max_examples=100)
@given(arrays.arrays(np.float64, st.integers(1, 300)), st.integers(16, 130))
def test_any_curve_can_be_drawn(losses, width):
    assert drawn(losses, width=width, onset=0)

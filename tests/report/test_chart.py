"""The chart shows where the loss was, whatever it was."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from rich.console import Console

from nndiag.report.chart import LossChart
from nndiag.report.shared_chart import SharedChart
from nndiag.trace import Facts, Trace
from tests.searching import examples


def drawn(losses, *, width=40, onset=None, batch_size=None):
    console = Console(width=width, file=None, no_color=True)
    losses = np.asarray(losses, dtype=float)
    trace = Trace(
        np.arange(len(losses)), losses, facts=Facts(inputs=np.zeros((10, 1)), batch_size=batch_size)
    )
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


def scale(lines):
    """The largest and the smallest number beside a chart."""
    return [lines[place].partition("┤")[0].strip() for place in (0, 3)]


@pytest.mark.parametrize("width", [30, 40, 60, 80, 400])
def test_the_scale_is_the_data_s_at_every_width(width):
    losses = np.append(np.geomspace(0.7, 2.96e303, 997), [np.inf, np.nan, np.inf])
    assert scale(drawn(losses, width=width)) == ["2.96e303", "0.7"]
    spiked = np.ones(1001)
    spiked[501] = 1.7e308  # log10 of which no power of ten reaches
    assert scale(drawn(spiked, width=width)) == ["1.7e308", "1"]


def test_the_largest_and_the_smallest_loss_are_drawn_at_the_scale_s_ends():
    for place in range(300, 320):  # in a column that shows its largest loss, or its smallest
        losses = np.ones(1000)
        losses[place], losses[place + 100] = 10.0, 0.1
        reached = heights(drawn(losses, width=40), columns=34)
        assert max(reached) == 32
        assert min(reached) == 1


def test_the_scale_of_mini_batches_is_the_same_at_every_width():
    losses = np.random.default_rng(0).exponential(size=5000)
    scales = {tuple(scale(drawn(losses, width=width, batch_size=1))) for width in (30, 60, 120)}
    means = losses.reshape(100, 50).mean(axis=1)  # of hundredths of the run
    (labels,) = scales
    assert [float(label) for label in labels] == pytest.approx([means.max(), means.min()], rel=5e-3)


def test_a_run_of_few_finite_losses_has_the_same_scale_alone_and_compared():
    losses = np.array([np.inf, 100.0, *[np.inf] * 23])
    trace = Trace(np.arange(25), losses)
    console = Console(width=40, no_color=True)
    with console.capture() as captured:
        console.print(SharedChart([trace, trace], trace, colour="red", height=4))
    assert scale(captured.get().splitlines()) == ["100", "100"]
    assert "100" in scale(drawn([100.0, 1.0, *losses]))


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


@examples(100)
@example(np.array([np.inf, 1.0, *[np.inf] * 23]), 16)  # no column shows the finite one
@given(arrays.arrays(np.float64, st.integers(1, 300)), st.integers(16, 130))
def test_any_curve_can_be_drawn(losses, width):
    assert drawn(losses, width=width, onset=0)

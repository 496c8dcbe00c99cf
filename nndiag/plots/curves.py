"""Lines over the steps of a run: thinned to what a picture can show, on a logarithmic scale.

The scale is drawn by hand, as log10 on a linear axis: losses near the largest float are common in
the runs that are drawn here, and matplotlib's own scale overflows there.
"""

import itertools

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import (
    FixedLocator,
    FuncFormatter,
    MaxNLocator,
    StrMethodFormatter,
    SymmetricalLogLocator,
)

from nndiag.arrays import FloatArray
from nndiag.plots.legend import explain

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555")
ONSET_COLOUR = "#c1121f"
FAINT = "#777777"
STRETCHES = 200
"""Stretches of which each is one point of a noisy curve."""

MOST_POINTS = 4000
"""Points of a curve without noise."""

_NARROW = 2.0  # decades; below, ticks stand between the powers of ten
_SMALLEST_SPAN = 0.3  # decades
_LONG, _EARLY, _REST = 200, 0.01, 0.2
"""Points of a run that is long; share of its steps that are its first; share of a curve's span that
may be left for all others."""


def logs(values: FloatArray) -> FloatArray:
    """log10 of the values, NaN where there is none."""
    with np.errstate(all="ignore"):
        return np.where(np.isfinite(values) & (values > 0), np.log10(values), np.nan)


def plot_curve(
    axes: Axes,
    steps: FloatArray,
    values: FloatArray,
    *,
    noisy: bool,
    colour: str,
    label: str,
    dashes: str = "-",
) -> None:
    """Draw a curve that may be too long for a picture.

    Args:
        axes: Where to draw.
        steps: Shape (N,).
        values: log10 of the curve, shape (N,).
        noisy: Whether it differs from step to step by chance: then the median is drawn over the
            range of eight values of ten. Otherwise every peak is shown.
        colour: Its colour.
        label: Its name in the legend.
        dashes: Matplotlib's style of its line.
    """
    if noisy:
        starts, (low, values, high) = _summary(steps, values, STRETCHES, shares=(10, 50, 90))
        axes.fill_between(starts, low, high, color=colour, alpha=0.2, linewidth=0)
        steps = starts
    elif len(steps) > MOST_POINTS:
        starts, (low, _, high) = _summary(steps, values, MOST_POINTS // 2, shares=(0, 50, 100))
        steps, values = np.repeat(starts, 2), np.column_stack([high, low]).ravel()
    axes.plot(steps, values, color=colour, label=label, linestyle=dashes)


def _summary(
    steps: FloatArray, values: FloatArray, stretches: int, *, shares: tuple[int, int, int]
) -> tuple[FloatArray, FloatArray]:
    """The first step of each stretch, shape (N,), and percentiles of its values, shape (3, N)."""
    thresholds = np.linspace(0, len(steps), min(stretches, len(steps)) + 1).astype(np.int64)
    points = []
    for first, last in itertools.pairwise(thresholds):
        piece = values[first:last]
        piece = piece[~np.isnan(piece)]
        points.append(np.percentile(piece, shares) if len(piece) else np.full(3, np.nan))
    return steps[thresholds[:-1]], np.array(points).T


def finish(axes: Axes, *, title: str, onset: float | None) -> None:
    """Title, ticks of both axes, the onset and the legend."""
    if onset is not None:
        axes.axvline(
            onset, color=ONSET_COLOUR, linewidth=1, linestyle="--",
            label=f"growth from step {int(onset):,}",
        )  # fmt: skip
    _tick_powers(axes)
    axes.margins(x=0.01)
    first, last = axes.get_xlim()
    early = _all_early(axes)
    if last - first < 1:  # a single step
        axes.set_xlim(first - 0.5, last + 0.5)
        axes.set_xticks([round((first + last) / 2)])
    elif early:
        axes.set_xscale("symlog", linthresh=1)
        axes.set_xlim(left=max(first, 0.0))
        axes.xaxis.set_major_locator(SymmetricalLogLocator(base=10, linthresh=1))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 5, 10], integer=True))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.set(title=title, xlabel="step, on a logarithmic scale" if early else "step")
    explain(axes)


def _all_early(axes: Axes) -> bool:
    """Whether all that a picture shows happens in the first steps of a long run."""
    curves = [np.column_stack([line.get_xdata(), line.get_ydata()]) for line in axes.get_lines()]
    longest = max((len(curve) for curve in curves), default=0)
    curves = [curve[~np.isnan(curve[:, 1])] for curve in curves if len(curve) == longest]
    curves = [curve for curve in curves if len(curve) >= _LONG]
    if not curves or axes.collections:
        return False
    whole = max(np.ptp(curve[:, 1]) for curve in curves)
    rest = max(np.ptp(x[x[:, 0] > _EARLY * x[-1, 0], 1]) for x in curves)
    return bool(whole > _SMALLEST_SPAN / 2 and rest < _REST * whole)


def _tick_powers(axes: Axes) -> None:
    """Ticks for an axis of log10, written as what they stand for; flat looks flat."""
    low, high = axes.get_ylim()
    missing = max(_SMALLEST_SPAN - (high - low), 0.0) / 2
    low, high = low - missing, high + missing
    axes.set_ylim(low, high)
    if high - low >= _NARROW:
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=True))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda power, _: f"$10^{{{power:.0f}}}$"))
        return
    parts = (1, 2, 5) if high - low > 1 else (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)
    powers = range(int(np.floor(low)), int(np.ceil(high)) + 1)
    places = [power + float(np.log10(part)) for power in powers for part in parts]
    axes.yaxis.set_major_locator(FixedLocator([x for x in places if low <= x <= high]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda power, _: f"{10.0**power:,.4g}"))

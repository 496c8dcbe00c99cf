"""Lines over the steps of a run: thinned to what a picture can show, on a logarithmic scale."""

import numpy as np
from matplotlib.axes import Axes

from nndiag.trace import FloatArray

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555", "#f0e442")
ONSET_COLOUR = "#c1121f"
MOST_POINTS = 2000


def thinned(steps: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The smallest and the largest value of each stretch of steps, at most `MOST_POINTS` in all.

    Args:
        steps: Shape (N,).
        values: Shape (N,).

    Returns:
        Steps and values of equal shape.
    """
    if len(steps) <= MOST_POINTS:
        return steps, values
    edges = np.linspace(0, len(steps), MOST_POINTS // 2 + 1).astype(np.int64)
    starts = edges[:-1]
    with np.errstate(all="ignore"):
        low = np.minimum.reduceat(values, starts)
        high = np.maximum.reduceat(values, starts)
    return np.repeat(steps[starts], 2), np.column_stack([low, high]).ravel()


def positive(values: FloatArray) -> FloatArray:
    """The values, NaN where a logarithmic axis cannot show them."""
    return np.where(np.isfinite(values) & (values > 0), values, np.nan)


def logarithmic(axes: Axes, values: FloatArray) -> None:
    """Make the vertical axis logarithmic, wide enough that a flat curve looks flat."""
    shown = values[np.isfinite(values) & (values > 0)]
    axes.set_yscale("log")
    if len(shown) and shown.max() < 2 * shown.min():
        middle = float(np.sqrt(shown.max() * shown.min()))
        axes.set_ylim(middle / 3, middle * 3)


def mark_onset(axes: Axes, onset: float | None) -> None:
    """A line at the step from which on the loss grew."""
    if onset is not None:
        axes.axvline(onset, color=ONSET_COLOUR, linewidth=1, linestyle="--")
        axes.annotate(
            f"growth from step {int(onset):,}",
            (onset, 0.02),
            xycoords=("data", "axes fraction"),
            xytext=(4, 0),
            textcoords="offset points",
            color=ONSET_COLOUR,
            fontsize="small",
        )

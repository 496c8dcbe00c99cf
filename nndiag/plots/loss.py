"""The loss over the steps, with the training and validation losses where they differ."""

import numpy as np
from matplotlib.axes import Axes

from nndiag.plots.curves import COLOURS, FAINT, finish, logs, plot_curve
from nndiag.trace import Trace


def draw(trace: Trace, axes: Axes, *, onset: float | None = None) -> bool:
    """Draw the loss of each step, the training and validation losses, the mean baseline.

    Args:
        trace: The run.
        axes: Where to draw.
        onset: Step from which on the loss grew; marked.

    Returns:
        Whether there was a loss to draw: a finite one above zero, or one that is not finite.
    """
    values, broken = logs(trace.loss), ~np.isfinite(trace.loss)
    if np.isnan(values).all() and not broken.any():
        return False
    batches = trace.facts.exact_steps is False
    plot_curve(
        axes,
        trace.step.astype(np.float64),
        values,
        noisy=batches,
        colour=COLOURS[5] if batches else COLOURS[0],
        label="batches: the middle, and 8 of 10" if batches else "training",
    )
    for name, label, colour in (
        ("training_loss", "all training examples", COLOURS[0]),
        ("validation_loss", "validation", COLOURS[1]),
    ):
        series = trace.series.get(name)
        if series is not None and (batches or name != "training_loss"):
            axes.plot(series.steps, logs(series.values), color=colour, label=label)
    baseline = trace.facts.baseline_loss
    if baseline is not None and baseline > 0:
        axes.axhline(float(np.log10(baseline)), color=FAINT, linestyle=":", label="mean baseline")
    if broken.any():
        axes.plot(
            trace.step[broken], np.ones(broken.sum()), "x", color="black", clip_on=False,
            transform=axes.get_xaxis_transform(), label="not finite",
        )  # fmt: skip
    finish(axes, title="Loss", onset=onset)
    return True

"""The loss over the steps, with the losses of training and held-out examples where they differ."""

import numpy as np
from matplotlib.axes import Axes

from nndiag.plots.curves import COLOURS, logarithmic, mark_onset, positive, thinned
from nndiag.trace import Trace


def draw(trace: Trace, axes: Axes, *, onset: float | None = None) -> bool:
    """Draw the loss of each step, all-examples losses, and the best constant's.

    Args:
        trace: The run.
        axes: Where to draw.
        onset: Step from which on the loss grew; marked.

    Returns:
        Whether there was a finite loss to draw.
    """
    values = positive(trace.loss)
    if not np.isfinite(values).any():
        return False
    batch = trace.facts.full_batch is False
    steps, line = thinned(trace.step.astype(np.float64), values)
    label = "batch of the step" if batch else "training"
    axes.plot(steps, line, color=COLOURS[0], alpha=0.45 if batch else 1, label=label)
    for name, label, colour in (
        ("training_loss", "all training examples", COLOURS[1]),
        ("validation_loss", "held out", COLOURS[2]),
    ):
        series = trace.series.get(name)
        if series is not None and (batch or name != "training_loss"):
            axes.plot(series.steps, positive(series.values), color=colour, label=label)
    baseline = trace.facts.baseline_loss
    if baseline is not None and baseline > 0:
        axes.axhline(baseline, color="#777777", linestyle=":", label="best constant")
    logarithmic(axes, values)
    mark_onset(axes, onset)
    broken = ~np.isfinite(trace.loss)
    if broken.any():
        axes.plot(
            trace.step[broken], np.ones(broken.sum()), "x", color="black", clip_on=False,
            transform=axes.get_xaxis_transform(), label="not finite",
        )  # fmt: skip
    axes.set(title="Loss", xlabel="step")
    axes.legend(loc="best", fontsize="small")
    return True

"""The gradient norm of each layer over the steps."""

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes

from nndiag.plots.curves import COLOURS, logarithmic, mark_onset, positive, thinned
from nndiag.trace import Trace


def draw(trace: Trace, axes: Axes, *, onset: float | None = None) -> bool:
    """Draw one line per layer.

    Args:
        trace: The run.
        axes: Where to draw.
        onset: Step from which on the loss grew; marked.

    Returns:
        Whether there was a gradient to draw.
    """
    series = trace.series.get("gradient_norm")
    if series is None:
        return False
    values = positive(series.values)
    if not np.isfinite(values).any():
        return False
    layers = len(trace.layers)
    for index, layer in enumerate(trace.layers):
        many = colormaps["viridis"](index / max(layers - 1, 1) * 0.9)
        colour = COLOURS[index] if layers <= len(COLOURS) - 1 else many
        steps, line = thinned(series.steps.astype(np.float64), values[:, index])
        axes.plot(steps, line, color=colour, label=layer)
    logarithmic(axes, values)
    mark_onset(axes, onset)
    axes.set(title="Gradient norm of each layer", xlabel="step")
    axes.legend(loc="best", fontsize="small", ncols=1 + layers // 6)
    return True

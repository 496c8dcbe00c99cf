"""The gradient norm of each layer over the steps."""

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from nndiag.plots.curves import COLOURS, finish, logs, plot_curve
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
    values = logs(series.values)
    if np.isnan(values).all():
        return False
    steps = series.steps.astype(np.float64)
    noisy = trace.facts.exact_steps is False
    for index, layer in enumerate(trace.layers):
        colour = _colour(index, layers=len(trace.layers))
        plot_curve(axes, steps, values[:, index], noisy=noisy, colour=colour, label=layer)
    finish(axes, title="Gradient norm of each layer", onset=onset)
    return True


def _colour(index: int, *, layers: int) -> str:
    """Distinct colours for few layers; for many a scale that is seen on a light and a dark page."""
    if layers <= len(COLOURS):
        return COLOURS[index]
    return to_hex(colormaps["plasma"](0.3 + 0.48 * index / (layers - 1)))

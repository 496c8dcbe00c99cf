"""The losses of several runs in one picture, on a scale that they share."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from nndiag.plots.curves import COLOURS, FAINT, finish, logs, plot_curve
from nndiag.trace import Trace

_DASHES = ("-", "--", ":", "-.")  # no two of the first 28 runs look alike
_MOST_LABELS = 28
_BEYOND = 2.0  # decades above the largest start that are shown; a blow-up would flatten all else


def draw(runs: Mapping[str, Trace], axes: Axes) -> bool:
    """Draw the loss of each run over its steps.

    Where every run knows the loss of its mean baseline, that is the unit: then runs
    with different losses or scales of the targets can be compared too.

    Args:
        runs: Label → run.
        axes: Where to draw.

    Returns:
        Whether there was a finite loss to draw.
    """
    units = [trace.facts.baseline_loss or 0.0 for trace in runs.values()]
    relative = all(unit > 0 and np.isfinite(unit) for unit in units)
    curves = [
        logs(trace.loss) - (np.log10(unit) if relative else 0.0)
        for trace, unit in zip(runs.values(), units, strict=True)
    ]
    known = [curve[~np.isnan(curve)] for curve in curves]
    if not any(map(len, known)):
        return False
    rim = max(float(curve[0]) for curve in known if len(curve)) + _BEYOND
    for place, (label, trace) in enumerate(runs.items()):
        plot_curve(
            axes,
            trace.step.astype(np.float64),
            np.minimum(curves[place], rim + 1),  # beyond the picture, and no further
            noisy=trace.facts.exact_steps is False,
            colour=COLOURS[place % len(COLOURS)],
            dashes=_DASHES[place // len(COLOURS) % len(_DASHES)],
            label=label if place < _MOST_LABELS else "",
        )
    if relative:
        axes.axhline(0.0, color=FAINT, linestyle=":", label="mean baseline")
    axes.set_ylim(top=min(axes.get_ylim()[1], rim))
    title = "Loss ÷ loss of the mean baseline" if relative else "Loss"
    finish(axes, title=title, onset=None)
    return True

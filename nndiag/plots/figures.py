"""From drawings on axes to files."""

from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from nndiag.errors import unwritable
from nndiag.plots import gradient_norms, loss, prediction
from nndiag.trace import Trace
from nndiag.trace.run_folder import write_file

Draw = Callable[..., bool]

PLOTS: dict[str, Draw] = {
    "loss": loss.draw,
    "gradient_norms": gradient_norms.draw,
    "prediction": prediction.draw,
}
"""Name of the file → what draws it; returns False where the trace has nothing to draw."""

STYLE: dict[Any, Any] = {
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10.0,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "lines.linewidth": 1.4,
    "legend.frameon": False,
    "figure.facecolor": "white",
}


class Drawing(Figure):
    """A figure that a notebook shows, whatever its backend."""

    def _repr_png_(self) -> bytes:
        packed = BytesIO()
        self.savefig(packed, format="png")
        return packed.getvalue()


def figure_of(draws: Sequence[Callable[[Axes], object]]) -> Drawing:
    """Drawings side by side; one that returns False has nothing to draw and is left out.

    Args:
        draws: Each draws on axes.
    """
    with mpl.rc_context(STYLE), np.errstate(all="ignore"):
        figure = Drawing(figsize=(4.8 * max(len(draws), 1), 3.6), dpi=100, layout="constrained")
        FigureCanvasAgg(figure)
        for draw, axes in zip(draws, np.ravel(figure.subplots(1, max(len(draws), 1))), strict=True):
            if draw(axes) is False:
                axes.remove()
    return figure


def save_plots(trace: Trace, folder: Path, *, onset: float | None = None) -> list[Path]:
    """Draw everything that the trace allows, as PNG.

    Args:
        trace: The run.
        folder: Where the pictures go; created if need be.
        onset: Step from which on the loss grew; marked.

    Returns:
        The files that were written.

    Raises:
        RunError: A file cannot be written.
    """
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    written: list[Path] = []
    for name, draw in PLOTS.items():
        picture = _picture(draw, trace, onset=onset)
        if picture is not None:
            write_file(folder / f"{name}.png", picture)
            written.append(folder / f"{name}.png")
    return written


def _picture(draw: Draw, trace: Trace, *, onset: float | None) -> bytes | None:
    """One drawing as PNG; None where there is nothing to draw."""
    with mpl.rc_context(STYLE), np.errstate(all="ignore"):  # ticks near the largest float
        figure = Figure(figsize=(6.4, 3.8), dpi=120, layout="constrained")
        FigureCanvasAgg(figure)
        axes: Axes = figure.add_subplot()
        if not draw(trace, axes, onset=onset):
            return None
        packed = BytesIO()
        figure.savefig(packed, format="png")
    return packed.getvalue()

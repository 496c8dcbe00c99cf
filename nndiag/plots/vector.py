"""The pictures as vector graphics for a page that is light or dark."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from io import StringIO
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from nndiag.plots import losses
from nndiag.plots.figures import PLOTS, STYLE
from nndiag.trace import Trace

INK, GRID = "#010203", "#030201"
"""Stand for the page's own colours; no picture uses them otherwise."""

_COLOURS = {INK: "currentColor", "#000000": "currentColor", GRID: "var(--faint, #8884)"}
_METADATA = re.compile(r"<metadata>.*?</metadata>\s*", re.DOTALL)
_VECTOR: dict[Any, Any] = {
    **STYLE,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": GRID,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "legend.facecolor": "none",
    "svg.fonttype": "none",  # text stays text
    "font.family": "sans-serif",
}


def vector_plots(trace: Trace, *, onset: float | None = None) -> dict[str, str]:
    """Everything that the trace allows, as SVG elements by name.

    Args:
        trace: The run.
        onset: Step from which on the loss grew; marked.
    """
    drawn = {
        name: vector_figure(name, partial(draw, trace, onset=onset)) for name, draw in PLOTS.items()
    }
    return {name: svg for name, svg in drawn.items() if svg is not None}


def vector_losses(runs: Mapping[str, Trace]) -> dict[str, str]:
    """The losses of several runs in one picture; empty where no loss is finite.

    Args:
        runs: Label → run.
    """
    picture = vector_figure("losses", partial(losses.draw, runs))
    return {} if picture is None else {"losses": picture}


def vector_figure(name: str, draw: Callable[[Axes], object]) -> str | None:
    """One drawing as an SVG element; None where it returns False: there is nothing to draw.

    Args:
        name: Its name, other than that of any picture on the same page.
        draw: Draws on axes.
    """
    style = {**_VECTOR, "svg.hashsalt": name}  # ids differ between the pictures of one page
    with mpl.rc_context(style), np.errstate(all="ignore"):  # ticks near the largest float
        figure = Figure(figsize=(6.4, 3.8), layout="constrained")
        FigureCanvasSVG(figure)
        axes: Axes = figure.add_subplot()
        if draw(axes) is False:
            return None
        text = StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    svg = text.getvalue()
    svg = _METADATA.sub("", svg[svg.index("<svg") :])
    for colour, own in _COLOURS.items():
        svg = svg.replace(colour, own)
    return svg

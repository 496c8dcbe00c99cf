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
_DROPPED = re.compile(
    r"<metadata>.*?</metadata>\s*| transform=\"rotate\(-0 [^\"]*\"|(?<=\n) +", re.DOTALL
)
_FAMILIES = re.compile(r"font-family: [^;\"]*sans-serif")
_PLACES = re.compile(r'(?<= d=")[^"]+|(?<= [xy]=")[^"]+')
_FRACTION = re.compile(r"-?\d+\.\d+")
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
    with mpl.rc_context(_style(name)), np.errstate(all="ignore"):  # ticks near the largest float
        figure = Figure(figsize=(6.4, 3.8), layout="constrained")
        return None if draw(figure.add_subplot()) is False else _element(figure)


def vector_panels(trace: Trace, *, onset: float | None = None) -> str:
    """Everything that the trace allows side by side, as one small SVG element.

    Args:
        trace: The run.
        onset: Step from which on the loss grew; marked.
    """
    small = {"path.simplify_threshold": 0.5, "font.size": 7.0, "axes.titlesize": 8.0}
    with mpl.rc_context(_style("panels") | small), np.errstate(all="ignore"):
        figure = Figure(figsize=(9.6, 2.8), layout="constrained")
        grid = figure.add_gridspec(1, len(PLOTS))
        drawn = 0
        for draw in PLOTS.values():
            axes = figure.add_subplot(grid[drawn])
            if draw(trace, axes, onset=onset):
                drawn += 1
            else:
                axes.remove()
        return _element(figure)


def _style(salt: str) -> dict[Any, Any]:
    return {**_VECTOR, "svg.hashsalt": salt}  # ids differ between the pictures of one page


def _element(figure: Figure) -> str:
    """A figure as an SVG element in the colours of its page."""
    FigureCanvasSVG(figure)
    text = StringIO()
    figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    svg = text.getvalue()
    svg = _FAMILIES.sub("font-family: sans-serif", _DROPPED.sub("", svg[svg.index("<svg") :]))
    for colour, own in _COLOURS.items():
        svg = svg.replace(colour, own)
    return _PLACES.sub(lambda place: " ".join(_FRACTION.sub(_rounded, place[0]).split()), svg)


def _rounded(fraction: re.Match[str]) -> str:
    """A coordinate to a tenth of a point; no eye sees more."""
    return f"{float(fraction[0]):.1f}".removesuffix(".0")

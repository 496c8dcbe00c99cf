"""A run while it goes on: its loss and the norm of each layer, in a terminal and as a page."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.text import Text

from nndiag.arrays import FloatArray
from nndiag.formatting import number
from nndiag.report.chart import LossChart
from nndiag.report.html import page_html
from nndiag.trace import Trace

if TYPE_CHECKING:
    from nndiag.plots.interactive import Chart

_LEVELS = "▁▂▃▄▅▆▇█"
_MOST_LAYERS = 12
_NARROWEST, _WIDEST = 8, 60


def live_view(trace: Trace, *, line: str) -> RenderableType:
    """The curve of the loss, a line for each layer, and how far the run is.

    Args:
        trace: The run until now.
        line: How far it is.
    """
    parts: list[RenderableType] = [LossChart(trace)] if trace.steps else []
    series = trace.series.get("gradient_norm")
    if series is not None and series.values.size and not np.isnan(series.values).all():
        parts.append(Text("gradient norm", style="dim"))
        parts += [
            _LayerLine(name, series.values[:, place])
            for place, name in enumerate(trace.layers[:_MOST_LAYERS])
        ]
    return Group(*parts, Text(line, style="dim"))


def live_page(
    trace: Trace,
    *,
    name: str,
    charts: "Mapping[str, Chart]",
    line: str,
    every: float | None,
) -> str:
    """The page of a run that goes on: it loads itself again.

    Args:
        trace: The run until now.
        name: What the run is called.
        charts: Its pictures as numbers, by name.
        line: How far it is.
        every: Seconds until it loads itself again; None where it ended.
    """
    view = live_view(trace, line=line)
    return page_html(f"{name}: running", view, charts=charts, every=every)


class _LayerLine:
    """The norm of one layer over the steps, on a logarithmic scale of its own.

    Args:
        name: The layer.
        values: Its norms, shape (T,).
    """

    def __init__(self, name: str, values: FloatArray) -> None:
        self._name, self._values = name, values

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        last = number(float(self._values[-1]))
        columns = options.max_width - 24
        bars = _bars(self._values, columns=max(min(columns, _WIDEST), _NARROWEST))
        yield Text.assemble((f"{self._name[:12]:>12} ", "dim"), (bars, "cyan"), f" {last}")


def _bars(values: FloatArray, *, columns: int) -> str:
    """One sign for each column; a space where no value is known."""
    with np.errstate(all="ignore"):
        logs = np.log10(values)
    pieces = np.array_split(logs, min(columns, len(logs)))
    heights = np.array([_highest(piece) for piece in pieces])
    known = heights[np.isfinite(heights)]
    if not len(known):
        return ""
    low, span = float(known.min()), float(np.ptp(known)) or 1.0
    return "".join(
        _LEVELS[round((height - low) / span * (len(_LEVELS) - 1))] if np.isfinite(height) else " "
        for height in heights
    )


def _highest(piece: FloatArray) -> float:
    known = piece[np.isfinite(piece)]
    return float(known.max()) if len(known) else float("nan")

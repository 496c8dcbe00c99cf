"""The loss of one of several runs, on the scales of all of them."""

from collections.abc import Sequence

import numpy as np
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from nndiag.arrays import FloatArray
from nndiag.formatting import number
from nndiag.trace import Trace
from nndiag.trace.statistics import log_limits, log_profile, loss_summary

_LEVELS = " ▁▂▃▄▅▆▇█"
_WIDEST, _NARROWEST = 100, 12
_BEYOND = 2.0  # decades above the larger start that are shown; a blow-up would flatten all else


class SharedChart:
    """The loss of one run on the scales of all.

    Args:
        traces: All runs.
        trace: The one to draw.
        colour: Its colour.
        height: How many lines it has.
        title: Stands before a chart of one line, which has no room for a scale.
    """

    def __init__(
        self, traces: Sequence[Trace], trace: Trace, *, colour: str, height: int, title: str = ""
    ) -> None:
        self._traces, self._trace, self._colour = traces, trace, colour
        self._height, self._title = height, title

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        bounds = [log_limits(trace) for trace in self._traces]
        known = [one for one in bounds if one is not None]
        if not known:
            yield Text("no finite loss to draw", style="dim")
            return
        low, high = min(one[0] for one in known), max(one[1] for one in known)
        starts = [loss_summary(trace).initial for trace in self._traces]
        usual = [start for start in starts if np.isfinite(start) and start > 0]
        high = min(high, float(np.log10(max(usual))) + _BEYOND) if usual else high
        labels = [number(10.0**high), *[""] * (self._height - 2), number(10.0**low)]
        labels = labels if self._height > 1 else [self._title]
        margin = max(map(len, labels))
        columns = max(min(options.max_width, _WIDEST) - margin - 2, _NARROWEST)
        longest = max(trace.steps for trace in self._traces)
        own = max(round(columns * self._trace.steps / longest), 1)
        profile = log_profile(self._trace, columns=own)
        rows = _rows(profile, low=low, high=high, height=self._height)
        for label, row in zip(labels, rows, strict=True):
            yield Text.assemble((f"{label:>{margin}} ┤", "dim"), (row, self._colour))


def _rows(profile: FloatArray, *, low: float, high: float, height: int) -> list[str]:
    """The lines of a chart, from the top; the whole height where the loss is not finite."""
    if high - low < 1e-3:
        low, high = low - 1, high + 1
    shares = np.where(np.isfinite(profile), (profile - low) / (high - low), 1.0)
    full = 8 * height
    levels = np.round(1 + np.clip(shares, 0, 1) * (full - 1)).astype(int)
    return [
        "".join(_LEVELS[min(max(int(level) - 8 * line, 0), 8)] for level in levels)
        for line in reversed(range(height))
    ]

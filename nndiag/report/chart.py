"""A loss curve as a few lines of block characters, on a logarithmic scale."""

import numpy as np
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from nndiag.arrays import FloatArray
from nndiag.formatting import number
from nndiag.trace import Trace
from nndiag.trace.statistics import log_limits, log_profile

_LEVELS = " ▁▂▃▄▅▆▇█"
_WIDEST = 100
_NARROWEST = 12
_SMALLEST_SPAN = 0.1  # decades
_LARGEST = 308.2547  # log10 of the largest number


class LossChart:
    """The loss of a run over its steps, as wide as the console allows.

    Args:
        trace: The run; it has a step.
        onset: Step from which on the loss grew; marked.
        height: Lines of the chart, without its axis.
    """

    def __init__(self, trace: Trace, *, onset: float | None = None, height: int = 4) -> None:
        self._trace = trace
        self._onset = onset
        self._height = height

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        found = log_limits(self._trace)
        if found is None:
            known = np.isfinite(self._trace.loss).any()
            yield Text(f"no {'positive' if known else 'finite'} loss to draw", style="dim")
            return
        limits = _apart(*found)
        labels = [number(10.0 ** min(limit, _LARGEST)) for limit in reversed(limits)]
        margin = max(map(len, labels))
        columns = max(min(options.max_width, _WIDEST) - margin - 2, _NARROWEST)
        profile = log_profile(self._trace, columns=columns)
        onset = self._column(self._onset, columns=columns)
        rows = _rows(_levels(profile, limits, height=self._height), height=self._height)
        labels[1:1] = [""] * (self._height - 2)
        for label, row in zip(labels, rows, strict=True):
            line = Text.assemble((f"{label:>{margin}} ┤", "dim"))
            for place, cell in enumerate(row):
                colour = "cyan" if place < onset else "red"
                line.append(cell, style=f"dim {colour}" if cell == "█" else colour)
            yield line
        yield Text(" " * (margin + 2) + self._axis(columns), style="dim")
        if self._onset is not None:
            words = f"growth from {self._trace.facts.unit} {int(self._onset):,}"
            mark = _mark(words, onset, columns=columns)
            yield Text(" " * (margin + 2) + mark, style="red")

    def _column(self, step: float | None, *, columns: int) -> int:
        """The column of a step; the number of columns where there is none."""
        if step is None:
            return columns
        steps = self._trace.step
        place = np.searchsorted(steps, step) / max(len(steps) - (len(steps) < columns), 1)
        return int(np.clip(place * columns, 0, columns - 1))

    def _axis(self, columns: int) -> str:
        """The first and the last step, with the epoch where the run has epochs."""
        first, last = f"{self._trace.step[0]:,}", f"{self._trace.step[-1]:,}"
        if self._trace.epochs is not None:
            last = f"{last} (epoch {self._trace.epochs:,})"
        return f"{first}{last:>{columns - len(first)}}"


def _mark(text: str, place: int, *, columns: int) -> str:
    """A text with an arrow up to its column, on the side of the arrow where it fits."""
    if place + 2 + len(text) <= columns:
        return " " * place + f"▲ {text}"
    if len(text) + 1 <= place:
        return f"{text} ▲".rjust(place + 1)
    return f"▲ {text}"


def _apart(low: float, high: float) -> tuple[float, float]:
    """Limits far enough apart that flat looks flat."""
    missing = max(_SMALLEST_SPAN - (high - low), 0.0) / 2
    return low - missing, high + missing


def _levels(profile: FloatArray, limits: tuple[float, float], *, height: int) -> list[int]:
    """The filled eighths of lines of each column; the whole height where the loss is not finite."""
    low, high = limits
    shares = np.where(np.isfinite(profile), (profile - low) / (high - low), 1.0)
    return [int(level) for level in np.round(1 + np.clip(shares, 0, 1) * (8 * height - 1))]


def _rows(levels: list[int], *, height: int) -> list[str]:
    """The lines of the chart, from the top."""
    return [
        "".join(_LEVELS[min(max(level - 8 * line, 0), 8)] for level in levels)
        for line in reversed(range(height))
    ]

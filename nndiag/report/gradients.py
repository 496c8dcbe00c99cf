"""The gradient of each layer as a table."""

import math

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from nndiag.formatting import number, times
from nndiag.trace import Trace
from nndiag.trace.statistics import LayerGradient, layer_gradients, ratio

_MOST_LAYERS = 8
_WIDE, _WITH_UNITS = 56, 68  # columns of a console
_STRIKING = 1e3
_PEAK = 100.0  # times what a layer begins and ends with: the peak is what happened


class GradientTable:
    """Gradient norms at the first steps, in the middle and at the end of a run, layer by layer.

    Where one went up and came back, its largest value stands in the place of the middle. Narrow
    consoles get fewer columns; of very deep networks the outer layers are shown.
    """

    def __init__(self, trace: Trace) -> None:
        self._gradients = layer_gradients(trace)
        self._about = {
            layer.name: f"{layer.units} {layer.activation}" for layer in trace.facts.layers
        }

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if not self._gradients:
            return
        wide = options.max_width >= _WIDE
        between = "largest" if any(map(_peaks, self._gradients)) else "middle"
        moments = ("first", between, "end") if wide else ("first", "end")
        about = options.max_width >= _WITH_UNITS and bool(self._about)
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("gradient norm", no_wrap=True)
        if about:
            table.add_column("", style="dim", no_wrap=True)
        for title in (*moments, "change"):
            table.add_column(title, justify="right", no_wrap=True)
        for layer in self._shown():
            if layer is None:
                table.add_row(Text(f"… {len(self._gradients) - _MOST_LAYERS} more", style="dim"))
                continue
            numbers = [number(getattr(layer, moment)) for moment in moments]
            what = [self._about.get(layer.layer, "")] if about else []
            table.add_row(layer.layer, *what, *numbers, _change(layer.change))
        if len(self._gradients) > 1:
            first, last = self._gradients[0], self._gradients[-1]
            ratios = [ratio(getattr(first, x), getattr(last, x)) for x in moments]
            cells = ["first ÷ last layer", *([""] if about else []), *map(number, ratios)]
            table.add_row(*(Text(cell, style="dim") for cell in cells))
        yield table

    def _shown(self) -> list[LayerGradient | None]:
        """The layers to show, None for those left out."""
        rows: list[LayerGradient | None] = list(self._gradients)
        if len(rows) > _MOST_LAYERS:
            rows[_MOST_LAYERS // 2 : -_MOST_LAYERS // 2] = [None]
        return rows


def _peaks(layer: LayerGradient) -> bool:
    """Whether a gradient was far larger in between than at the first and the last steps."""
    return layer.largest > _PEAK * max(layer.first, layer.end)


def _change(change: float) -> Text:
    """End over first, coloured where it is striking."""
    striking = not math.isfinite(change) or change > _STRIKING
    return Text(times(change), style="red" if striking else "")

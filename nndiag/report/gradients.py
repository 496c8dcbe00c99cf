"""The gradient of each layer as a table."""

import math

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from nndiag.report.numbers import number, times
from nndiag.trace import Trace
from nndiag.trace.statistics import LayerGradient, layer_gradients, ratio

_MOST_LAYERS = 8
_WIDE = 60
_STRIKING = 1e3


class GradientTable:
    """Gradient norms at the first steps, in the middle and at the end of a run, layer by layer.

    Narrow consoles get fewer columns; of very deep networks the outer layers are shown.
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
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("gradient norm", no_wrap=True)
        if wide and self._about:
            table.add_column("", style="dim", no_wrap=True)
        for title in ("first", "middle", "end", "change") if wide else ("first", "end", "change"):
            table.add_column(title, justify="right", no_wrap=True)
        for row in self._rows():
            table.add_row(*self._cells(row, wide=wide))
        yield table

    def _rows(self) -> list[LayerGradient | None]:
        """The layers to show, None for those left out, and the first layer over the last."""
        rows: list[LayerGradient | None] = list(self._gradients)
        if len(rows) > _MOST_LAYERS:
            rows[_MOST_LAYERS // 2 : -_MOST_LAYERS // 2] = [None]
        if len(self._gradients) > 1:
            first, last = self._gradients[0], self._gradients[-1]
            rows.append(
                LayerGradient(
                    "first ÷ last",
                    ratio(first.first, last.first),
                    ratio(first.middle, last.middle),
                    ratio(first.end, last.end),
                )
            )
        return rows

    def _cells(self, row: LayerGradient | None, *, wide: bool) -> list[Text]:
        if row is None:
            return [Text(f"… {len(self._gradients) - _MOST_LAYERS} more", style="dim")]
        compared = row.layer not in self._about and bool(self._about) and "÷" in row.layer
        style = "dim" if compared else ""
        cells = [Text(row.layer, style=style)]
        if wide and self._about:
            cells.append(Text(self._about.get(row.layer, "")))
        cells.append(Text(number(row.first), style=style))
        if wide:
            cells.append(Text(number(row.middle), style=style))
        cells.append(Text(number(row.end), style=style))
        cells.append(Text("") if "÷" in row.layer else _change(row.change))
        return cells


def _change(change: float) -> Text:
    """End over first, coloured where it is striking."""
    striking = not math.isfinite(change) or change > _STRIKING
    return Text(times(change), style="red" if striking else "")

"""Two runs beside each other: settings that differ, how they ended, both curves on one scale."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from nndiag.finding import Diagnosis
from nndiag.report.json import VERSION, run_document
from nndiag.report.numbers import number, skill_words
from nndiag.report.verdict import most_important, verdict_style
from nndiag.trace import FloatArray, Trace
from nndiag.trace.difference import Difference
from nndiag.trace.plain import to_plain
from nndiag.trace.statistics import log_profile, loss_summary

_LEVELS = " ▁▂▃▄▅▆▇█"
_WIDEST, _NARROWEST = 100, 12
_HEIGHT = 3
_COLOURS = ("cyan", "magenta")
_LETTERS = ("A", "B")
_BEYOND = 2.0  # decades above the larger start that are shown; a blow-up would flatten all else


@dataclass(frozen=True, eq=False)
class Side:
    """One of the runs.

    Attributes:
        name: What it is called.
        trace: The run.
        diagnosis: What is said about it.
    """

    name: str
    trace: Trace
    diagnosis: Diagnosis


def compare_report(sides: Sequence[Side], changed: Sequence[Difference]) -> RenderableType:
    """The whole comparison.

    Args:
        sides: Two runs, each with a step.
        changed: Settings that differ.
    """
    parts: list[RenderableType] = [_titles(sides), Text(), _outcomes(sides), Text()]
    parts += [_settings(sides, changed), Text()]
    for side, letter, colour in zip(sides, _LETTERS, _COLOURS, strict=True):
        parts += [Text(letter, style=f"bold {colour}"), SharedChart(sides, side, colour=colour)]
    parts += [Text(), _verdict(sides)]
    return Group(*parts)


def compare_document(sides: Sequence[Side], changed: Sequence[Difference]) -> dict[str, Any]:
    """The whole comparison as one JSON object."""
    document = {
        "version": VERSION,
        "command": "compare",
        "runs": [
            run_document(
                side.diagnosis,
                side.trace,
                command="diagnose",
                config=side.name,
                run=side.trace.source,
            )
            for side in sides
        ],
        "differences": [{"key": one.key, "left": one.left, "right": one.right} for one in changed],
    }
    plain: dict[str, Any] = to_plain(document)
    return plain


def compare_line(sides: Sequence[Side]) -> str:
    """Both outcomes in one line of text."""
    return " · ".join(f"{side.name}: {_final(side)}, {side.diagnosis.outcome}" for side in sides)


def _final(side: Side) -> str:
    return f"loss {number(loss_summary(side.trace).final)}"


def _titles(sides: Sequence[Side]) -> Table:
    """Which run is which."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold", style="dim")
    for side, letter, colour in zip(sides, _LETTERS, _COLOURS, strict=True):
        table.add_row(Text(letter, style=f"bold {colour}"), side.name, side.trace.source)
    return table


def _outcomes(sides: Sequence[Side]) -> Table:
    """How both ended, line by line."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("", style="dim", no_wrap=True)
    for letter in _LETTERS:
        table.add_column(letter, overflow="fold")
    losses = [loss_summary(side.trace) for side in sides]
    numbers = [side.diagnosis.numbers for side in sides]
    table.add_row("outcome", *(_outcome(side) for side in sides))
    table.add_row("loss", *(f"{number(x.initial)} → {number(x.final)}" for x in losses))
    table.add_row("best", *(number(x.best) for x in losses))
    if any("skill" in one for one in numbers):
        known = [one.get("skill") for one in numbers]
        table.add_row("skill", *("–" if x is None else skill_words(x) for x in known))
    table.add_row("steps", *(f"{side.trace.steps:,}" for side in sides))
    table.add_row("found", *(_found(side) for side in sides))
    return table


def _outcome(side: Side) -> Text:
    return Text(str(side.diagnosis.outcome), style=verdict_style(side.diagnosis))


def _found(side: Side) -> str:
    """The most important finding and the number of others."""
    most = most_important(side.diagnosis)
    if most is None:
        return "nothing wrong"
    others = len({x.problem for x in side.diagnosis.findings} - {most.problem})
    return most.problem + (f" and {others} more" if others else "")


def _settings(sides: Sequence[Side], changed: Sequence[Difference]) -> RenderableType:
    if not all("network" in side.trace.facts.settings for side in sides):
        return Text("the settings of a log are not known", style="dim")
    if not changed:
        return Text("no setting differs", style="dim")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("setting", overflow="fold", style="dim")
    for letter in _LETTERS:
        table.add_column(letter, overflow="fold")
    for one in changed:
        table.add_row(one.key, str(one.left), str(one.right))
    return table


def _verdict(sides: Sequence[Side]) -> Text:
    """Which one ended better, on a scale that both share."""
    skills = [side.diagnosis.numbers.get("skill") for side in sides]
    ended = [loss_summary(side.trace).final for side in sides]
    same = len({(x.trace.facts.loss, x.trace.facts.reduction) for x in sides}) == 1
    by_skill = None not in skills
    values = [1 - (x or 0.0) for x in skills] if by_skill else ended
    if not by_skill and not same:
        return Text("The losses are not the same function: their sizes say nothing.", style="dim")
    values = [x if np.isfinite(x) else np.inf for x in values]
    if values[0] == values[1]:
        return Text("Both end at the same loss.", style="bold")
    better = int(values[1] < values[0])
    share = values[better] / values[1 - better]
    if not np.isfinite(values[1 - better]):
        words, amount = "ends at", "a finite loss; the other does not"
    else:
        words = "leaves" if by_skill else "ends at"
        what = "of the error that the other leaves" if by_skill else "of the other's loss"
        amount = f"{number(100 * share)} % {what}"
    return Text(f"{_LETTERS[better]} {words} {amount}.", style="bold")


class SharedChart:
    """The loss of one run on the scales of both.

    Args:
        sides: Both runs.
        side: The one to draw.
        colour: Its colour.
    """

    def __init__(self, sides: Sequence[Side], side: Side, *, colour: str) -> None:
        self._sides, self._side, self._colour = sides, side, colour

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        bounds = [_bounds(side.trace) for side in self._sides]
        known = [one for one in bounds if one is not None]
        if not known:
            yield Text("no finite loss to draw", style="dim")
            return
        low, high = min(one[0] for one in known), max(one[1] for one in known)
        starts = [loss_summary(side.trace).initial for side in self._sides]
        usual = [start for start in starts if np.isfinite(start) and start > 0]
        high = min(high, float(np.log10(max(usual))) + _BEYOND) if usual else high
        labels = [number(10.0**high), *[""] * (_HEIGHT - 2), number(10.0**low)]
        margin = max(map(len, labels))
        columns = max(min(options.max_width, _WIDEST) - margin - 2, _NARROWEST)
        longest = max(side.trace.steps for side in self._sides)
        own = max(round(columns * self._side.trace.steps / longest), 1)
        profile = log_profile(self._side.trace, columns=own)
        for label, row in zip(labels, _rows(profile, low=low, high=high), strict=True):
            yield Text.assemble((f"{label:>{margin}} ┤", "dim"), (row, self._colour))


def _bounds(trace: Trace) -> tuple[float, float] | None:
    """log10 of the smallest and the largest loss that can be drawn."""
    usable = trace.loss[np.isfinite(trace.loss) & (trace.loss > 0)]
    if not len(usable):
        return None
    return float(np.log10(usable.min())), float(np.log10(usable.max()))


def _rows(profile: FloatArray, *, low: float, high: float) -> list[str]:
    """The lines of a chart, from the top; the whole height where the loss is not finite."""
    if high - low < 1e-3:
        low, high = low - 1, high + 1
    shares = np.where(np.isfinite(profile), (profile - low) / (high - low), 1.0)
    full = 8 * _HEIGHT
    levels = np.round(1 + np.clip(shares, 0, 1) * (full - 1)).astype(int)
    return [
        "".join(_LEVELS[min(max(int(level) - 8 * line, 0), 8)] for level in levels)
        for line in reversed(range(_HEIGHT))
    ]

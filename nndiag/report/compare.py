"""Runs beside each other: settings that differ, how they ended, all curves on one scale."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from nndiag.finding import Diagnosis
from nndiag.formatting import accuracy_words, number, r_squared_words
from nndiag.report.ranking import ranking
from nndiag.report.settings import setting
from nndiag.report.shared_chart import SharedChart
from nndiag.report.verdict import most_important, verdict_style
from nndiag.trace import Trace
from nndiag.trace.difference import Difference
from nndiag.trace.statistics import loss_summary

MOST_SIDES = len(ascii_uppercase)
"""How many runs can be told apart by one letter each."""

_COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "red")
_MOST_CHARTS = 4  # of several lines
_NARROW, _MOST_WANTED = 60, ("outcome", "loss", "found")
_LABELS, _COLUMN = 24, 17  # widths of a table's first column, and of one for each run


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
        sides: Two runs or more, each with a step.
        changed: Settings that differ.
    """
    parts: list[RenderableType] = [_titles(sides), Text(), _Outcomes(sides), Text()]
    parts += [_Settings(sides, changed), Text(), *_charts(sides), Text(), _verdict(sides)]
    return Group(*parts)


def compare_line(sides: Sequence[Side]) -> str:
    """All outcomes in one line of text."""
    return " · ".join(f"{side.name}: {_final(side)}, {side.diagnosis.outcome}" for side in sides)


def lettered(sides: Sequence[Side]) -> dict[str, Trace]:
    """The runs by letter and name, as a picture labels them."""
    letters = zip(ascii_uppercase, sides, strict=False)
    return {f"{letter}  {side.name}": side.trace for letter, side in letters}


def _final(side: Side) -> str:
    return f"loss {number(loss_summary(side.trace).final)}"


def _charts(sides: Sequence[Side]) -> Iterator[RenderableType]:
    """The loss of each run: as a chart, or as a line where they are many."""
    traces = [side.trace for side in sides]
    large = len(sides) <= _MOST_CHARTS
    for place, trace in enumerate(traces):
        if large:
            yield _letter(place)
        title = "" if large else ascii_uppercase[place]
        yield SharedChart(
            traces, trace, colour=_colour(place), height=3 if large else 1, title=title
        )


def _colour(place: int) -> str:
    return _COLOURS[place % len(_COLOURS)]


def _letter(place: int) -> Text:
    return Text(ascii_uppercase[place], style=f"bold {_colour(place)}")


def _titles(sides: Sequence[Side]) -> Table:
    """Which run is which."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold", style="dim")
    for place, side in enumerate(sides):
        table.add_row(_letter(place), side.name, side.trace.source)
    return table


class _Outcomes:
    """How the runs ended: a column for each, or a row for each where columns are too many.

    Args:
        sides: The runs.
    """

    def __init__(self, sides: Sequence[Side]) -> None:
        self._sides = sides

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        cells = _ended(self._sides)
        if len(self._sides) <= _room(options):
            table = _table("", range(len(self._sides)), no_wrap=True)
            for label, values in cells.items():
                table.add_row(label, *values)
        else:
            table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
            table.add_column("")
            narrow = options.max_width < _NARROW
            shown = [label for label in cells if label in _MOST_WANTED or not narrow]
            for label in shown:
                table.add_column(label, overflow="fold")
            for place in range(len(self._sides)):
                table.add_row(_letter(place), *(cells[label][place] for label in shown))
        yield table


def _room(options: ConsoleOptions) -> int:
    """How many runs have a column of their own."""
    return max((options.max_width - _LABELS) // _COLUMN, 2)


def _table(heading: str, places: Sequence[int], **style: Any) -> Table:
    """A table with a column for each of some runs."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column(heading, style="dim", **style)
    for place in places:
        table.add_column(ascii_uppercase[place], overflow="fold")
    return table


def _ended(sides: Sequence[Side]) -> dict[str, list[str | Text]]:
    """What is told of each run's end: label → a cell for each run."""
    losses = [loss_summary(side.trace) for side in sides]
    known = [side.diagnosis.numbers.get("r_squared") for side in sides]
    right = [side.diagnosis.numbers.get("accuracy") for side in sides]
    cells: dict[str, list[str | Text]] = {
        "outcome": [_outcome(side) for side in sides],
        "loss": [f"{number(x.initial)} → {number(x.final)}" for x in losses],
        "best": [number(x.best) for x in losses],
        "r_squared": ["–" if x is None else r_squared_words(x) for x in known],
        "accuracy": ["–" if x is None else accuracy_words(x) for x in right],
        "steps": [f"{side.trace.steps:,}" for side in sides],
        "found": [_found(side) for side in sides],
    }
    absent = {
        label
        for label, values in (("r_squared", known), ("accuracy", right))
        if all(x is None for x in values)
    }
    return {label: values for label, values in cells.items() if label not in absent}


def _outcome(side: Side) -> Text:
    return Text(str(side.diagnosis.outcome), style=verdict_style(side.diagnosis))


def _found(side: Side) -> str:
    """The most important finding and the number of others."""
    most = most_important(side.diagnosis)
    if most is None:
        return "nothing wrong"
    others = len({x.problem for x in side.diagnosis.findings} - {most.problem})
    return most.problem + (f" and {others} more" if others else "")


class _Settings:
    """The settings that differ: a column for each run, or what most have and which have not.

    Args:
        sides: The runs.
        changed: Settings that differ.
    """

    def __init__(self, sides: Sequence[Side], changed: Sequence[Difference]) -> None:
        self._known = [bool(known_settings(side.trace)) for side in sides]
        self._changed = changed

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if sum(self._known) < 2:
            yield Text("the settings of a log are not known", style="dim")
        elif not self._changed:
            yield Text("no setting differs", style="dim")
        elif len(self._known) <= _room(options):
            table = _table("setting", range(len(self._known)), overflow="fold")
            for one in self._changed:
                table.add_row(one.key, *map(setting, one.values))
            yield table
        else:
            table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
            for heading in ("setting", "mostly", "otherwise"):
                table.add_column(heading, overflow="fold")
            for one in self._changed:
                table.add_row(Text(one.key, style="dim"), *self._shared(one))
            yield table

    def _shared(self, one: Difference) -> tuple[str, Text]:
        """The value that most runs have, and the others with the letters of their runs."""
        letters: dict[str, list[str]] = {}
        for letter, known, value in zip(ascii_uppercase, self._known, one.values, strict=False):
            if known:
                letters.setdefault(setting(value), []).append(letter)
        most, *others = sorted(letters, key=lambda value: -len(letters[value]))
        shown = [Text.assemble((" ".join(letters[x]), "bold"), f" {x}") for x in others]
        return most, Text(" · ").join(shown)


def known_settings(trace: Trace) -> Mapping[str, Any]:
    """The settings of a run; empty for a log, whose program's settings are not known."""
    settings: Mapping[str, Any] = trace.facts.settings
    return settings if "network" in settings else {}


def _verdict(sides: Sequence[Side]) -> Text:
    """Which one ended best, on a scale that all share."""
    known = [side.diagnosis.numbers.get("r_squared") for side in sides]
    if None not in known:
        left = [1 - (r_squared or 0.0) for r_squared in known]
        shown = [f"R² {r_squared_words(1 - error)}" for error in left]
        return Text(ranking(left, shown=shown), style="bold")
    if len({(x.trace.facts.loss, x.trace.facts.reduction) for x in sides}) > 1:
        return Text("The losses are not the same function: their sizes say nothing.", style="dim")
    left = [loss_summary(side.trace).final for side in sides]
    return Text(ranking(left, shown=[f"loss {number(loss)}" for loss in left]), style="bold")

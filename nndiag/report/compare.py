"""Runs beside each other: settings that differ, how they ended, all curves on one scale."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from nndiag.finding import Diagnosis
from nndiag.formatting import accuracy_words, number, r_squared_words
from nndiag.report.ranking import finite, letter, ranking
from nndiag.report.settings import setting
from nndiag.report.shared_chart import SharedChart
from nndiag.report.verdict import headline_of, most_important, verdict_style
from nndiag.trace import Trace
from nndiag.trace.difference import Difference
from nndiag.trace.statistics import loss_summary

_STAMP = re.compile(r"-\d{8}-\d{6}(-\d+)?$")  # of a folder whose run has no name of its own
_COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "red")
_LARGE_CHARTS, _MOST_CHARTS = 4, 20  # of several lines; of one line each
_NARROW, _MOST_WANTED = 60, ("outcome", "loss", "found")
_LABELS, _COLUMN = 24, 17  # widths of a table's first column, and of one for each run
_MOST_IN_LABEL = 3  # settings


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


def best_first(sides: Sequence[Side]) -> list[Side]:
    """The runs in the order of their ends; as they came where their losses cannot be compared."""
    scale = _scale(sides)
    if scale is None:
        return [*sides]
    left = dict(zip(map(id, sides), scale[0], strict=True))
    return sorted(sides, key=lambda side: finite(left[id(side)]))


def labels_of(sides: Sequence[Side], changed: Sequence[Difference]) -> list[str]:
    """What tells each run from the others: its name and the settings that differ, or its folder."""
    columns = _told_apart(sides, changed)
    told = [
        ", ".join(f"{key} {cells[place]}".strip() for key, cells in columns.items() if cells[place])
        for place in range(len(sides))
    ]
    return [label or _folder(side) for label, side in zip(told, sides, strict=True)]


def _told_apart(sides: Sequence[Side], changed: Sequence[Difference]) -> dict[str, list[str]]:
    """What the runs differ in: nothing before a name, or a setting → a cell for each run."""
    keys = _short([one.key for one in changed]) if _few(changed) else []
    known = [bool(known_settings(side.trace)) for side in sides]
    columns = {
        key: [setting(x) if there else "" for x, there in zip(one.values, known, strict=True)]
        for key, one in zip(keys, changed, strict=False)
    }
    names = [side.name for side in sides]
    plain = [_STAMP.sub("", name) for name in names]
    if len(set(plain)) == len(set(names)):
        names = plain
    if len(set(names)) > 1:
        return {"": names, **columns}
    return columns or {"": [_folder(side) for side in sides]}


def _few(changed: Sequence[Difference]) -> bool:
    return 0 < len(changed) <= _MOST_IN_LABEL


def _folder(side: Side) -> str:
    return Path(side.trace.source).name or side.name


def _short(keys: Sequence[str]) -> list[str]:
    """The last words of dotted paths, as many as tell them apart from each other."""
    last = [key.rpartition(".")[2] for key in keys]
    return [key if last.count(end) > 1 else end for key, end in zip(keys, last, strict=True)]


def compare_report(sides: Sequence[Side], changed: Sequence[Difference]) -> RenderableType:
    """The whole comparison.

    Args:
        sides: Two runs or more, each with a step, the best one first.
        changed: Settings that differ.
    """
    names = [letter(place) for place in range(len(sides))]
    parts: list[RenderableType] = [Text(verdict(sides, names), style="bold"), Text()]
    parts += [_Outcomes(sides, changed), Text()]
    if not _few(changed) or not all(known_settings(x.trace) for x in sides):
        parts += [_Settings(sides, changed), Text()]
    return Group(*parts, *_charts(sides), Text(), _folders(sides))


def verdict(sides: Sequence[Side], names: Sequence[str]) -> str:
    """Which run ended best, on a scale that all share, and by how much.

    Args:
        sides: The runs, the best one first.
        names: What each is called.
    """
    scale = _scale(sides)
    if scale is None:
        return "the losses are not the same function: their sizes say nothing"
    return ranking(scale[0], names=names, shown=scale[1])


def lettered(sides: Sequence[Side], changed: Sequence[Difference]) -> dict[str, Trace]:
    """The runs by letter and label, as a picture has them."""
    labels = labels_of(sides, changed)
    return {f"{letter(k)}  {labels[k]}": side.trace for k, side in enumerate(sides)}


def _scale(sides: Sequence[Side]) -> tuple[list[float], list[str]] | None:
    """What each run leaves on one scale, and in words; None where they share none."""
    known = [side.diagnosis.numbers.get("r_squared") for side in sides]
    if None not in known:
        left = [1 - (r_squared or 0.0) for r_squared in known]
        return left, [f"R² {r_squared_words(1 - error)}" for error in left]
    if len({(x.trace.facts.loss, x.trace.facts.reduction) for x in sides}) > 1:
        return None
    left = [loss_summary(side.trace).final for side in sides]
    return left, [f"loss {number(loss)}" for loss in left]


def _charts(sides: Sequence[Side]) -> Iterator[RenderableType]:
    """The loss of each run: as a chart, or as a line where they are many."""
    traces = [side.trace for side in sides]
    large = len(sides) <= _LARGE_CHARTS
    for place, trace in enumerate(traces[:_MOST_CHARTS]):
        if large:
            yield _letter(place)
        title = "" if large else letter(place)
        yield SharedChart(
            traces, trace, colour=_colour(place), height=3 if large else 1, title=title
        )
    if len(traces) > _MOST_CHARTS:
        yield Text(f"the curves of {len(traces) - _MOST_CHARTS} more: --html FILE", style="dim")


def _colour(place: int) -> str:
    return _COLOURS[place % len(_COLOURS)]


def _letter(place: int) -> Text:
    return Text(letter(place), style=f"bold {_colour(place)}")


def _folders(sides: Sequence[Side]) -> Table:
    """Where each run is."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", style="dim")
    for place, side in enumerate(sides):
        table.add_row(_letter(place), side.trace.source)
    return table


class _Outcomes:
    """What tells the runs apart and how they ended: a row for each.

    Args:
        sides: The runs.
        changed: Settings that differ.
    """

    def __init__(self, sides: Sequence[Side], changed: Sequence[Difference]) -> None:
        self._sides, self._apart = sides, _told_apart(sides, changed)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        cells, narrow = _ended(self._sides), options.max_width < _NARROW
        shown = [label for label in cells if label in _MOST_WANTED or not narrow]
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("", no_wrap=True)
        for heading, column in self._apart.items():
            wanted = min(max(map(len, column)), options.max_width // 4)
            table.add_column(heading, min_width=wanted, overflow="fold")
        for heading in shown:
            table.add_column(heading, overflow="fold")
        for place in range(len(self._sides)):
            apart = [column[place] for column in self._apart.values()]
            table.add_row(_letter(place), *apart, *(cells[label][place] for label in shown))
        yield table


def _room(options: ConsoleOptions) -> int:
    """How many runs have a column of their own."""
    return max((options.max_width - _LABELS) // _COLUMN, 2)


def _table(heading: str, places: Sequence[int], **style: Any) -> Table:
    """A table with a column for each of some runs."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column(heading, style="dim", **style)
    for place in places:
        table.add_column(letter(place), overflow="fold")
    return table


def _ended(sides: Sequence[Side]) -> dict[str, list[str | Text]]:
    """What is told of each run's end: label → a cell for each run."""
    known = [side.diagnosis.numbers.get("r_squared") for side in sides]
    right = [side.diagnosis.numbers.get("accuracy") for side in sides]
    told: dict[str, tuple[bool, list[str | Text]]] = {
        "outcome": (True, [_outcome(side) for side in sides]),
        "loss": (True, [number(loss_summary(side.trace).final) for side in sides]),
        "R²": (any(x is not None for x in known), [_known(x, r_squared_words) for x in known]),
        "accuracy": (any(x is not None for x in right), [_known(x, accuracy_words) for x in right]),
        "found": (True, [_found(side) for side in sides]),
    }
    return {label: cells for label, (is_known, cells) in told.items() if is_known}


def _known(value: float | None, words: Callable[[float], str]) -> str:
    return "–" if value is None else words(value)


def _outcome(side: Side) -> Text:
    return Text(str(side.diagnosis.outcome), style=verdict_style(side.diagnosis))


def _found(side: Side) -> str:
    """The cause in words, else the most important finding."""
    most = most_important(side.diagnosis)
    if most is None:
        return "nothing wrong"
    cause = side.diagnosis.cause is not None
    return headline_of(side.diagnosis).lower() if cause else most.problem


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
            for heading in ("setting", "most runs", "others"):
                table.add_column(heading, overflow="fold")
            for one in self._changed:
                table.add_row(Text(one.key, style="dim"), *self._shared(one))
            yield table

    def _shared(self, one: Difference) -> tuple[str, Text]:
        """The value that most runs have, and the others with the letters of their runs."""
        letters: dict[str, list[str]] = {}
        for place, value in enumerate(one.values):
            if self._known[place]:
                letters.setdefault(setting(value), []).append(letter(place))
        most, *others = sorted(letters, key=lambda value: -len(letters[value]))
        shown = [Text.assemble((" ".join(letters[x]), "bold"), f" {x}") for x in others]
        return most, Text(" · ").join(shown)


def known_settings(trace: Trace) -> Mapping[str, Any]:
    """The settings of a run; empty for a log, whose program's settings are not known."""
    settings: Mapping[str, Any] = trace.facts.settings
    return settings if "network" in settings else {}

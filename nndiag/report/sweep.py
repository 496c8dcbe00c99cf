"""The report of a learning-rate sweep: verdict, chart, table, and its JSON object."""

from collections.abc import Sequence
from itertools import groupby

import numpy as np
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from nndiag.finding import Finding
from nndiag.formatting import count, number
from nndiag.report.sweep_words import (
    failure_words,
    headline,
    reading_words,
    theory_words,
    threshold_unknown,
    threshold_words,
)
from nndiag.report.verdict import STYLES, labelled
from nndiag.training.lr_sweep import Sweep
from nndiag.training.sweep_ranking import RankedRate
from nndiag.training.sweep_verdict import Fate

_LEVELS = "▁▂▃▄▅▆▇█"
_LOST = "✗"
_MOST_IN_BAND = 12
_ROOMY = 64  # columns from which the range over the seeds has one of its own


def sweep_report(
    result: Sweep,
    findings: Sequence[Finding],
    *,
    run: str | None = None,
    next_command: str | None = None,
) -> RenderableType:
    """The whole report.

    Args:
        result: The sweep.
        findings: What is said about the configured rate.
        run: The folder it is stored in.
        next_command: What to try next.
    """
    parts: list[RenderableType] = [_title(result), _panel(result, findings)]
    if result.rates:
        parts += [RateChart(result), Text(), RateTable(result), Text()]
    ways = [("run", Text(run))] if run is not None else []
    if next_command is not None:
        ways.append(("next", Text(next_command, style="bold")))
    parts.append(labelled(ways))
    return Group(*parts)


def sweep_line(result: Sweep) -> str:
    """The verdict in one line of text."""
    advice = "" if result.recommended is None else f"; use {number(result.recommended)}"
    return f"{headline(result)[0].lower()}{headline(result)[1:]}{advice}"


def _title(result: Sweep) -> Text:
    """Name, optimizer and extent in one line."""
    batch = "" if result.batch_size is None else f" · batches of {result.batch_size:,}"
    steps = f"{result.steps:,} steps each"
    if result.final_steps != result.steps:
        steps += f", the best {result.final_steps:,}"
    if result.final_steps < result.total_steps:
        steps += f" of {result.total_steps:,}"
    seeds = count(len(result.seeds), "seed")
    about = f"{result.optimizer}{batch} · {count(result.runs, 'run')}, {seeds} · {steps}"
    if result.computed is not None:
        about += f" · up to {number(result.computed)} computed from faster runs"
    line = Text.assemble((result.name, "bold"), (f"  {about}", "dim"))
    if result.interrupted:
        line.append("  interrupted", style="yellow")
    return line


def _panel(result: Sweep, findings: Sequence[Finding]) -> RenderableType:
    """Where the configured rate is, what to use, and what was measured."""
    style = _style(result, findings)
    lines: list[RenderableType] = [Text(headline(result), style=f"bold {style}")]
    if result.failure is not None:
        lines.append(Text(failure_words(result.failure)))
    details = [(label, text) for label, text in _details(result) if text is not None]
    if details:
        lines.append(labelled(details))
    return Panel(Group(*lines), border_style=style, padding=(0, 1))


def _details(result: Sweep) -> list[tuple[str, Text | None]]:
    seeds = len(result.seeds)
    use = works = best = None
    if result.advice is not None:
        use = Text(result.advice, style="bold")
        if result.interrupted:
            use.append(
                "  so far; neither longer runs nor other seeds have decided", style="not bold"
            )
        elif result.learned < len(result.recommended_runs):
            use.append(
                f"  learns with {result.learned} of {len(result.recommended_runs)} seeds",
                style="not bold yellow",
            )
        elif result.speed_up is not None and result.speed_up >= 2:
            factor = number(result.speed_up, digits=2)
            use.append(f"  gets as far in 1/{factor} of the steps", style="not bold")
    if result.band is not None:
        first, last = map(number, result.band)
        works = Text(f"{first} alone" if first == last else f"from {first} to {last}")
    if result.best is not None:
        best = Text(number(result.best))
        low, high = result.best_of_seeds or (result.best, result.best)
        if seeds > 1 and high > low:
            best.append(f" (of single seeds: {number(low)} to {number(high)})")
    threshold = None
    if result.threshold is not None:
        threshold = Text(threshold_words(result.threshold, seeds=seeds))
    elif result.failure is None:  # where nothing learns, no rate is the first that does not
        threshold = Text(threshold_unknown(result))
    theory = None
    if result.theory is not None:
        reading = reading_words(result.theory)
        words = theory_words(result.theory)
        theory = Text(words if reading is None else f"{words}. {reading}")
    return [
        ("use", use),
        ("works", works),
        ("best", best),
        ("threshold", threshold),
        ("theory", theory),
    ]


def _style(result: Sweep, findings: Sequence[Finding]) -> str:
    if result.failure is not None:
        return "red"
    worst = min(findings, key=lambda finding: finding.severity.rank, default=None)
    if worst is not None:
        return STYLES[worst.severity]
    return "green" if result.place == "in-band" else "yellow"


class RateChart:
    """The final losses over the rates in one line, with the band and the configured rate below."""

    def __init__(self, result: Sweep) -> None:
        self._result = result

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = max(options.max_width - 8, 1)
        rates = self._result.rates[:: -(-len(self._result.rates) // room)]
        width = max(1, min(4, room // len(rates)))
        losses = np.array([rate.loss for rate in rates])
        finite = losses[np.isfinite(losses) & (losses > 0)]
        low, high = (np.log(finite.min()), np.log(finite.max())) if len(finite) else (0.0, 1.0)
        bars = Text("loss   ", style="dim")
        band = Text("works  ", style="dim")
        for rate, loss in zip(rates, losses, strict=True):
            lost = not np.isfinite(loss)
            share = (np.log(max(loss, 1e-300)) - low) / ((high - low) or 1.0) if not lost else 0.0
            sign = _LOST if lost else _LEVELS[round(7 * float(np.clip(share, 0, 1)))]
            bars.append(sign * width if not lost else sign.center(width), style=_colour(rate))
            inside = self._inside(rate.value)
            band.append(("━" if inside else " ") * width, style="green")
        yield bars
        if self._result.band is not None:
            yield band
        yield self._marks(rates, width)
        yield self._scale(rates, width)

    def _inside(self, value: float) -> bool:
        band = self._result.band
        return band is not None and band[0] <= value <= band[1]

    def _marks(self, rates: Sequence[RankedRate], width: int) -> Text:
        """Where the configured and the recommended rate are."""
        line = [" "] * (width * len(rates))
        values = np.log([rate.value for rate in rates])
        marks = [(self._result.recommended, "▲"), (self._result.configured, "c")]
        for value, sign in marks:
            if value is not None:
                nearest = int(np.argmin(np.abs(values - np.log(value))))
                line[nearest * width + (width - 1) // 2] = sign
        text = Text("       ")
        for sign in line:
            text.append(sign, style="bold" if sign.strip() else "")
        return text

    def _scale(self, rates: Sequence[RankedRate], width: int) -> Text:
        low, high = number(rates[0].value), number(rates[-1].value)
        room = max(width * len(rates) - len(low) - len(high), 1)
        legend = "c configured" if self._result.recommended is None else "▲ use  c configured"
        middle = legend.center(room) if room > len(legend) + 2 else " " * room
        return Text(f"       {low}{middle}{high}", style="dim")


class RateTable:
    """What happened at each rate; neighbours outside the band that went the same share a line."""

    def __init__(self, result: Sweep) -> None:
        self._result = result

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        roomy = options.max_width >= _ROOMY
        spread = roomy and len(self._result.seeds) > 1
        table.add_column("learning rate", no_wrap=roomy)
        table.add_column("final loss", justify="right", no_wrap=roomy)
        if spread:
            table.add_column("over the seeds", justify="right", no_wrap=True)
        table.add_column("what happens")
        for rows in self._rows():
            table.add_row(*self._cells(rows, spread=spread))
        yield table

    def _rows(self) -> list[list[RankedRate]]:
        """Rates that share a line."""
        rows: list[list[RankedRate]] = []
        for (_, alone), group in groupby(self._result.rates, key=self._kind):
            members = list(group)
            every = -(-len(members) // _MOST_IN_BAND) if alone else 1
            if every > 1:
                kept = self._striking(members)
                members = [x for place, x in enumerate(members) if place % every == 0 or x in kept]
            rows.extend([rate] for rate in members) if alone else rows.append(members)
        return rows

    def _kind(self, rate: RankedRate) -> tuple[str, bool]:
        """What makes rates share a line, and whether each has its own."""
        if rate.value == self._result.configured:
            return "configured", True
        return self._fate(rate), rate.fate is Fate.WORKS

    def _fate(self, rate: RankedRate) -> str:
        """What happens in words; where no rate learns, none is too small for it."""
        if self._result.failure is not None and rate.fate is Fate.TOO_SMALL:
            return str(Fate.STUCK)
        return str(rate.fate)

    def _striking(self, members: list[RankedRate]) -> list[RankedRate]:
        return [members[0], members[-1], *(x for x in members if x.value == self._result.best)]

    def _cells(self, rows: list[RankedRate], *, spread: bool) -> list[Text]:
        first, last = rows[0], rows[-1]
        words = number(first.value)
        loss = number(first.loss)
        if first is not last:
            words += f" to {number(last.value)}"
            loss = loss if loss == number(last.loss) else f"{loss} to {number(last.loss)}"
        result = self._result
        notes = [self._fate(first)]
        if first.value == result.best and first is last:
            longer = result.final_steps != result.steps
            notes.append(f"best in {result.final_steps:,} steps" if longer else "best")
        if first.value == self._result.configured:
            notes.append("configured")
        cells = [Text(words), Text(loss)]
        if spread:
            low = min(rate.losses[0] for rate in rows)
            high = max(rate.losses[1] for rate in rows)
            span = [number(loss, digits=2) for loss in (low, high)]
            cells.append(Text("" if span[0] == span[1] else " – ".join(span), style="dim"))
        cells.append(Text(" · ".join(notes), style=_colour(first)))
        return cells


def _colour(rate: RankedRate) -> str:
    if rate.fate.unstable:
        return "red"
    return "green" if rate.works else "yellow"

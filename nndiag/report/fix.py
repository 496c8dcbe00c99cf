"""What was tried on a failing config, and what cured it."""

from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from nndiag.analysis.reference_fit import Limit
from nndiag.finding import Outcome
from nndiag.fixing import Fix, Run, Trial, TrialOutcome
from nndiag.formatting import accuracy_words, count, number, r_squared_words
from nndiag.remedies import remedy_of
from nndiag.report.changes import change_words
from nndiag.report.verdict import (
    cause_words,
    labelled,
    sentence,
    verdict_style,
    without_cause,
)

_STYLES = {
    TrialOutcome.CURES: "green",
    TrialOutcome.HELPS: "yellow",
    TrialOutcome.NO_EFFECT: "dim",
    TrialOutcome.HARMS: "red",
}
_LIMITS = {
    Limit.NONE: "nothing is left to gain",
    Limit.OPTIMIZER: "the optimizer and its settings are the limit, not the network",
    Limit.START: "but only from other weights; the start is the limit",
    Limit.MODEL: "hardly less; the network is the limit, not the optimizer",
    Limit.DATA: "hardly less; the data allow no more",
}
_NARROW = 60  # columns below which a change stands under its remedy
_BY_HEART = "it can only memorise these examples"
_BY_CHANCE = "CURED FROM THIS START ALONE"
_WIDE = 96  # columns from which the outcome has one of its own
_COMBINATIONS = 4  # combinations that are shown, unless the proof of the winner needs more
_UNTRIED = 6  # remedies that are named where the budget did not allow them


def fix_report(
    fix: Fix, *, name: str, fixed: str | None = None, next_command: str | None = None
) -> RenderableType:
    """The whole report.

    Args:
        fix: What was found.
        name: What the config is called.
        fixed: The file with the cured config.
        next_command: What to try next.
    """
    parts: list[RenderableType] = [Text(name, style="bold"), _panel(fix), *_facts(fix)]
    made = [trial for trial in fix.trials if trial.run is not None]
    if made:
        parts += [Text(), Trials(fix, made)]
    missing = _untried(fix)
    if missing is not None:
        parts += [missing]
    last = []
    if fixed is not None:
        last.append(("written", Text(fixed, overflow="fold")))
    if next_command is not None:
        last.append(("next", Text(next_command, style="bold", overflow="fold")))
    return Group(*parts, Text(), labelled(last))


def fix_line(fix: Fix) -> str:
    """The result in one line of text."""
    if fix.healthy:
        return "nothing to fix"
    if fix.in_the_data:
        return "the fault is in the data; no setting fixes it"
    if fix.winner is None:
        tried = "cut short: no fix so far"
        return tried if fix.interrupted else f"{fix.baseline.diagnosis.outcome}: no fix found"
    words = "; ".join(change_words(fix.experiment.resolved, fix.winner.trial.changes))
    so_far = "cut short; so far " if fix.interrupted else ""
    return f"{so_far}cured by {' + '.join(fix.winner.trial.remedies)}: {words}"


def _panel(fix: Fix) -> RenderableType:
    """The result in a frame."""
    if fix.healthy:
        return Panel(Group(*_healthy_lines(fix)), border_style="green", padding=(0, 1))
    lines: list[RenderableType] = []
    winner, cause = fix.winner, fix.diagnosis.cause
    if fix.in_the_data and cause is not None:
        headline = Text("IN THE DATA", style="bold yellow")
        headline.append("  no setting fixes this, so none was tried", style="not bold default")
        words = [Text(sentence(cause.finding.message), style="bold"), labelled(_details(fix))]
        return Panel(Group(headline, *words), border_style="yellow", padding=(0, 1))
    if winner is None:
        headline = Text("INTERRUPTED" if fix.interrupted else "NOT CURED", style="bold red")
        headline.append(f"  {_trials_without_a_fix(fix)}", style="not bold default")
        lines.append(headline)
    else:
        word, colour = ("CURED", "green") if winner.holds else (_BY_CHANCE, "yellow")
        if fix.interrupted:
            word, colour = "CUT SHORT", "yellow"
        headline = Text(word, style=f"bold {colour}")
        many = len(winner.trial.remedies)
        by = "one change" if many == 1 else f"{many} changes together"
        by = f"so far cured by {by}" if fix.interrupted else f"by {by}"
        headline.append(f"  {by}: {_from_to(fix, winner.trial)}", style="not bold default")
        lines.append(headline)
        for name in winner.trial.remedies:
            lines.append(Text(sentence(remedy_of(name).title), style="bold"))
    details = list(_details(fix))
    if details:
        lines.append(labelled(details))
    style = colour if winner is not None else verdict_style(fix.diagnosis)
    return Panel(Group(*lines), border_style=style, padding=(0, 1))


def _trials_without_a_fix(fix: Fix) -> str:
    tried = sum(trial.run is not None for trial in fix.trials)
    if not tried:
        return "before the first trial" if fix.interrupted else "nothing could be tried"
    so_far = " so far" if fix.interrupted else ""
    return f"{count(tried, 'trial')}{so_far}, none is a fix"


def _healthy_lines(fix: Fix) -> list[RenderableType]:
    run = fix.baseline
    headline = Text("NOTHING TO FIX", style="bold green")
    headline.append(f"  {_end(run)}", style="not bold default")
    if fix.reference is None:
        return [headline, *without_cause(run.diagnosis)]
    fit = fix.reference.fit
    words = f"A strong optimizer brings the same network to a loss of {number(fit.loss)}"
    return [headline, Text(f"{words}: {_LIMITS[fix.reference.limit]}.")]


def _details(fix: Fix) -> Iterator[tuple[str, Text]]:
    """The change, how far it is proven, and the cause."""
    winner, cause = fix.winner, fix.diagnosis.cause
    if winner is not None:
        words = change_words(fix.experiment.resolved, winner.trial.changes)
        yield "change", Text(" · ".join(words))
    if winner is not None and len(winner.trial.remedies) > 1:
        text = "each of them: without any one, the others are no fix"
        if winner.unproven:
            text = f"not tried without {', '.join(winner.unproven)}"
        yield "needed", Text(text)
    if winner is not None and winner.seeds:
        text = f"with {winner.held} of {count(len(winner.seeds), 'other seed')}"
        yield "holds", Text(text)
    elif winner is not None and fix.interrupted:
        yield "holds", Text("not tried with other seeds; a smaller change may be found")
    if cause is not None:
        yield "cause", cause_words(cause)


def _facts(fix: Fix) -> list[RenderableType]:
    """The baseline, its control, and what the network can reach."""
    if fix.healthy:
        return []
    lines = [("as it is", Text(_end(fix.baseline)))]
    if fix.control is not None:
        text = _end(fix.control)
        if not fix.control.needs_cure:
            text += ": the failure depends on the start"
        lines.append(("reseeded", Text(text)))
    if fix.reference is not None:
        fit = fix.reference.fit
        text = f"a strong optimizer brings the same network to a loss of {number(fit.loss)}"
        limit = _BY_HEART if fix.in_the_data else _LIMITS[fix.reference.limit]
        lines.append(("in reach", Text(f"{text}: {limit}")))
    return [labelled(lines)]


def _end(run: Run) -> str:
    """How a run ended: "stalled, loss 0.2, R² 0.16"; with the accuracy where there are classes."""
    words = f"{run.diagnosis.outcome}, loss {number(run.loss)}"
    if _r_squared(run) != "–":
        words += f", R² {_r_squared(run)}"
    return words if _accuracy(run) == "–" else f"{words}, accuracy {_accuracy(run)}"


def _from_to(fix: Fix, trial: Trial) -> str:
    """What the change achieves: the accuracy where the targets are classes, else R²."""
    before, after = fix.baseline, trial.run
    if after is None:
        return ""
    first, last, word = _r_squared(before), _r_squared(after), "R²"
    if _accuracy(before) not in ("–", _accuracy(after)):
        first, last, word = _accuracy(before), _accuracy(after), "accuracy"
    if first == "–":
        return f"{before.diagnosis.outcome} → {word} {last}"
    return f"{word} {first} → {last}"


def _accuracy(run: Run) -> str:
    """The share of right classes as a percentage."""
    if run.diagnosis.outcome is Outcome.DIVERGED or run.accuracy is None:
        return "–"
    return accuracy_words(run.accuracy)


def _r_squared(run: Run) -> str:
    """R² in words; "–" where the run diverged."""
    if run.diagnosis.outcome is Outcome.DIVERGED or run.score is None:
        return "–"
    return "< 0" if run.score < 0 else r_squared_words(run.score)


class Trials:
    """The table of trials; the outcome has a column of its own where there is room."""

    def __init__(self, fix: Fix, trials: list[Trial]) -> None:
        self._fix = fix
        singles = [one for one in trials if len(one.remedies) == 1]
        self._shown = sorted(singles, key=lambda one: one.error) + _combinations(fix, trials)
        self._left = len(trials) - len(self._shown)
        self._classes = any(
            _accuracy(trial.run) != "–" for trial in trials if trial.run is not None
        )

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        wide = options.max_width >= _WIDE
        table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
        narrow = options.max_width < _NARROW
        words = [word for trial in self._shown for word in trial.remedies]
        longest = min(max(map(len, words), default=0), options.max_width // 2)
        table.add_column("tried", ratio=3 if wide else 2, min_width=longest, overflow="fold")
        if not narrow:
            table.add_column("change", ratio=4 if wide else 3)
        if wide:
            table.add_column("outcome", no_wrap=True)
        if not narrow:
            table.add_column("loss", justify="right", no_wrap=True)
        table.add_column("R²", justify="right", no_wrap=True)
        if self._classes and not narrow:
            table.add_column("accuracy", justify="right", no_wrap=True)
        table.add_column("verdict", no_wrap=True)
        for trial in self._shown:
            name, change, *rest = self._row(trial, wide=wide, classes=self._classes and not narrow)
            if narrow:
                table.add_row(name, *rest[1:])
                table.add_row(Padding(change, (0, 0, 0, 2)))
            else:
                table.add_row(name, change, *rest)
        yield table
        if self._left:
            text = f"and {count(self._left, 'more combination')} on the way to these (--json)"
            yield Text(text, style="dim")

    def _row(self, trial: Trial, *, wide: bool, classes: bool) -> list[Text]:
        run, verdict = trial.run, trial.verdict
        assert run is not None
        assert verdict is not None
        settings = self._fix.experiment.resolved
        one, winner = len(trial.remedies) == 1, self._fix.winner
        words = " · ".join(change_words(settings, trial.changes)) if one else "all of them"
        style = "bold" if winner is not None and trial.remedies == winner.trial.remedies else ""
        diverged = run.diagnosis.outcome is Outcome.DIVERGED
        return [
            Text(" + ".join(trial.remedies), style=style),
            Text(words, style="" if one else "dim"),
            *([Text(str(run.diagnosis.outcome))] if wide else []),
            Text("diverged" if diverged and not wide else number(run.loss)),
            Text(_r_squared(run)),
            *([Text(_accuracy(run))] if classes else []),
            Text(str(verdict), style=_STYLES[verdict]),
        ]


def _combinations(fix: Fix, trials: list[Trial]) -> list[Trial]:
    """The winner and what shows that it needs all it has, or else the best; the best first."""
    several = sorted((one for one in trials if len(one.remedies) > 1), key=lambda one: one.error)
    if fix.winner is None or len(fix.winner.trial.remedies) == 1:
        return several[:_COMBINATIONS]
    whole = set(fix.winner.trial.remedies)
    proof = [x for x in several if set(x.remedies) <= whole and len(whole) - len(x.remedies) <= 1]
    return proof + [x for x in several if x not in proof][: max(_COMBINATIONS - len(proof), 0)]


def _untried(fix: Fix) -> RenderableType | None:
    """What the budget did not allow."""
    names = [_name(trial) for trial in fix.trials if trial.run is None]
    if not names:
        return None
    shown = ", ".join(names[:_UNTRIED])
    if len(names) > _UNTRIED:
        shown += f" and {len(names) - _UNTRIED} more"
    why = "beyond the budget" if fix.winner is None else "a fix is known"
    why = "the search was cut short" if fix.interrupted else f"{why}; --seconds gives more"
    return labelled([("not tried", Text(f"{shown}: {why}", style="dim"))])


def _name(trial: Trial) -> str:
    return " + ".join(trial.remedies)

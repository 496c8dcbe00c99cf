"""The report of a run that a person reads in ten seconds, as rich renderables."""

from collections.abc import Iterator, Sequence

import numpy as np
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from nndiag.finding import Diagnosis, Skipped
from nndiag.formatting import accuracy_words, count, number, percent, r_squared_words
from nndiag.report.chart import LossChart
from nndiag.report.gradients import GradientTable
from nndiag.report.next_command import is_only_checked
from nndiag.report.stability import course_view, stability_view
from nndiag.report.verdict import (
    MARKS,
    STYLES,
    evidence_words,
    labelled,
    most_important,
    sentence,
    verdict_panel,
)
from nndiag.trace import Trace
from nndiag.trace.stability_course import stability_course
from nndiag.trace.statistics import loss_summary


def run_report(
    diagnosis: Diagnosis,
    trace: Trace,
    *,
    name: str,
    run: str | None = None,
    next_command: str | None = None,
) -> RenderableType:
    """The whole report.

    Args:
        diagnosis: What is said about the run.
        trace: The run; it has a step.
        name: What the run is called.
        run: The folder it is stored in.
        next_command: What to try next.
    """
    parts: list[RenderableType] = [
        _title(trace, name=name),
        verdict_panel(diagnosis, trace),
    ]
    if not is_only_checked(diagnosis, trace):
        onset = diagnosis.numbers.get("onset_step")
        parts += [LossLine(diagnosis, trace), LossChart(trace, onset=onset), Text()]
    norms = trace.series.get("gradient_norm")
    if norms is not None and not np.isnan(norms.values).all():  # a program's are not always known
        parts += [GradientTable(trace), Text()]
    others = _other_findings(diagnosis, unit=trace.facts.unit)
    if others is not None:
        parts += [others, Text()]
    told = any(x.problem == "learning-rate-above-stability-limit" for x in diagnosis.findings)
    stability = stability_view(trace.facts.stability, told=told)
    if stability is not None:
        course = stability_course(trace)
        parts += [stability, *([] if course is None else [course_view(course)]), Text()]
    if diagnosis.not_checked:
        parts.append(NotChecked(diagnosis.not_checked))
    ways = [("run", Text(run))] if run is not None else []
    if next_command is not None:
        ways.append(("next", Text(next_command, style="bold")))
    parts.append(labelled(ways))
    return Group(*parts)


def _title(trace: Trace, *, name: str) -> Text:
    """Name, architecture, optimizer and data in one line."""
    facts = trace.facts
    about = []
    if facts.layers:
        inputs = [] if facts.inputs is None else [facts.inputs.shape[1]]
        sizes = "-".join(map(str, [*inputs, *(layer.units for layer in facts.layers)]))
        hidden = dict.fromkeys(layer.activation for layer in facts.layers)
        about.append(f"{sizes} {' '.join(hidden)}")
    if facts.optimizer is not None and facts.learning_rate is not None:
        about.append(f"{facts.optimizer} {number(facts.learning_rate, digits=6)}")
    if facts.inputs is not None:
        about.append(count(len(facts.inputs), "example") + _batches(trace))
    return Text.assemble((name, "bold"), ("  " + " · ".join(about), "dim"))


def _batches(trace: Trace) -> str:
    """How many examples a step sees, where it is not simply all of them."""
    facts = trace.facts
    asked = (facts.settings.get("training") or {}).get("batch_size")
    if facts.full_batch is False:
        return f", {facts.batch_size:,} a step"
    if isinstance(asked, int) and facts.inputs is not None and asked > len(facts.inputs):
        return f", all of them a step (batch_size {asked:,} is more)"
    return ""


class LossLine:
    """The loss in numbers, in one line or more; no label is parted from its number."""

    def __init__(self, diagnosis: Diagnosis, trace: Trace) -> None:
        self._parts = list(_loss_parts(diagnosis, trace))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        line = Text()
        for part in self._parts:
            if line and line.cell_len + 3 + part.cell_len > options.max_width:
                yield line
                line = Text()
            line = Text("   ").join([line, part]) if line else part
        yield line


def _loss_parts(diagnosis: Diagnosis, trace: Trace) -> Iterator[Text]:
    """The loss from first to last, its best, the mean baseline's, and R²."""
    loss = loss_summary(trace)
    yield Text.assemble(("loss ", "dim"), f"{number(loss.initial)} → {number(loss.final)}")
    if loss.best_step is not None and number(loss.best) != number(loss.final):
        at = (f" at {trace.facts.unit} {loss.best_step:,}", "dim")
        yield Text.assemble(("best ", "dim"), number(loss.best), at)
    baseline, r_squared = (diagnosis.numbers.get(x) for x in ("baseline_loss", "r_squared"))
    if baseline is not None:
        yield Text.assemble(("mean baseline ", "dim"), number(baseline))
    if r_squared is not None:
        yield Text.assemble(("R² ", "dim"), r_squared_words(r_squared))
    held_out = diagnosis.numbers.get("validation_r_squared")
    if held_out is not None:
        yield Text.assemble(("validation R² ", "dim"), r_squared_words(held_out))
    accuracy, constant = (diagnosis.numbers.get(x) for x in ("accuracy", "baseline_accuracy"))
    if accuracy is not None and constant is not None:
        beside = (f" (one class for all: {percent(constant)})", "dim")
        yield Text.assemble(("accuracy ", "dim"), accuracy_words(accuracy), beside)
    on_others = diagnosis.numbers.get("validation_accuracy")
    if on_others is not None:
        yield Text.assemble(("validation accuracy ", "dim"), accuracy_words(on_others))
    since = None if trace.ending is None else trace.ending.settled_since
    if since is not None:
        where = f"at {trace.facts.unit} {trace.length:,}"
        where += f": the verdict stands since {since:,} (all: --steps N)"
        yield Text.assemble(("stopped ", "dim"), where)


def _other_findings(diagnosis: Diagnosis, *, unit: str) -> RenderableType | None:
    """All findings but the one on top: other causes with evidence, what it explains in a line."""
    top = most_important(diagnosis)
    explained = () if diagnosis.cause is None else diagnosis.cause.explains
    others = [finding for finding in diagnosis.findings if finding is not top]
    if not others:
        return None
    table = Table.grid(padding=(0, 1))
    table.add_column(width=1)
    table.add_column(overflow="fold")
    for finding in others:
        follows = finding in explained
        style = STYLES[finding.severity]
        text = Text.assemble((finding.problem, style), f"  {sentence(finding.message)}")
        if not follows:
            for evidence in finding.evidence:
                text.append("\n").append(evidence_words(evidence, unit=unit), style="dim")
        mark = "↳" if follows else MARKS[finding.severity]
        table.add_row(Text(mark, style=f"bold {style}"), text)
    return table


class NotChecked:
    """The checks that were skipped and why, folded to one line."""

    def __init__(self, skipped: Sequence[Skipped]) -> None:
        self._skipped = skipped

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        line = "; ".join(f"{one.problem} ({one.reason})" for one in self._skipped)
        label = f"{count(len(self._skipped), 'check')} skipped "
        if len(label) + len(line) > options.max_width:
            line = "(list: --json)"
        yield Text.assemble((label, "dim"), (line, "dim"), overflow="fold")

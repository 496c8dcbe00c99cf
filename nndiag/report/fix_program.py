"""What was tried on a failing program, for a person and as one JSON object."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from nndiag.finding import Outcome
from nndiag.formatting import number
from nndiag.own_program.trial import ProgramFix, ProgramTrial
from nndiag.report.document import Document, DocumentPart, derived
from nndiag.report.gradcheck_program import diff_text
from nndiag.report.run_document import FindingDocument
from nndiag.report.verdict import labelled, most_important, sentence


@dataclass(frozen=True, kw_only=True)
class ProgramTrialDocument(DocumentPart):
    """A changed program, trained."""

    name: str
    """Its changes, joined by ' + '."""
    r_squared: float | None
    """1 − loss / loss of the mean baseline at the end of its training."""
    loss: float
    """Its last loss."""
    cured: bool


@dataclass(frozen=True, kw_only=True)
class ProgramFixDocument(Document):
    """What `fix` prints of a program."""

    command: Literal["fix"] = "fix"
    program: Path
    outcome: Outcome
    findings: list[FindingDocument]
    healthy: bool
    cured: bool
    repaired: bool
    """Whether the gradient was repaired first."""
    r_squared: float | None
    """That of the program as it is."""
    trials: list[ProgramTrialDocument]
    winner: ProgramTrialDocument | None
    other_seeds: list[float]
    """R² of the fixed program with other random numbers; its loss where that is not known."""
    diff: str | None
    fixed_program: Path | None


def fix_program_document(fix: ProgramFix, *, written: Path | None) -> ProgramFixDocument:
    """All that was found."""
    return derived(
        ProgramFixDocument,
        fix,
        program=fix.source.path,
        outcome=fix.diagnosis.outcome,
        findings=fix.diagnosis.findings,
        cured=fix.winner is not None,
        r_squared=fix.before,
        trials=[_trial(one) for one in fix.trials],
        winner=fix.winner and _trial(fix.winner),
        other_seeds=fix.others,
        fixed_program=written,
    )


def _trial(trial: ProgramTrial) -> ProgramTrialDocument:
    return derived(ProgramTrialDocument, trial, name=trial.title)


def fix_program_report(
    fix: ProgramFix, *, written: Path | None, next_command: str
) -> RenderableType:
    """The whole report.

    Args:
        fix: What was found.
        written: The file with the fixed program.
        next_command: What to try next.
    """
    parts: list[RenderableType] = [Text(fix.source.path.name, style="bold"), _panel(fix)]
    if fix.diff is not None:
        parts += [diff_text(fix.diff), Text()]
    if fix.trials:
        parts += [_table(fix), Text()]
    parts.append(labelled(_ways(written, next_command)))
    return Group(*parts)


def fix_program_line(fix: ProgramFix) -> str:
    """The verdict in one line of text."""
    between = ":" if fix.winner is None else ""
    return f"{_word(fix)}{between} {_outcome_words(fix)}"


def _word(fix: ProgramFix) -> str:
    return "nothing to fix" if fix.healthy else "not fixed" if fix.winner is None else "fixed"


def _outcome_words(fix: ProgramFix) -> str:
    if fix.healthy:
        judged = fix.diagnosis.outcome is not Outcome.UNJUDGED
        return "it trains" if judged else "its steps are right"
    if fix.winner is None:
        most = most_important(fix.diagnosis)
        if not fix.trials and most is not None:
            return f"{most.problem} is to be fixed by hand"
        lucky = next((trial for trial in fix.trials if trial.cured), None)
        if lucky is not None and fix.others:
            return f"{lucky.title}: it trains from this start alone"
        return f"none of {len(fix.trials)} changes makes it train"
    measured = _Measure(fix)
    return f"by {_title(fix)}: {measured.name} {measured.before} → {measured.of(fix.winner)}"


def _title(fix: ProgramFix) -> str:
    title = "" if fix.winner is None else fix.winner.title
    repaired = fix.repaired and fix.winner is not None and fix.winner.edits
    return f"the right gradient + {title}" if repaired else title


def _panel(fix: ProgramFix) -> RenderableType:
    style = "green" if fix.healthy or fix.winner is not None else "red"
    word = _word(fix).upper()
    lines = [Text.assemble((word, f"bold {style}"), f"  {_outcome_words(fix)}")]
    most = most_important(fix.diagnosis)
    if most is not None and not fix.healthy:
        lines.append(Text.assemble(("cause  ", "dim"), sentence(most.message)))
    if fix.others:
        measured = _Measure(fix)
        others = f"{measured.name} {', '.join(map(measured.written, fix.others))}"
        label = "holds  " if fix.winner is not None else "again  "
        lines.append(Text.assemble((label, "dim"), f"{others} with other random numbers"))
    return Panel(Group(*lines), border_style=style, padding=(0, 1))


def _table(fix: ProgramFix) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("tried", overflow="fold")
    measured = _Measure(fix)
    table.add_column(measured.name, justify="right", no_wrap=True)
    table.add_row("as it is", measured.before)
    for trial in fix.trials:
        style = "green" if trial is fix.winner else ""
        table.add_row(Text(trial.title, style=style), Text(measured.of(trial), style=style))
    return table


class _Measure:
    """What the programs of a search are compared by: R², or their losses where none is known."""

    def __init__(self, fix: ProgramFix) -> None:
        shares = [fix.before, *(x.r_squared for x in fix.trials)]
        self.by_loss = all(x is None for x in shares)
        self.name = "loss" if self.by_loss else "R²"
        self.before = self.written(fix.loss_before if self.by_loss else fix.before)

    def of(self, trial: ProgramTrial) -> str:
        """How far a trial came."""
        return self.written(trial.loss if self.by_loss else trial.r_squared)

    def written(self, value: float | None) -> str:
        """A value of it."""
        return number(value) if self.by_loss and value is not None else _share(value)


def _share(value: float | None) -> str:
    if value is None:
        return "?"
    return (
        f"{value:.3f}".replace("-0.000", "0.000")
        if value > -1
        else "below −1"
        if math.isfinite(value)
        else "not finite"
    )


def _ways(written: Path | None, next_command: str) -> Iterator[tuple[str, Text]]:
    if written is not None:
        yield "written", Text(str(written))
    yield "next", Text(next_command, style="bold")

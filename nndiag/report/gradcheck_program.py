"""What a gradient check of a user's program found, for a person and as one JSON object."""

import math
import shlex
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from nndiag.finding import Finding, Severity
from nndiag.formatting import count, number
from nndiag.program import ProgramCheck
from nndiag.program.result import TensorCheck
from nndiag.program.roles.status import Status
from nndiag.program.text.settings import is_numeral
from nndiag.program.training.ablation import Matters
from nndiag.report.next_command import RIGHT_STEPS
from nndiag.report.verdict import MARKS, STYLES, labelled, sentence

_UNDECIDED = (Status.NO_SIGNAL, Status.UNKNOWN)
_WIDE = 70
_MOST_TENSORS = 24


def program_report(check: ProgramCheck, *, written: Path | None = None) -> RenderableType:
    """The whole report.

    Args:
        check: What was found.
        written: Where the fixed program was written.
    """
    title = Text.assemble((check.path.name, "bold"), (f"  {_about(check)}", "dim"))
    parts: list[RenderableType] = [title, _panel(check), ProgramTensors(check), Text()]
    top = _top(check)
    others = [finding for finding in check.findings if check.correct or finding is not top]
    for finding in others:
        parts.append(_other(check, finding))
    if others:
        parts.append(Text())
    if check.diff is not None:
        parts += [diff_text(check.diff), Text()]
    parts.append(labelled(_notes(check, written)))
    return Group(*parts)


def program_line(check: ProgramCheck) -> str:
    """The verdict in one line of text."""
    top = _top(check)
    if top is None:
        return "gradient correct"
    where = "" if top.line is None else f" ({check.source.place(top.line)})"
    if check.correct:
        return f"gradient correct; {top.problem}: {top.message}{where}"
    return f"{top.problem}: {top.message}{where}"


class ProgramTensors:
    """The step beside the numeric gradient, parameter by parameter.

    Narrow consoles get fewer columns; of very many parameters the wrong ones come first.
    """

    def __init__(self, check: ProgramCheck) -> None:
        self._check = check

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        wide = options.max_width >= _WIDE
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("parameter", overflow="fold")
        for title in ("shape", "error", "cosine", "scale") if wide else ("error", "cosine"):
            table.add_column(title, justify="right", no_wrap=True)
        table.add_column("line", justify="right", no_wrap=True)
        table.add_column("", no_wrap=True)
        for tensor in self._shown():
            table.add_row(*self._cells(tensor, wide=wide))
        yield table
        left = len(self._check.tensors) - _MOST_TENSORS
        if left > 0:
            yield Text(f"… {left} more (all: --json)", style="dim")

    def _shown(self) -> list[TensorCheck]:
        tensors = self._check.tensors
        order = sorted(
            range(len(tensors)), key=lambda place: tensors[place].verdict is Status.RIGHT
        )
        return [tensors[place] for place in sorted(order[:_MOST_TENSORS])]

    def _cells(self, tensor: TensorCheck, *, wide: bool) -> Iterator[Text]:
        yield Text(tensor.name)
        if wide:
            yield Text("×".join(map(str, tensor.shape)) or "number")
        yield Text(number(tensor.relative_error, digits=2))
        yield Text(number(tensor.cosine, digits=3))
        if wide:
            yield Text(number(tensor.scale, digits=3))
        place = "–"
        if tensor.line is not None:
            place = self._check.source.spot(tensor.line).removeprefix("line ")
            place = place.replace(", line ", ", ")
        yield Text(place)
        style = "green" if tensor.verdict is Status.RIGHT else "bold red"
        yield Text(_verdict(tensor), style="yellow" if tensor.verdict in _UNDECIDED else style)


def _about(check: ProgramCheck) -> str:
    parameters = count(len(check.tensors), "parameter")
    if check.functions is not None:
        first, *rest = check.functions.splitlines()
        return f"called as `{first}{' …' if rest else ''}` · {parameters}"
    name, separator, line = check.loop.partition(":")
    loop = f"line {line}" if separator and name.endswith(check.path.name) else check.loop
    return f"loop at {loop} · {parameters}"


def _top(check: ProgramCheck) -> Finding | None:
    """The gravest finding."""
    return check.findings[0] if check.findings else None


def _panel(check: ProgramCheck) -> Panel:
    """The verdict, framed: the gravest finding with the line to change."""
    top = _top(check)
    wrong = [one for one in check.tensors if one.verdict not in (Status.RIGHT, *_UNDECIDED)]
    style = "green" if check.correct and top is None else "yellow" if check.correct else "red"
    headline = Text(f"GRADIENT {'CORRECT' if check.correct else 'WRONG'}", style=f"bold {style}")
    named = "the step follows the negative gradient of the loss"
    if top is not None and top.severity is Severity.WARNING:
        named += ", except for what stands below"
    if not check.correct:
        named = f"{len(wrong)} of {count(len(check.tensors), 'parameter')}" if wrong else ""
    headline.append(f"  {named}", style="not bold default")
    lines: list[RenderableType] = [headline]
    if top is not None and not check.correct:
        lines += [Text(_raised(check, top.message), style="bold"), labelled(_change(check, top))]
    if check.matters is not None:
        lines.append(_consequence(check.matters))
    return Panel(Group(*lines), border_style=style, padding=(0, 1))


def _consequence(matters: Matters) -> Text:
    """Whether the bug is why the program does not train, with the losses of both runs."""
    text = Text(sentence(matters.verdict))
    if math.isfinite(matters.start):
        text.append(
            f": loss {number(matters.start)} → {number(matters.program)} with this step, "
            f"→ {number(matters.right)} fixed, in {count(matters.iterations, 'iteration')}"
        )
    return text


def _raised(check: ProgramCheck, message: str) -> str:
    """A message with its first letter raised, unless it begins with a name of the program."""
    first = message.split(maxsplit=1)[0].rstrip(",:;") if message else ""
    names = {tensor.name for tensor in check.tensors}
    return sentence(message) if first.isalpha() and first not in names else message


def _change(check: ProgramCheck, finding: Finding) -> Iterator[tuple[str, Text]]:
    """Name of the bug, the line to change and what to write there."""
    yield "bug", Text(finding.problem, style=STYLES[finding.severity])
    if finding.line is not None:
        yield "at", Text(check.source.place(finding.line))
        yield "line", Text(check.source.line(finding.line).strip())
    if finding.replacement is not None:
        yield "write", Text(finding.replacement.strip(), style="bold green")
    elif finding.remedies:
        yield "try", Text(" · ".join(finding.remedies))


def _other(check: ProgramCheck, finding: Finding) -> RenderableType:
    """A finding below the first one."""
    style = STYLES[finding.severity]
    text = Text.assemble((finding.problem, style), f"  {_raised(check, finding.message)}")
    places = [] if finding.line is None else [check.source.place(finding.line)]
    advice = finding.replacement.strip() if finding.replacement else None
    words = [*places, *([f"write {advice}"] if advice else finding.remedies)]
    if words:
        text.append("\n" + " · ".join(words), style="dim")
    table = Table.grid(padding=(0, 1))
    table.add_column(width=1)
    table.add_column(overflow="fold")
    table.add_row(Text(MARKS[finding.severity], style=f"bold {style}"), text)
    return table


def diff_text(diff: str) -> Text:
    """A unified diff in colour."""
    text = Text(overflow="fold")
    for line in diff.splitlines():
        first = line[:1]
        style = {"+": "green", "-": "red", "@": "cyan"}.get(first, "dim")
        text.append(line + "\n", style="bold" if line[:3] in ("+++", "---") else style)
    text.rstrip()
    return text


def _notes(check: ProgramCheck, written: Path | None) -> Iterator[tuple[str, Text]]:
    """What was taken for what, what was not checked, and what to do next."""
    loss = f"{check.loss.text}, {check.source.spot(check.loss.line)}"
    if check.functions is not None and check.loss.text in check.functions:
        loss = f"{check.loss.text}, as it is called"
    yield "loss", Text(check.loss.assumption or loss)
    rate = check.learning_rate
    if rate is not None:
        words = f"{rate.text} = {number(rate.value)}"
        if is_numeral(rate.text):
            words = rate.text
        if rate.effective is not None:
            words += f"; the step is {number(rate.effective)} times the gradient"
        yield "rate", Text(words)
    yield "points", Text("; ".join(dict.fromkeys(check.points)))
    if check.other_loops:
        yield "loops", Text(f"not checked: {', '.join(check.other_loops)}")
    for note in check.notes:
        yield "note", Text(note)
    if not check.correct and check.fixed_text is None and check.edits_tried:
        yield "fix", Text(f"none found among {count(check.edits_tried, 'edit')}")
    if written is not None:
        yield "written", Text(str(written))
    if check.correct:
        yield "so", _course(check)
    yield "next", Text(_next_command(check, written), style="bold")


def _course(check: ProgramCheck) -> Text:
    """What a right gradient leaves open: how the program trains."""
    course = check.course
    if check.loss.of_perceptron:
        return Text("its steps are those of the perceptron rule")
    if course is None:
        return Text("the gradient is right; a config of the same network has its settings judged")
    losses = f"{number(course.start)} → {number(course.end)}"
    run = f"loss {losses} in {count(course.iterations, 'iteration')}"
    if not course.diverged:
        return Text(run)
    text = Text(f"the loss explodes all the same: {run}", style="bold red")
    if course.factor is None:
        text.append("; even at 1e-4 of its learning rate", style="not bold")
    else:
        text.append(
            f"; with {_lower_rate(check, course.factor)} it falls to {number(course.lower)}: "
            "the learning rate is too high",
            style="not bold",
        )
    return text


def _lower_rate(check: ProgramCheck, factor: float) -> str:
    """A lower rate as a value, or as a share where the program's is not known."""
    if check.learning_rate is None:
        return f"{number(factor)} × its learning rate"
    return f"learning rate {number(check.learning_rate.value * factor)}"


def _next_command(check: ProgramCheck, written: Path | None) -> str:
    """What to try next."""
    if written is not None:
        original = written.with_name(written.name.replace(".fixed", "", 1))
        if original in {part.path for part in check.source.parts[1:]}:  # imported by its name
            return f"diff {shlex.quote(str(original))} {shlex.quote(str(written))}"
        verb = "gradcheck" if check.loss.of_perceptron else "train"
        return f"nndiag {verb} {shlex.quote(str(written))}"
    if check.fixed_text is not None and not check.correct:
        return f"nndiag gradcheck {shlex.quote(str(check.path))} --write-fixed"
    top = _top(check)
    if top is not None:
        return f"nndiag explain {top.problem}"
    if check.loss.of_perceptron:
        return RIGHT_STEPS
    return f"nndiag train {shlex.quote(str(check.path))}"


def _verdict(tensor: TensorCheck) -> str:
    """The verdict in the words of every gradient check: "correct" for a tensor that is right."""
    return "correct" if tensor.verdict is Status.RIGHT else str(tensor.verdict)

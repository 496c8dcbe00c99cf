"""What a gradient check of a config's network found, for a person and as one JSON object."""

from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from nndiag.finding import Evidence, Finding, Severity
from nndiag.formatting import count, number
from nndiag.gradients.network.check import TOLERANCE, PointCheck
from nndiag.gradients.network.points import NetworkCheck
from nndiag.gradients.verdict import Element, TensorCheck, Verdict
from nndiag.report.verdict import labelled

_STYLES = {
    Verdict.CORRECT: "green",
    Verdict.WRONG: "bold red",
    Verdict.NOISE: "yellow",
    Verdict.KINK: "yellow",
    Verdict.ZERO: "green",
}
_LIMIT = TOLERANCE
_OPPOSITE = -0.999  # cosine
_MOST_TENSORS = 24
_MOST_NAMED = 6
_ANY_WIDTH = 10_000


def network_report(check: NetworkCheck, *, next_command: str) -> RenderableType:
    """The whole report of a check."""
    about = f"{check.layout} · {_examples(check)} · {count(_size(check), 'parameter')}"
    parts: list[RenderableType] = [
        Text.assemble((check.name, "bold"), (f"  {about}", "dim")),
        _panel(check),
        TensorTable(check),
        Text(),
        labelled(_notes(check, next_command)),
    ]
    return Group(*parts)


def network_line(check: NetworkCheck) -> str:
    """The verdict in one line of text."""
    wrong = [tensor.name for tensor, _ in check.tensors() if tensor.verdict is Verdict.WRONG]
    if wrong:
        return f"gradient wrong: {', '.join(wrong)}"
    decided, all_of = len(_decided(check)), len(check.tensors())
    if not decided:
        return "gradient undecided"
    return f"gradient correct{'' if decided == all_of else f' ({decided} of {all_of} tensors)'}"


def network_findings(check: NetworkCheck) -> tuple[Finding, ...]:
    """One finding for each wrong tensor."""
    return tuple(
        Finding(
            _problem(check, tensor),
            Severity.ERROR,
            _message(tensor, point),
            (
                Evidence("relative_error", tensor.relative_error, _LIMIT, layer=_layer(tensor)),
                *_optional("cosine", tensor.cosine),
                *_optional("scale", tensor.scale),
            ),
            layer=_layer(tensor),
            tensor=tensor.name,
            remedies=("look at the slope of the layer's activation and of the loss",),
        )
        for tensor, point in check.tensors()
        if tensor.verdict is Verdict.WRONG
    )


class TensorTable:
    """Relative errors of each tensor at each point, with direction, size and worst element.

    A console that has no room for all of it gets fewer columns; the worst elements stand below
    then. One that has no room for the points gets the largest error of each tensor.
    """

    def __init__(self, check: NetworkCheck) -> None:
        self._check = check
        self._rows = check.tensors()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = options.update(max_width=_ANY_WIDTH)
        tables = (("wide", self._table(wide=True)), ("points", self._table(wide=False)))
        fitting = [
            (form, table)
            for form, table in tables
            if Measurement.get(console, room, table).maximum <= options.max_width
        ]
        form, table = fitting[0] if fitting else ("largest", self._largest())
        yield table
        if len(self._rows) > _MOST_TENSORS:
            yield Text(f"… {len(self._rows) - _MOST_TENSORS} more (all: --json)", style="dim")
        if form != "wide":
            yield from self._worst_lines()

    def _table(self, *, wide: bool) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("relative error", no_wrap=True)
        for point in self._check.points:
            table.add_column(point.point, justify="right", no_wrap=True)
        if self._check.analytic and wide:
            table.add_column("complex", justify="right", no_wrap=True)
        for title in ("cosine", "scale") if wide else ("cosine",):
            table.add_column(title, justify="right", no_wrap=True)
        if wide:
            table.add_column("worst element, numeric", no_wrap=True)
        table.add_column("", no_wrap=True)
        for index in self._shown():
            table.add_row(*self._cells(index, wide=wide))
        return table

    def _largest(self) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("largest error", overflow="fold")
        table.add_column("", justify="right", no_wrap=True)
        table.add_column("", no_wrap=True)
        for tensor, _ in (self._rows[index] for index in self._shown()):
            error = Text(number(tensor.relative_error, digits=2))
            verdict = Text(str(tensor.verdict), style=_STYLES[tensor.verdict])
            table.add_row(tensor.name, error, verdict)
        return table

    def _shown(self) -> list[int]:
        """The rows to show: wrong ones first where there are too many."""
        order = sorted(range(len(self._rows)), key=lambda row: self._rows[row][0].is_right)
        return sorted(order[:_MOST_TENSORS])

    def _cells(self, index: int, *, wide: bool) -> Iterator[Text]:
        tensor, _ = self._rows[index]
        yield Text(tensor.name)
        for point in self._check.points:
            here = point.tensors[index]
            wrong = here.verdict is Verdict.WRONG
            undecided = here.verdict in (Verdict.KINK, Verdict.NOISE)
            words = str(here.verdict) if undecided else number(here.relative_error, digits=2)
            yield Text(words, style="bold red" if wrong else "dim" if undecided else "")
        if self._check.analytic and wide:
            errors = [point.tensors[index].complex_error for point in self._check.points]
            known = [error for error in errors if error is not None]
            yield Text(number(max(known), digits=2) if known else "–")
        yield Text(number(tensor.cosine, digits=4))
        if wide:
            yield Text(number(tensor.scale, digits=4))
            yield Text(_element_words(tensor.worst, between=" "))
        yield Text(str(tensor.verdict), style=_STYLES[tensor.verdict])

    def _worst_lines(self) -> Iterator[Text]:
        """The worst element of each wrong tensor, else of the tensor with the largest error."""
        wrong = [tensor for tensor, _ in self._rows if tensor.verdict is Verdict.WRONG]
        right = [tensor for tensor, _ in self._rows if tensor.verdict is Verdict.CORRECT]
        largest = sorted(right, key=lambda tensor: -tensor.relative_error)[:1]
        for tensor in wrong or largest:
            if tensor.worst is not None:
                words = f"{tensor.name}{_element_words(tensor.worst)}"
                yield Text.assemble(("worst element ", "dim"), words)


def _panel(check: NetworkCheck) -> Panel:
    """The verdict, framed."""
    points = count(len(check.points), "point")
    findings = network_findings(check)
    if findings:
        headline = Text("GRADIENT WRONG", style="bold red")
        headline.append(f"  {len(findings)} of {_tensors(check)} at {points}", style="default")
        body = [Text(finding.message[:1].upper() + finding.message[1:]) for finding in findings]
        return Panel(Group(headline, *body), border_style="red", padding=(0, 1))
    decided = _decided(check)
    if not decided:
        headline = Text("GRADIENT UNDECIDED", style="bold yellow")
        text = "Nothing is wrong, but no tensor could be decided: see the table."
        return Panel(Group(headline, Text(text)), border_style="yellow", padding=(0, 1))
    headline = Text("GRADIENT CORRECT", style="bold green")
    share = "" if len(decided) == len(check.tensors()) else f"{len(decided)} of "
    headline.append(f"  {share}{_tensors(check)} at {points}", style="not bold default")
    error, name, point = max(decided)
    largest = f"Largest relative error {number(error, digits=2)} ({name}, {point})"
    words = f"{largest}; limit {number(_LIMIT)}."
    return Panel(Group(headline, Text(words)), border_style="green", padding=(0, 1))


def _notes(check: NetworkCheck, next_command: str) -> Iterator[tuple[str, Text]]:
    """How it was checked, what was left out and why, and what to do next."""
    tried = sum(tensor.checked + tensor.kinks for tensor in check.points[0].tensors)
    how = f"central differences of {tried:,} of {count(_size(check), 'parameter')} per point"
    if check.analytic:
        how += ", complex step of a sample"
    yield "by", Text(f"{how}, whole forward passes of a sample")
    kinks = sum(tensor.kinks for point in check.points for tensor in point.tensors)
    if kinks:
        words = f"{count(kinks, 'difference')} left out: a kink lies within the step there"
        yield "kinks", Text(f"{words} (not an error)")
    noisy = [tensor.name for tensor, _ in check.tensors() if tensor.verdict is Verdict.NOISE]
    if noisy:
        words = "too small beside the loss for differences to decide (not an error)"
        yield "noise", Text(f"{_listed(noisy)}: {words}")
    idle = [
        checks[0].name
        for checks in zip(*(point.tensors for point in check.points), strict=True)
        if all(_is_zero(tensor) for tensor in checks)
    ]
    if idle:
        words = "zero, and rightly so: the loss does not depend on them at these points"
        yield "zero", Text(f"{_listed(idle)}: {words}")
    for text in check.skipped:
        yield "skipped", Text(text)
    yield "next", Text(next_command, style="bold")


def _listed(names: list[str]) -> str:
    """Names in a row; of many the first ones."""
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _is_zero(tensor: TensorCheck) -> bool:
    """Whether a tensor's gradient is zero, and the differences are."""
    return tensor.verdict is Verdict.ZERO


def _decided(check: NetworkCheck) -> list[tuple[float, str, str]]:
    """Relative error, name and point of each tensor that is correct somewhere, or rightly zero."""
    return [
        (tensor.relative_error, tensor.name, point.point)
        for tensor, point in check.tensors()
        if tensor.is_right
    ]


def _problem(check: NetworkCheck, tensor: TensorCheck) -> str:
    """What the wrong tensors point at: the loss where the last layer is among them."""
    if tensor.cosine is not None and tensor.cosine < _OPPOSITE:
        return "wrong-sign"
    last = _layer(check.points[0].tensors[-1])
    wrong = [one for one, _ in check.tensors() if one.verdict is Verdict.WRONG]
    outermost = any(_layer(one) == last for one in wrong)
    return "wrong-loss-gradient" if outermost else "wrong-activation-derivative"


def _message(tensor: TensorCheck, point: PointCheck) -> str:
    """One sentence with numbers."""
    text = f"the gradient of {tensor.name} is off by {number(tensor.relative_error)} of its norm"
    if tensor.cosine is not None:
        text += f" (cosine {number(tensor.cosine)}, scale {number(tensor.scale)})"
    if tensor.worst is not None:
        text += f"; worst at {_element_words(tensor.worst)}"
    return f"{text}, {point.point} point" if point.point == "initial" else f"{text}, {point.point}"


def _element_words(worst: Element | None, *, between: str = ", numerically ") -> str:
    """The worst element: "[3, 0] 0.1234, numerically 0.1235"."""
    if worst is None:
        return "–"
    place = ", ".join(map(str, worst.index))
    values = number(worst.analytic, digits=4), number(worst.numeric, digits=4)
    return f"[{place}] {between.join(values)}"


def _optional(name: str, value: float | None) -> tuple[Evidence, ...]:
    return () if value is None else (Evidence(name, value, 1.0),)


def _layer(tensor: TensorCheck) -> str:
    return tensor.name.rpartition(".")[0]


def _tensors(check: NetworkCheck) -> str:
    return count(len(check.points[0].tensors), "tensor")


def _examples(check: NetworkCheck) -> str:
    """How many examples there are, and how many of them were used where not all are needed."""
    used = check.points[0].examples
    return f"{'' if used == check.examples else f'{used:,} of '}{count(check.examples, 'example')}"


def _size(check: NetworkCheck) -> int:
    return sum(tensor.size for tensor in check.points[0].tensors)

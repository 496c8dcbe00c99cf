"""One run with what is said about it: the result of `train` and of `diagnose`."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nndiag.arrays import FloatArray
from nndiag.diagnosis import diagnose
from nndiag.errors import RunError, warn
from nndiag.finding import Cause, Diagnosis, Finding, Outcome, Severity
from nndiag.remedies.advice import advised
from nndiag.trace import Trace
from nndiag.verbs.result import Result, gravest_of
from nndiag.verbs.wanted import Thresholds, wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from rich.console import RenderableType

    from nndiag.report.document import Document


@dataclass(frozen=True, eq=False, repr=False)
class RunResult(Result):
    """One run with what is said about it.

    Attributes:
        name: What the run is called.
        trace: All that was recorded.
        diagnosis: What is said about it.
        run: The folder it is stored in; None where it is in memory only.
        config: The config as a command line has it; None for a run of another program.
        parameters: Name → the last parameters, where they are known.
        command: The verb that asked.
    """

    name: str
    trace: Trace
    diagnosis: Diagnosis
    run: Path | None = None
    config: str | None = None
    parameters: Mapping[str, FloatArray] = field(default_factory=dict)
    command: str = "diagnose"

    @property
    def outcome(self) -> Outcome:
        """How the run ended."""
        return self.diagnosis.outcome

    @property
    def cause(self) -> Cause | None:
        """The cause, or None where nothing is wrong or nothing explains it."""
        return self.diagnosis.cause

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, gravest first."""
        return self.diagnosis.findings

    def gravest(self) -> Severity | None:
        """The gravest severity of the findings."""
        return gravest_of(self.findings)

    def cut_short(self) -> bool:
        """Whether Ctrl-C ended the training that was asked for."""
        ending = self.trace.ending
        return self.command == "train" and ending is not None and ending.reason == "interrupted"

    @property
    def next_command(self) -> str:
        """What to try next."""
        from nndiag.report.next_command import next_command  # noqa: PLC0415 (only when shown)

        return next_command(self.diagnosis, self.trace, config=self.config)

    def line(self) -> str:
        """The verdict in one line."""
        from nndiag.report.verdict import one_line  # noqa: PLC0415 (rich costs 50 ms)

        return f"{self.name}: {one_line(self.diagnosis)}"

    def document(self) -> "Document":
        """The object that `--json` prints."""
        from nndiag.report.run_document import run_document  # noqa: PLC0415 (only when asked for)

        return run_document(
            self.diagnosis, self.trace, command=self.command, config=self.name, run=self._folder
        )

    def remarks(self) -> Iterable[str]:
        """How a log was read."""
        from nndiag.report.logs import reading_words  # noqa: PLC0415 (only when shown)

        return reading_words(self.trace)

    def drawings(self) -> "Sequence[Callable[[Axes], object]]":
        """The loss, the gradient norm of each layer, the prediction."""
        from nndiag.plots.figures import PLOTS  # noqa: PLC0415 (matplotlib costs 400 ms)

        onset = self.diagnosis.numbers.get("onset_step")
        return [partial(draw, self.trace, onset=onset) for draw in PLOTS.values()]

    def pictures(self) -> dict[str, str]:
        """Name → SVG element."""
        from nndiag.plots.vector import vector_plots  # noqa: PLC0415 (matplotlib costs 400 ms)

        return vector_plots(self.trace, onset=self.diagnosis.numbers.get("onset_step"))

    def page(self) -> str:
        """The report with its pictures, its evidence and its settings as one page of HTML."""
        from nndiag.plots.interactive import charts_of  # noqa: PLC0415 (only for a page)
        from nndiag.report.run_page import run_page  # noqa: PLC0415 (rich costs 50 ms)

        return run_page(
            self.diagnosis,
            self.trace,
            name=self.name,
            pictures=self.pictures(),
            charts=charts_of(self.trace, onset=self.diagnosis.numbers.get("onset_step")),
            run=self._folder,
            next_command=self.next_command,
        )

    def draw(self) -> None:
        """Draw the run into its folder; one that cannot be written is a warning."""
        if self.run is None:
            return
        from nndiag.plots import save_plots  # noqa: PLC0415 (matplotlib costs 400 ms)

        onset = self.diagnosis.numbers.get("onset_step")
        try:
            save_plots(self.trace, self.run / "plots", onset=onset)
        except RunError as error:
            warn(f"the plots could not be stored: {error}")

    def __rich__(self) -> "RenderableType":
        from nndiag.report.terminal import run_report  # noqa: PLC0415 (rich costs 50 ms)

        return run_report(
            self.diagnosis,
            self.trace,
            name=self.name,
            run=self._folder,
            next_command=self.next_command,
        )

    @property
    def _folder(self) -> str | None:
        return None if self.run is None else str(self.run)


def judged(
    trace: Trace,
    *,
    thresholds: Thresholds | None = None,
    ignore: Collection[str] | None = None,
    select: Collection[str] | None = None,
    **about: Any,
) -> RunResult:
    """A run with what is said about it, judged as its own config asks for.

    Args:
        trace: The run.
        thresholds: As `nndiag.diagnose` takes them.
        ignore: As `nndiag.diagnose` takes them.
        select: As `nndiag.diagnose` takes them.
        about: The other fields of the result.
    """
    asked = wanted(trace.facts.settings, thresholds=thresholds, ignore=ignore, select=select)
    diagnosis = diagnose(
        trace, thresholds=asked.thresholds, ignore=asked.ignore, select=asked.select
    )
    return RunResult(trace=trace, diagnosis=advised(diagnosis, trace), **about)

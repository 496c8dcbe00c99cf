"""One run with what is said about it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nndiag.diagnosis import diagnose
from nndiag.finding import Cause, Diagnosis, Finding, Outcome
from nndiag.results.shown import Shown
from nndiag.trace import FloatArray, Trace

if TYPE_CHECKING:
    from rich.console import RenderableType

Thresholds = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, eq=False, repr=False)
class RunResult(Shown):
    """One run with what is said about it.

    Attributes:
        name: What the run is called.
        trace: All that was recorded.
        diagnosis: What is said about it.
        run: The folder it is stored in; None where it is in memory only.
        config: The config as it was given; None for a run of another program.
        parameters: Name → the last parameters, where they are known.
    """

    name: str
    trace: Trace
    diagnosis: Diagnosis
    run: Path | None = None
    config: str | None = None
    parameters: Mapping[str, FloatArray] = field(default_factory=dict)

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

    def to_dict(self, *, command: str = "diagnose") -> dict[str, Any]:
        """The same object as `--json` prints."""
        from nndiag.report.json import run_document  # noqa: PLC0415 (only when asked for)

        run = None if self.run is None else str(self.run)
        return run_document(self.diagnosis, self.trace, command=command, config=self.name, run=run)

    def __repr__(self) -> str:
        from nndiag.report.verdict import one_line  # noqa: PLC0415 (rich costs 50 ms)

        return f"<RunResult {self.name!r}, {self.trace.steps:,} steps: {one_line(self.diagnosis)}>"

    def _pictures(self) -> dict[str, str]:
        from nndiag.plots.vector import vector_plots  # noqa: PLC0415 (matplotlib costs 400 ms)

        return vector_plots(self.trace, onset=self.diagnosis.numbers.get("onset_step"))

    def __rich__(self) -> "RenderableType":
        from nndiag.report.next_command import next_command  # noqa: PLC0415 (rich costs 50 ms)
        from nndiag.report.terminal import run_report  # noqa: PLC0415

        return run_report(
            self.diagnosis,
            self.trace,
            name=self.name,
            run=None if self.run is None else str(self.run),
            next_command=next_command(self.diagnosis, self.trace, config=self.config),
        )


def judged(
    trace: Trace,
    *,
    name: str,
    run: Path | None = None,
    config: str | None = None,
    parameters: Mapping[str, FloatArray] | None = None,
    thresholds: Thresholds | None = None,
    ignore: Collection[str] = (),
    select: Collection[str] | None = None,
) -> RunResult:
    """A run with what is said about it; the options are those of `nndiag.diagnose`."""
    diagnosis = diagnose(trace, thresholds=thresholds, ignore=ignore, select=select)
    return RunResult(name, trace, diagnosis, run, config, parameters or {})

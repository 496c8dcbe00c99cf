"""`nndiag sweep-lr CONFIG`: which learning rates work, where the edge is, what theory says."""

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nndiag.cli.options import (
    ConfigArgument,
    FailOn,
    FailOnOption,
    JsonOption,
    OverridesArgument,
    PlotsOption,
    QuietOption,
    RunsOption,
)
from nndiag.cli.streams import complain, emit, emit_text, warn
from nndiag.errors import ExitCode, RunError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nndiag.experiment import Experiment
    from nndiag.finding import Finding
    from nndiag.training.lr_sweep import SweepResult


def sweep_lr(
    config: ConfigArgument,
    overrides: OverridesArgument = None,
    *,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Seeds per rate.")] = 3,
    rates: Annotated[
        int | None,
        typer.Option("--rates", min=2, help="Number of rates.  [default: 4 per decade]"),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option("--steps", min=1, help="Steps of each run.  [default: what 10 s allow]"),
    ] = None,
    low: Annotated[
        float | None, typer.Option("--low", help="Smallest rate.  [default: found]")
    ] = None,
    high: Annotated[
        float | None, typer.Option("--high", help="Largest rate.  [default: found]")
    ] = None,
    json: JsonOption = False,
    plots: PlotsOption = True,
    runs: RunsOption = Path("runs"),
    quiet: QuietOption = False,
    fail_on: FailOnOption = FailOn.ERROR,
) -> None:
    """Find the learning rates that work, and where they end."""
    from nndiag.diagnosis.sweep_findings import sweep_findings  # noqa: PLC0415
    from nndiag.experiment import load_experiment  # noqa: PLC0415
    from nndiag.report.sweep import sweep_document, sweep_line, sweep_report  # noqa: PLC0415
    from nndiag.trace.plain import json_text  # noqa: PLC0415
    from nndiag.training.lr_sweep import sweep_learning_rates  # noqa: PLC0415

    _check_range(low, high)
    experiment = load_experiment(config, overrides or ())
    line = _LiveCount(enabled=not quiet)
    try:
        result = sweep_learning_rates(
            experiment, seeds=seeds, rates=rates, steps=steps, low=low, high=high, progress=line
        )
    finally:
        line.clear()
    if not result.runs:
        complain("interrupted before the first run had ended; nothing is known yet")
        raise typer.Exit(ExitCode.INTERRUPTED)
    findings = sweep_findings(result)
    folder = _stored(experiment, runs)
    place = None if folder is None else str(folder)
    document = json_text(sweep_document(result, findings, run=place))
    if json:
        emit_text(document)
    elif quiet:
        emit_text(f"{result.name}: {sweep_line(result)}\n")
    else:
        advice = _advice(result, config, overrides or ())
        emit(sweep_report(result, findings, run=place, next_command=advice))
    if folder is not None:
        _store(result, folder, document=document, plots=plots)
    if result.interrupted:
        raise typer.Exit(ExitCode.INTERRUPTED)
    raise typer.Exit(_exit_code(result, findings, fail_on=fail_on))


def _check_range(low: float | None, high: float | None) -> None:
    """Refuse a range that is none.

    Raises:
        typer.BadParameter: A rate is not positive, or the smallest is not the smaller one.
    """
    for name, value in (("--low", low), ("--high", high)):
        if value is not None and not 0 < value < float("inf"):
            raise typer.BadParameter(f"must be above 0, not {value:g}", param_hint=name)
    if low is not None and high is not None and not low < high:
        raise typer.BadParameter(f"must be below --high {high:g}, not {low:g}", param_hint="--low")


def _stored(experiment: "Experiment", runs: Path) -> Path | None:
    """A new folder for the sweep; None where none can be written."""
    from nndiag.experiment import resolved_yaml  # noqa: PLC0415
    from nndiag.trace.run_folder import create_run_folder, write_file  # noqa: PLC0415

    try:
        name = f"{experiment.config.name}-sweep-lr"
        folder = create_run_folder(runs, name=name, time=datetime.now())
        write_file(folder / "config.yaml", resolved_yaml(experiment).encode())
    except RunError as error:
        warn(f"the sweep could not be stored: {error}")
        return None
    return folder


def _store(result: "SweepResult", folder: Path, *, document: str, plots: bool) -> None:
    """The JSON object and the picture; a folder that cannot be written is a warning."""
    from nndiag.trace.run_folder import write_file  # noqa: PLC0415

    try:
        write_file(folder / "sweep.json", document.encode())
        if plots:
            from nndiag.plots.sweep import sweep_picture  # noqa: PLC0415

            write_file(folder / "sweep.png", sweep_picture(result))
    except RunError as error:
        warn(f"the sweep could not be stored: {error}")


def _advice(result: "SweepResult", config: Path, overrides: "Sequence[str]") -> str:
    """The command to try next."""
    import shlex  # noqa: PLC0415

    kept = [text for text in overrides if not text.startswith("optimizer.learning_rate=")]
    words = [str(config), *kept]
    if result.recommended is None:
        command = "gradcheck" if result.failure is not None else "sweep-lr"
        return shlex.join(["nndiag", command, *words])
    rate = f"optimizer.learning_rate={result.recommended:g}"
    return shlex.join(["nndiag", "train", *words, rate])


def _exit_code(
    result: "SweepResult", findings: "Sequence[Finding]", *, fail_on: FailOn
) -> ExitCode:
    """1 where no rate learns or the configured one is judged that gravely."""
    if fail_on is FailOn.NEVER:
        return ExitCode.HEALTHY
    grave = {"error"} if fail_on is FailOn.ERROR else {"error", "warning"}
    found = result.failure is not None or any(x.severity in grave for x in findings)
    return ExitCode.FINDING if found else ExitCode.HEALTHY


class _LiveCount:
    """Shows on one line of stderr how many runs have ended; on a terminal only."""

    def __init__(self, *, enabled: bool) -> None:
        self._enabled = enabled and sys.stderr.isatty()
        self._count = 0

    def __call__(self, runs: int) -> None:
        """Some more runs have ended."""
        self._count += runs
        if self._enabled:
            sys.stderr.write(f"\r{self._count:,} short runs\x1b[K")
            sys.stderr.flush()

    def clear(self) -> None:
        """Take the line away."""
        if self._enabled:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

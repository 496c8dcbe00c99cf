"""`nndiag sweep-lr CONFIG|PROGRAM`: which learning rates work, and where their edge is."""

import re
import shlex
import time
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nndiag.cli.options import (
    FailOn,
    FailOnOption,
    HtmlOption,
    JsonOption,
    OverridesArgument,
    PlotsOption,
    QuietOption,
    RunsOption,
    exit_code_of,
)
from nndiag.cli.streams import complain, emit, emit_text, warn
from nndiag.errors import ExitCode, RunError
from nndiag.numbers import chosen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from nndiag.cli.live_line import LiveLine
    from nndiag.training.lr_sweep import SweepResult

_PROGRAM = re.compile(r".*\.(py|ipynb)(:[A-Za-z_]\w*)?", re.DOTALL)


def sweep_lr(
    config: Annotated[
        str,
        typer.Argument(
            metavar="CONFIG|PROGRAM",
            help="A config, or a program of your own: my_net.py, my_net.py:Network. The program is "
            "run, with your rights.",
            show_default=False,
        ),
    ],
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
    html: HtmlOption = None,
) -> None:
    """Find the learning rates that work, and where they end."""
    from nndiag.diagnosis.sweep_findings import sweep_findings  # noqa: PLC0415
    from nndiag.report.sweep import sweep_document, sweep_line, sweep_report  # noqa: PLC0415
    from nndiag.trace.plain import json_text  # noqa: PLC0415

    _check_range(low, high)
    wanted = _Wanted(seeds=seeds, rates=rates, steps=steps, low=low, high=high)
    result, text = _swept(config, overrides or (), wanted, quiet=quiet)
    if not result.runs:
        complain("interrupted before the first run had ended; nothing is known yet")
        raise typer.Exit(ExitCode.INTERRUPTED)
    findings = sweep_findings(result)
    folder = _stored(result.name, text, runs)
    place = None if folder is None else str(folder)
    document = json_text(sweep_document(result, findings, run=place))
    advice = _advice(result, config, overrides or ())
    report = sweep_report(result, findings, run=place, next_command=advice)
    line = f"{result.name}: {sweep_line(result)}"
    if json:
        emit_text(document)
    elif quiet:
        emit_text(f"{line}\n")
    else:
        emit(report)
    if html is not None:
        _write_page(html, line, report, result)
    if folder is not None:
        _store(result, folder, document=document, plots=plots)
    if result.interrupted:
        raise typer.Exit(ExitCode.INTERRUPTED)
    failed = result.failure is not None
    raise typer.Exit(exit_code_of(findings, fail_on=fail_on, failed=failed))


def _write_page(path: Path, title: str, report: "RenderableType", result: "SweepResult") -> None:
    """The report with its picture as a page."""
    from functools import partial  # noqa: PLC0415

    from nndiag.cli.pages import write_report  # noqa: PLC0415
    from nndiag.plots.sweep import draw  # noqa: PLC0415
    from nndiag.plots.vector import vector_figure  # noqa: PLC0415

    picture = vector_figure("sweep", partial(draw, result))
    write_report(path, title, report, pictures={} if picture is None else {"sweep": picture})


@dataclass(frozen=True)
class _Wanted:
    """What the options ask for."""

    seeds: int
    rates: int | None
    steps: int | None
    low: float | None
    high: float | None

    @property
    def anything(self) -> bool:
        """Whether any of it differs from the default."""
        return self != _Wanted(3, None, None, None, None)


def _swept(
    target: str, overrides: "Sequence[str]", wanted: _Wanted, *, quiet: bool
) -> "tuple[SweepResult, str | None]":
    """The sweep of a config or a program, and the resolved config's text where there is one."""
    from nndiag.cli.live_line import LiveLine  # noqa: PLC0415

    line = LiveLine(enabled=not quiet)
    count = _Count(line)
    try:
        if _PROGRAM.fullmatch(target):
            return _program_swept(target, overrides, wanted, count), None
        from nndiag.experiment import load_experiment, resolved_yaml  # noqa: PLC0415
        from nndiag.training.lr_sweep import sweep_learning_rates  # noqa: PLC0415

        experiment = load_experiment(target, overrides)
        options = asdict(wanted)
        result = sweep_learning_rates(experiment, **options, progress=count)
        return result, resolved_yaml(experiment)
    finally:
        line.clear()


def _program_swept(
    target: str, overrides: "Sequence[str]", wanted: _Wanted, count: "_Count"
) -> "SweepResult":
    from nndiag.cli.gradcheck import program_settings  # noqa: PLC0415
    from nndiag.diagnosis.program_sweep import sweep_program  # noqa: PLC0415

    if wanted.anything:
        warn("--seeds, --rates, --steps, --low and --high are for configs; a program has its own")
    settings = program_settings(target, overrides)
    assert settings is not None
    return sweep_program(settings, progress=count)


def _check_range(low: float | None, high: float | None) -> None:
    """Refuse a range that is none.

    Raises:
        typer.BadParameter: A rate is not positive, or the smallest is not the smaller one.
    """
    for name, value in (("--low", low), ("--high", high)):
        if value is not None and not 0 < value < float("inf"):
            raise typer.BadParameter(f"must be above 0, not {chosen(value)}", param_hint=name)
    if low is not None and high is not None and not low < high:
        raise typer.BadParameter(
            f"must be below --high {chosen(high)}, not {chosen(low)}", param_hint="--low"
        )


def _stored(name: str, text: str | None, runs: Path) -> Path | None:
    """A new folder for the sweep; None where none can be written."""
    from nndiag.trace.run_folder import create_run_folder, write_file  # noqa: PLC0415

    try:
        folder = create_run_folder(runs, name=f"{name}-sweep-lr", time=datetime.now())
        if text is not None:
            write_file(folder / "config.yaml", text.encode())
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


def _advice(result: "SweepResult", target: str, overrides: "Sequence[str]") -> str:
    """The command to try next."""
    kept = [text for text in overrides if not text.startswith("optimizer.learning_rate=")]
    words = [target, *kept]
    if result.theory is None:  # a program
        return shlex.join(["nndiag", "gradcheck", *words])
    if result.failure is not None:
        return shlex.join(["nndiag", "fix", target, *(overrides or ())])
    if result.recommended is None:
        return shlex.join(["nndiag", "sweep-lr", *words])
    return shlex.join(["nndiag", "train", *words, f"{result.setting}={chosen(result.recommended)}"])


class _Count:
    """Shows how many runs have ended, and in what time.

    Args:
        line: Where.
    """

    def __init__(self, line: "LiveLine") -> None:
        self._line = line
        self._runs = 0
        self._started = time.monotonic()

    def __call__(self, runs: int) -> None:
        """Some more runs have ended."""
        self._runs += runs
        seconds = time.monotonic() - self._started
        self._line.say(f"{self._runs:,} short runs  {seconds:.0f} s")

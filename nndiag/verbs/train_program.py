"""`train` for a user's own program: run it unedited, record, diagnose in its own words, store."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from nndiag.errors import Problem, RunError, UserCodeError, warn
from nndiag.plain import json_text
from nndiag.program import CodeSettings, ProgramCheck
from nndiag.trace.run_folder import (
    create_run_folder,
    write_environment,
    write_file,
    write_parameters,
)
from nndiag.verbs.run import RunResult
from nndiag.verbs.wanted import Thresholds, wanted

if TYPE_CHECKING:
    from nndiag.trace import Recorder


@dataclass(frozen=True, eq=False, repr=False)
class ProgramRunResult(RunResult):
    """One run of a program with what is said about it.

    Attributes:
        check: The check of its gradient.
    """

    check: ProgramCheck | None = None

    @property
    def next_command(self) -> str:
        """What to try next."""
        if self.diagnosis.cause is not None or self.diagnosis.failing:
            return f"nndiag fix {self.config}"
        if self.check is not None and not self.check.correct:
            return f"nndiag gradcheck {self.config}"
        return "nothing: it trains"


def train_program(
    settings: CodeSettings,
    *,
    config: str,
    runs: Path | None = None,
    steps: int | None = None,
    seconds: float | None = None,
    thresholds: Thresholds | None = None,
    ignore: Collection[str] | None = None,
    select: Collection[str] | None = None,
    python: str | None = None,
    notice: Callable[[str], None] | None = None,
) -> ProgramRunResult:
    """Run a user's own program to its end and say what is wrong with it.

    Args:
        settings: Which program, and what is what in it.
        config: The program as a command line has it.
        runs: Where to store the run, in a new folder; None keeps it in memory.
        steps: Steps after which it is stopped.
        seconds: Time after which its training is stopped.
        thresholds: As `nndiag.train` takes them.
        ignore: As `nndiag.train` takes them.
        select: As `nndiag.train` takes them.
        python: The Python that runs it; the user's own by default.
        notice: Told what is being done.

    Raises:
        NndiagError: The program cannot be run, its loop or its loss cannot be found, or no folder
            can be made.
    """
    from nndiag.own_program.beforehand import reason_beforehand  # noqa: PLC0415
    from nndiag.own_program.run import run_program  # noqa: PLC0415 (only what a verb needs)
    from nndiag.trace import Recorder, TraceWriter  # noqa: PLC0415

    asked = wanted({}, thresholds=thresholds, ignore=ignore, select=select)
    name = (settings.path or Path("program")).stem
    folders: list[Path] = []

    def recorder(layers: tuple[str, ...]) -> "Recorder":
        if runs is None:
            return Recorder(layers=layers)
        folders.append(create_run_folder(runs, name=name, time=datetime.now()))
        return Recorder(layers=layers, sink=TraceWriter(folders[0], layers=layers))

    try:
        run = run_program(
            settings,
            recorder=recorder,
            steps=steps,
            seconds=seconds,
            python=python,
            tell=notice,
            thresholds=asked.thresholds,
            ignore=asked.ignore,
            select=asked.select,
        )
    except UserCodeError as error:
        raise reason_beforehand(settings, python=python) or error from error
    if not run.trace.steps:
        raise UserCodeError(
            Problem(f"{run.check.source.name}: its training ended before the first step")
        )
    folder = folders[0] if folders else None
    result = ProgramRunResult(
        name=name,
        trace=run.trace,
        diagnosis=run.diagnosis,
        run=folder,
        config=config,
        parameters=run.parameters,
        command="train",
        check=run.check,
    )
    if folder is not None:
        _store(result, folder, text=run.check.source.text)
    return result


def _store(result: ProgramRunResult, folder: Path, *, text: str) -> None:
    """Write all that belongs to the run; what cannot be written is a warning."""
    try:
        write_file(folder / "program.py", text.encode())
        write_environment(folder, seed=None)
        write_parameters(folder, result.parameters)
        write_file(folder / "diagnosis.json", json_text(result.to_dict()).encode())
    except RunError as error:
        warn(f"the run could not be stored whole: {error}")

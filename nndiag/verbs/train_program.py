"""`train` for a user's own program: run it unedited, record, diagnose in its own words, store."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nndiag.errors import Problem, RunError, UserCodeError, warn
from nndiag.finding import Outcome
from nndiag.plain import json_text
from nndiag.program import CodeSettings, ProgramCheck
from nndiag.report.next_command import RIGHT_STEPS, done, is_only_checked
from nndiag.trace.run_folder import (
    create_run_folder,
    refuse_unwritable_runs,
    write_environment,
    write_file,
    write_parameters,
)
from nndiag.verbs.run import RunResult
from nndiag.verbs.wanted import Thresholds, wanted

if TYPE_CHECKING:
    from nndiag.own_program.run import ProgramRun
    from nndiag.trace import TraceRecorder
    from nndiag.verbs.live import Watch


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
        if is_only_checked(self.diagnosis, self.trace):
            wrong = self.diagnosis.cause is not None
            return f"nndiag gradcheck {self.config} --write-fixed" if wrong else RIGHT_STEPS
        if self.diagnosis.cause is not None or self.diagnosis.failing:
            return f"nndiag fix {self.config}"
        if self.check is not None and not self.check.correct:
            return f"nndiag gradcheck {self.config}"
        if self.outcome is Outcome.INTERRUPTED:
            return f"nndiag train {self.config}"
        failed = self.outcome in (Outcome.DIVERGED, Outcome.STALLED)
        warned = self.check is not None and self.check.fixed_text is not None
        return f"nndiag fix {self.config}" if failed or warned else done(self.diagnosis)


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
    watch: "Watch | None" = None,
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
        watch: As `nndiag.train` takes it.

    Raises:
        NndiagError: The program cannot be run, its loop or its loss cannot be found, or no folder
            can be made.
        KeyboardInterrupt: Ctrl-C before the first step.
    """
    if runs is not None:
        refuse_unwritable_runs(runs)
    asked = wanted({}, thresholds=thresholds, ignore=ignore, select=select)
    name = (settings.path or Path("program")).stem
    places = _Places(runs, name)
    limits: dict[str, Any] = {"steps": steps, "seconds": seconds}
    tell = notice if watch is None else partial(_watched, places, notice, watch)
    run = _run(settings, places, python=python, tell=tell, **limits, **vars(asked))
    if not run.trace.steps:
        raise UserCodeError(Problem(f"{run.source.name}: its training ended before the first step"))
    result = ProgramRunResult(
        name=name,
        trace=run.trace,
        diagnosis=run.diagnosis,
        run=places.folder,
        config=config,
        parameters=run.parameters,
        command="train",
        check=run.check,
    )
    if places.folder is not None:
        _store(result, places.folder, text=run.source.text)
    return result


@dataclass
class _Places:
    """Where a program's run is recorded: in a folder that is made when its training begins."""

    runs: Path | None
    name: str
    folder: Path | None = None
    made: "TraceRecorder | None" = None

    def recorder(self, layers: tuple[str, ...]) -> "TraceRecorder":
        from nndiag.trace import TraceRecorder, TraceWriter  # noqa: PLC0415 (only what a verb needs)

        sink = None
        if self.runs is not None:
            self.folder = create_run_folder(self.runs, name=self.name, time=datetime.now())
            sink = TraceWriter(self.folder, layers=layers)
        self.made = TraceRecorder(layers=layers, sink=sink)
        return self.made


def _watched(
    places: _Places, notice: Callable[[str], None] | None, watch: "Watch", words: str
) -> None:
    """Hand on what is recorded until now, whenever something is told."""
    if notice is not None:
        notice(words)
    if places.made is not None:
        watch(places.made.trace)


def _run(
    settings: CodeSettings,
    places: _Places,
    *,
    python: str | None,
    tell: Callable[[str], None] | None,
    **options: Any,
) -> "ProgramRun":
    """The run of a program or a script, or what is known before it of why there is none."""
    from nndiag.own_program.run import run_program  # noqa: PLC0415 (only what a verb needs)
    from nndiag.pytorch.recognition import program_in  # noqa: PLC0415

    with program_in(settings, python=python, tell=tell) as program:
        try:
            return run_program(program, recorder=places.recorder, **options)
        except UserCodeError:
            if places.folder is not None:
                warn(f"what was recorded until then: nndiag diagnose {places.folder}")
            raise
        except KeyboardInterrupt:
            found = "its training loop was reached" if places.made is None else "its first step"
            recorded = "nothing was recorded" + (f" in {places.folder}" if places.folder else "")
            message = f"interrupted before {found}; {recorded}, and no file was changed"
            raise KeyboardInterrupt(message) from None


def _store(result: ProgramRunResult, folder: Path, *, text: str) -> None:
    """Write all that belongs to the run; what cannot be written is a warning."""
    try:
        write_file(folder / "program.py", text.encode())
        write_environment(folder, seed=None)
        write_parameters(folder, result.parameters)
        write_file(folder / "diagnosis.json", json_text(result.to_dict()).encode())
    except RunError as error:
        warn(f"the run could not be stored whole: {error}")

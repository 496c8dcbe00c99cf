"""`sweep_lr`: which learning rates work, and where they end."""

import shlex
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from nndiag.diagnosis.sweep_findings import sweep_findings
from nndiag.errors import ConfigError, Location, Problem, RunError, warn
from nndiag.finding import Finding, Severity
from nndiag.formatting import chosen
from nndiag.parallel import using
from nndiag.trace.run_folder import refuse_unwritable_runs
from nndiag.training.lr_sweep import Sweep, sweep_learning_rates
from nndiag.verbs.result import Result, as_result, gravest_of
from nndiag.verbs.target import (
    ExperimentLike,
    Kind,
    Overrides,
    kind_of,
    load_experiment,
    override_texts,
    program_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from rich.console import RenderableType

    from nndiag.experiment import Experiment
    from nndiag.program import CodeSettings
    from nndiag.report.document import Document


@dataclass(frozen=True, eq=False, repr=False)
class SweepResult(Result, Sweep):
    """A sweep that shows itself.

    Attributes:
        target: The words that name the config or the program, with the overrides; empty for one
            that is no file.
        run: The folder it is stored in; None where it is in memory only.
        options: The words of its options, as a command line has them.
        read: Whether it is what a sweep left that was killed.
    """

    target: tuple[str, ...] = ()
    run: Path | None = None
    options: tuple[str, ...] = ()
    read: bool = False

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is said about the configured rate."""
        return sweep_findings(self)

    @property
    def next_command(self) -> str | None:
        """What to try next."""
        return _next_command(self, self.target) if self.target else None

    def remarks(self) -> Iterable[str]:
        """What is missing of a sweep that was killed."""
        if self.read and self.interrupted:
            yield f"{self.run}: this sweep was killed; nothing was trained now"

    def gravest(self) -> Severity | None:
        """An error where no rate learns."""
        return gravest_of(self.findings) if self.failure is None else Severity.ERROR

    def cut_short(self) -> bool:
        """Whether Ctrl-C ended the sweep."""
        return self.interrupted and not self.read

    def line(self) -> str:
        """The verdict in one line."""
        from nndiag.report.sweep import sweep_line  # noqa: PLC0415 (rich costs 50 ms)

        return f"{self.name}: {sweep_line(self)}"

    def document(self) -> "Document":
        """The object that `--json` prints."""
        from nndiag.report.sweep_document import sweep_document  # noqa: PLC0415 (rich costs 50 ms)

        return sweep_document(self, self.findings, run=self._folder)

    def drawings(self) -> "Sequence[Callable[[Axes], object]]":
        """The final loss of each rate."""
        from functools import partial  # noqa: PLC0415 (only where it is drawn)

        from nndiag.plots.sweep import draw  # noqa: PLC0415 (matplotlib costs 400 ms)

        return [partial(draw, self)]

    def pictures(self) -> dict[str, str]:
        """Name → SVG element."""
        from functools import partial  # noqa: PLC0415 (only where it is drawn)

        from nndiag.plots.sweep import draw  # noqa: PLC0415 (matplotlib costs 400 ms)
        from nndiag.plots.vector import vector_figure  # noqa: PLC0415

        picture = vector_figure("sweep", partial(draw, self))
        return {} if picture is None else {"sweep": picture}

    def draw(self) -> None:
        """Draw the sweep into its folder; one that cannot be written is a warning."""
        if self.run is None:
            return
        from nndiag.plots.sweep import sweep_picture  # noqa: PLC0415 (matplotlib costs 400 ms)
        from nndiag.trace.run_folder import write_file  # noqa: PLC0415

        try:
            write_file(self.run / "sweep.png", sweep_picture(self))
        except RunError as error:
            warn(f"the sweep could not be stored: {error}")

    def __rich__(self) -> "RenderableType":
        from nndiag.report.sweep import sweep_report  # noqa: PLC0415 (rich costs 50 ms)

        return sweep_report(self, self.findings, run=self._folder, next_command=self.next_command)

    @property
    def _folder(self) -> str | None:
        return None if self.run is None else str(self.run)


@dataclass(frozen=True)
class _Asked:
    """What is asked of a config's sweep, by the names of the options."""

    seeds: int = 3
    rates: int | None = None
    steps: int | None = None
    low: float | None = None
    high: float | None = None

    def check(self) -> None:
        """Refuse a range that is none.

        Raises:
            ConfigError: A rate is not positive, or the smallest is not the smaller one.
        """
        for name, value in (("low", self.low), ("high", self.high)):
            if value is not None and not 0 < value < float("inf"):
                raise ConfigError(Problem(f"{name} must be above 0, not {chosen(value)}"))
        if self.low is not None and self.high is not None and not self.low < self.high:
            message = f"low must be below high, {chosen(self.high)}, not {chosen(self.low)}"
            raise ConfigError(Problem(message))

    def words(self, runs: Path | None) -> tuple[str, ...]:
        """What differs from what is usual, as a command line has it."""
        usual = {**asdict(_Asked()), "runs": "runs"}
        own = {**asdict(self), "runs": str(runs or "runs")}
        changed = {name: value for name, value in own.items() if value != usual[name]}
        return tuple(word for name, value in changed.items() for word in (f"--{name}", str(value)))


def sweep_lr(
    target: ExperimentLike,
    overrides: Overrides = (),
    *,
    seeds: int = 3,
    rates: int | None = None,
    steps: int | None = None,
    low: float | None = None,
    high: float | None = None,
    runs: str | Path | None = None,
    plots: bool = True,
    python: str | None = None,
    workers: int | str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> SweepResult:
    """Which learning rates work, where the divergence threshold is, and what theory says.

    Args:
        target: A config as `load_experiment` takes it, or a program as `gradcheck` takes it; a
            program has its own steps and rates, and the options below are for configs.
        overrides: As `load_experiment` or `gradcheck` takes them.
        seeds: Seeds per rate.
        rates: Number of rates; four per decade by default.
        steps: Steps of each run; as many as are affordable by default.
        low: Smallest rate; found by default.
        high: Largest rate; found by default.
        runs: Where to store the sweep, in a new folder; None keeps it in memory. A sweep of the
            same config that was killed there is gone on with.
        plots: Whether to draw a picture into that folder.
        python: For a program: the Python that runs it; by default that of the active environment,
            or the one on the path.
        workers: Who trains: so many processes, "dask://HOST:PORT", or None for as many as this
            machine has processors.
        progress: Called with the number of runs that have ended, and how many are expected.

    Raises:
        NndiagError: The config cannot be used, or the program cannot be run or understood.
        KeyboardInterrupt: Ctrl-C before the first run had ended.
    """
    asked = _Asked(seeds, rates, steps, low, high)
    asked.check()
    where = None if runs is None else Path(runs)
    with using(workers):
        found, folder = _swept(
            target, overrides, asked, python=python, progress=progress, runs=where
        )
    if not found.runs:
        message = "interrupted before the first run had ended; nothing is known yet"
        raise KeyboardInterrupt(message)
    words = (str(target), *override_texts(overrides)) if isinstance(target, str | Path) else ()
    result = as_result(SweepResult, found, target=words, run=folder, options=asked.words(where))
    _store(result)
    if plots:
        result.draw()
    return result


def _swept(
    target: ExperimentLike,
    overrides: Overrides,
    asked: _Asked,
    *,
    python: str | None,
    progress: Callable[[int, int], None] | None,
    runs: Path | None,
) -> tuple[Sweep, Path | None]:
    """The sweep of a config or a program, and its folder."""
    if isinstance(target, str | Path) and kind_of(target) is Kind.PROGRAM:
        if asked != _Asked():
            options = "--seeds, --rates, --steps, --low and --high"
            warn(f"{options} are for configs; a program has its own")
        code = program_of(target, overrides)
        assert code is not None
        if runs is not None:
            refuse_unwritable_runs(runs)
        swept = _swept_program(code, python=python, progress=progress)
        return swept, None if runs is None else _folder(swept.name, None, runs)
    from nndiag.training.sweep_record import SweepRecord  # noqa: PLC0415 (only for a config)

    experiment = load_experiment(target, overrides)
    folder = None if runs is None else _begun(experiment, runs)
    record = None if folder is None else SweepRecord(folder / "runs.jsonl", asked=asdict(asked))
    if record is not None and record.count:
        warn(f"{folder}: going on from {record.count:,} runs of a sweep that was killed")
    try:
        found = sweep_learning_rates(experiment, **asdict(asked), progress=progress, record=record)
    finally:
        if record is not None:
            record.close()
    if folder is not None and not found.runs:
        for name in ("config.yaml", "runs.jsonl"):
            (folder / name).unlink(missing_ok=True)
        folder.rmdir()
    return found, folder


def killed_sweep(folder: Path) -> SweepResult:
    """What a sweep has found that was killed; nothing is trained.

    Args:
        folder: Where it was recorded.

    Raises:
        RunError: No run of it had ended.
        ConfigError: Its config cannot be used any more.
    """
    from nndiag.training.sweep_record import SweepRecord  # noqa: PLC0415 (only what a verb needs)

    config, record = folder / "config.yaml", SweepRecord(folder / "runs.jsonl")
    names = asdict(_Asked()).keys() & record.asked.keys()
    asked = _Asked(**{name: record.asked[name] for name in names})
    found = sweep_learning_rates(load_experiment(config), **asdict(asked), record=record)
    if not found.runs:
        hint = f"`nndiag sweep-lr {shlex.quote(str(config))}` begins it anew"
        message = "no whole run of this sweep is recorded"
        raise RunError(Problem(message, Location(str(folder)), hint=hint))
    about = {"target": (str(config),), "options": asked.words(folder.parent), "run": folder}
    return as_result(SweepResult, found, **about, read=True)


def _begun(experiment: "Experiment", runs: Path) -> Path:
    """The folder of a killed sweep of this config, or a new one."""
    from nndiag.experiment import resolved_yaml  # noqa: PLC0415 (only for a config)
    from nndiag.training.sweep_record import unfinished  # noqa: PLC0415

    text = resolved_yaml(experiment)
    return unfinished(runs, config=text) or _folder(experiment.config.name, text, runs)


def _swept_program(
    code: "CodeSettings", *, python: str | None, progress: Callable[[int, int], None] | None
) -> Sweep:
    """The sweep of a program, or of a script that trains with torch."""
    from nndiag.diagnosis.program_sweep import sweep_program  # noqa: PLC0415 (for a program)
    from nndiag.pytorch.recognition import is_script, program_in  # noqa: PLC0415

    if not is_script(code):
        return sweep_program(code, python=python, progress=progress)
    from nndiag.pytorch.sweep import SweptScript  # noqa: PLC0415

    with program_in(code, python=python) as script:
        swept = SweptScript(script.watcher, str(code.path))
        return sweep_program(code, progress=progress, program=swept)


def _folder(name: str, text: str | None, runs: Path) -> Path:
    """A new folder for the sweep."""
    from nndiag.trace.run_folder import create_run_folder, write_file  # noqa: PLC0415

    folder = create_run_folder(runs, name=f"{name}-sweep-lr", time=datetime.now())
    if text is not None:
        write_file(folder / "config.yaml", text.encode())
    return folder


def _store(result: SweepResult) -> None:
    """The JSON object in the sweep's folder; one that cannot be written is a warning."""
    from nndiag.plain import json_text  # noqa: PLC0415 (only where it is stored)
    from nndiag.trace.run_folder import write_file  # noqa: PLC0415

    if result.run is None:
        return
    record = result.run / "runs.jsonl"
    if result.interrupted and record.exists():
        return  # it can be gone on with
    try:
        write_file(result.run / "sweep.json", json_text(result.to_dict()).encode())
        record.unlink(missing_ok=True)
    except RunError as error:
        warn(f"the sweep could not be stored: {error}")


def _next_command(result: SweepResult, words: tuple[str, ...]) -> str:
    kept = [text for text in words if not text.startswith("optimizer.learning_rate=")]
    if result.interrupted and result.run is not None:
        return shlex.join(["nndiag", "sweep-lr", *words, *result.options])
    if result.theory is None:  # a program
        wanted = result.findings or result.failure is not None
        verb = "gradcheck" if not result.right else "fix" if wanted else "train"
        return shlex.join(["nndiag", verb, *kept])
    if result.failure is not None:
        return shlex.join(["nndiag", "fix", *words])
    if result.recommended is None:
        return shlex.join(["nndiag", "sweep-lr", *kept])
    return shlex.join(["nndiag", "train", *kept, f"{result.setting}={chosen(result.recommended)}"])

"""`fix`: try the remedies, find the smallest change that cures, write the cured config."""

import shlex
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nndiag.errors import ConfigError, Location, Problem, RunError, refuse_unwritable, warn
from nndiag.finding import Severity
from nndiag.fixing import Fix, write_cured
from nndiag.fixing import fix as search
from nndiag.fixing.measure import OutOfTimeError
from nndiag.parallel import using
from nndiag.report.next_command import next_command
from nndiag.trace.stored import AS_IT_IS, killed_search
from nndiag.verbs.result import Result, as_result
from nndiag.verbs.target import (
    ExperimentLike,
    Kind,
    Overrides,
    kind_of,
    load_experiment,
    program_of,
    words_of,
)
from nndiag.verbs.wanted import check_diagnosis_section, narrowed

if TYPE_CHECKING:
    from rich.console import RenderableType

    from nndiag.experiment import Experiment
    from nndiag.program import CodeSettings
    from nndiag.report.document import Document
    from nndiag.training import Progress
    from nndiag.verbs.fix_program import ProgramFixResult

_UNWRITTEN = "add --no-write: the change is shown and not written"


@dataclass(frozen=True, eq=False, repr=False)
class FixResult(Result, Fix):
    """A `Fix` that shows itself.

    Attributes:
        config: The config as a command line has it.
        written: The file with the cured config.
        run: The folder in which its runs are recorded; None where they are not.
        options: The words of its options, as a command line has them.
        read: Whether it is what a search left that was killed, or had ended.
    """

    config: str | None = None
    written: Path | None = None
    run: Path | None = None
    options: tuple[str, ...] = ()
    read: bool = False

    @property
    def name(self) -> str:
        """The config's name."""
        return self.experiment.config.name

    @property
    def fixed(self) -> "Experiment | None":
        """The cured experiment; None where there is no cure."""
        run = None if self.winner is None else self.winner.trial.run
        return None if run is None else run.experiment

    @property
    def next_command(self) -> str | None:
        """What to try next."""
        return None if self.config is None else _next_command(self, self.config)

    def gravest(self) -> Severity | None:
        """An error where a failure is left; a warning where only the data are at fault."""
        if self.winner is not None or self.healthy:
            return None
        only_data = self.in_the_data and not self.diagnosis.failing
        return Severity.WARNING if only_data else Severity.ERROR

    def cut_short(self) -> bool:
        """Whether Ctrl-C ended the search."""
        return self.interrupted and not self.read

    def remarks(self) -> Iterable[str]:
        """What is missing of a search that was killed."""
        if self.read and self.interrupted:
            yield f"{self.run}: this search was killed; nothing was trained now"

    def line(self) -> str:
        """The verdict in one line."""
        from nndiag.report.fix import fix_line  # noqa: PLC0415 (rich costs 50 ms)

        return f"{self.name}: {fix_line(self)}"

    def document(self) -> "Document":
        """The object that `--json` prints."""
        from nndiag.report.fix_document import fix_document  # noqa: PLC0415 (rich costs 50 ms)

        return fix_document(self, config=self.name, fixed=self._file)

    def pictures(self) -> dict[str, str]:
        """Name → SVG element."""
        from nndiag.plots.vector import vector_losses  # noqa: PLC0415 (matplotlib costs 400 ms)

        return vector_losses(self.traces)

    def __rich__(self) -> "RenderableType":
        from nndiag.report.fix import fix_report  # noqa: PLC0415 (rich costs 50 ms)

        return fix_report(self, name=self.name, fixed=self._file, next_command=self.next_command)

    @property
    def _file(self) -> str | None:
        return None if self.written is None else str(self.written)


def fix(
    config: ExperimentLike,
    overrides: Overrides = (),
    *,
    seconds: float | None = None,
    write: bool = False,
    runs: str | Path | None = None,
    ignore: Collection[str] | None = None,
    select: Collection[str] | None = None,
    progress: "Callable[[Progress], None] | None" = None,
    notice: Callable[[str], None] | None = None,
    python: str | None = None,
    workers: int | str | None = None,
) -> "FixResult | ProgramFixResult":
    """Try the remedies on a config, or changes of a program, and find the smallest that cures.

    Args:
        config: As `load_experiment` takes it, or a program: `"net.py"`, `"net.py:Class"`. A program
            is run, with your rights, some twenty times.
        overrides: As `load_experiment` takes them.
        seconds: Time for the trials; by default the work of 16 trainings is the limit.
        write: Whether to write the cured config beside the config's file.
        runs: Where to record what is trained, each run in a folder of its own below a new one; None
            keeps it in memory.
        ignore: Problems that are not looked at, besides those that the config ignores.
        select: The only problems that are looked at.
        progress: Called about ten times a second during the first training.
        notice: Told what is being tried.
        python: For a program: the Python that runs it.
        workers: Who makes the trials of a config: so many processes, "dask://HOST:PORT", or None
            for as many as this machine has processors.

    Raises:
        NndiagError: The config or the program cannot be used, or what is asked for not be written.
        KeyboardInterrupt: Ctrl-C before the config was trained once.
    """
    program = program_of(config, overrides) if kind_of(str(config)) is Kind.PROGRAM else None
    if program is not None:
        words = words_of(config, overrides) or ""
        more: dict[str, Any] = {"runs": runs, "python": python, "notice": notice}
        return _program_fixed(program, program=words, write=write, **more)
    own = load_experiment(config, overrides)
    if write and own.source is not None:
        refuse_unwritable(own.source.with_suffix(".fixed.yaml"), hint=_UNWRITTEN)
    check_diagnosis_section(own)
    experiment = narrowed(own, ignore=ignore, select=select)
    folder = None if runs is None else _begun(experiment, Path(runs))
    told: dict[str, Any] = {"notice": notice or (lambda text: None), "progress": progress}
    try:
        with using(workers):
            found = search(experiment, seconds=seconds, folder=folder, **told)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("interrupted before the config was trained once") from None
    written = _written(found, own) if write else None
    about = {"config": words_of(config, overrides), "written": written, "run": folder}
    result = as_result(FixResult, found, **about)
    if folder is not None and not found.interrupted:
        _store(result, folder)
    return result


def killed_fix(folder: Path) -> FixResult:
    """What a search has found that was killed, or has ended; nothing is trained.

    Args:
        folder: Where its runs were recorded.

    Raises:
        RunError: The config as it is was not trained to its end.
        ConfigError: The config cannot be used any more.
    """
    config = folder / AS_IT_IS / "config.yaml"
    experiment = load_experiment(config)
    try:
        found = search(experiment, folder=folder, read_only=True)
    except OutOfTimeError:
        hint = f"`nndiag fix {shlex.quote(str(config))}` begins it anew"
        message = "no whole run of this search is recorded"
        raise RunError(Problem(message, Location(str(folder)), hint=hint)) from None
    options = () if folder.parent == Path("runs") else ("--runs", str(folder.parent))
    about = {"config": shlex.quote(str(config)), "run": folder, "options": options}
    return as_result(FixResult, found, **about, read=True)


def _begun(experiment: "Experiment", runs: Path) -> Path:
    """The folder of a killed search of this config, or a new one."""
    from nndiag.experiment import resolved_yaml  # noqa: PLC0415 (only where it is kept)

    name = experiment.config.name
    killed = killed_search(runs, config=resolved_yaml(experiment))
    if killed is None:
        return _folder(name, runs)
    warn(f"{killed}: going on with a search that was killed")
    return killed


def _store(result: FixResult, folder: Path) -> None:
    """The JSON object in the search's folder; one that cannot be written is a warning."""
    from nndiag.plain import json_text  # noqa: PLC0415 (only where it is stored)
    from nndiag.trace.run_folder import write_file  # noqa: PLC0415

    try:
        write_file(folder / "fix.json", json_text(result.to_dict()).encode())
    except RunError as error:
        warn(f"the search could not be stored: {error}")


def _program_fixed(
    code: "CodeSettings", *, write: bool, runs: str | Path | None, **more: Any
) -> "ProgramFixResult":
    """The fix of a program, or why nothing could be written beside it."""
    from nndiag.program.fixed_file import fixed_path  # noqa: PLC0415 (only for a program)
    from nndiag.verbs.fix_program import fix_own_program  # noqa: PLC0415

    if write and code.path is not None:
        refuse_unwritable(fixed_path(code.path), hint=_UNWRITTEN)
    name = (code.path or Path("program")).stem
    folder = None if runs is None else partial(_folder, name, Path(runs))
    return fix_own_program(code, write=write, folder=folder, **more)


def _folder(name: str, runs: Path) -> Path:
    """A new folder for the runs of a search."""
    from nndiag.trace.run_folder import create_run_folder  # noqa: PLC0415 (only where it is kept)

    return create_run_folder(runs, name=f"{name}-fix", time=datetime.now())


def _written(found: Fix, own: "Experiment") -> Path | None:
    """The cured config's file; a folder that cannot be written is a warning.

    Args:
        found: What cures.
        own: The failing config, whose problems to look for the cured one keeps.
    """
    from nndiag.experiment import experiment_of  # noqa: PLC0415 (only where there is a cure)
    from nndiag.remedies import remedy_of  # noqa: PLC0415

    if found.winner is None or found.winner.trial.run is None or own.source is None:
        return None
    trial, cured = found.winner.trial, found.winner.trial.run.experiment
    titles = [remedy_of(name).title for name in trial.remedies]
    cured = experiment_of({**cured.resolved, "diagnosis": own.resolved["diagnosis"]})
    comment = "\n".join([f"What fixes {own.source.name}, found by nndiag fix:", *titles])
    try:
        return write_cured(own.source, cured, comment=comment)
    except (ConfigError, RunError) as error:
        warn(str(error))
        return None


def _next_command(found: FixResult, config: str) -> str:
    if found.written is not None:
        return f"nndiag train {shlex.quote(str(found.written))}"
    if found.healthy:
        return next_command(found.diagnosis, found.baseline.trace, config=config)
    words = None if found.winner is None else _overrides(found.winner.trial.changes)
    if words is not None and not (found.read and found.interrupted):
        return f"nndiag train {config} {shlex.join(words)}"
    if found.winner is not None or found.interrupted:
        return shlex.join(["nndiag", "fix", *shlex.split(config), *found.options])
    if any(trial.run is None for trial in found.trials):
        return f"nndiag fix {config} --seconds {max(10, round(4 * found.budget))}"
    cause = found.diagnosis.cause  # what is left is for a person
    left = f"sweep-lr {config}" if cause is None else f"explain {cause.finding.problem}"
    return f"nndiag {left}"


def _overrides(changes: Mapping[str, Any], section: str = "") -> list[str] | None:
    """Changed keys as `key=value` of a command line; None where layers change."""
    words: list[str] = []
    for key, value in changes.items():
        if isinstance(value, list):
            return None
        path = f"{section}{key}"
        inner = [f"{path}={value if isinstance(value, str) else dumps(value)}"]
        if isinstance(value, Mapping):
            below = _overrides(value, f"{path}.")
            if below is None:
                return None
            inner = below
        words += inner
    return words

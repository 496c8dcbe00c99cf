"""`grade`: many programs at once, a row each: verdict, bug, line and fix."""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING

from nndiag.errors import (
    ELSEWHERE,
    ConfigError,
    Location,
    NndiagError,
    Problem,
    refuse_unwritable,
    warn,
)
from nndiag.finding import Finding, Severity
from nndiag.formatting import count, part_of
from nndiag.kept import fingerprint
from nndiag.parallel import each_within, using
from nndiag.verbs.result import Result

if TYPE_CHECKING:
    from rich.console import RenderableType

    from nndiag.report.document import Document
    from nndiag.report.formats import Mark
    from nndiag.verbs.run import RunResult

TRAINS, GRADIENT, NO_RUN, TOO_SLOW = "trains", "gradient wrong", "cannot be run", "took too long"
_GRACE = 30.0  # seconds beside its training for the check of a program's gradient


@dataclass(frozen=True)
class Grade:
    """What is said of one program.

    Attributes:
        program: Its file.
        verdict: In a word or two: "trains", "gradient wrong", what keeps it from training.
        severity: How grave it is; None where it trains.
        problem: The bug or the problem by name; None where there is none.
        line: The line that is to be changed, from 1.
        fix: What to write there, or what to try.
        message: What was seen, in a sentence.
    """

    program: str
    verdict: str
    severity: Severity | None = None
    problem: str | None = None
    line: int | None = None
    fix: str | None = None
    message: str = ""


@dataclass(frozen=True, repr=False)
class GradeResult(Result):
    """The grades of some programs.

    Attributes:
        grades: In the order of their files.
        left: How many Ctrl-C left out.
    """

    grades: tuple[Grade, ...]
    left: int = 0

    @property
    def groups(self) -> dict[str, tuple[Grade, ...]]:
        """Problem or verdict → the programs that have it, those that many have first."""
        names = [one.problem or one.verdict for one in self.grades]
        ordered = sorted(dict.fromkeys(names), key=lambda name: -names.count(name))
        pairs = list(zip(names, self.grades, strict=True))
        return {name: tuple(one for own, one in pairs if own == name) for name in ordered}

    def gravest(self) -> Severity | None:
        """The gravest severity of all programs."""
        grave = [one.severity for one in self.grades if one.severity is not None]
        return min(grave, key=lambda one: one.rank, default=None)

    def cut_short(self) -> bool:
        """Whether Ctrl-C left programs out."""
        return self.left > 0

    def remarks(self) -> Iterable[str]:
        """What Ctrl-C left out, and how to go on."""
        total = len(self.grades) + self.left
        if self.left:
            yield (
                f"interrupted: {len(self.grades):,} of {count(total, 'program')} graded; the same "
                "command goes on with the rest"
            )

    def line(self) -> str:
        """How many have what."""
        kinds = list(map(_kind, self.grades))
        counted = ((kinds.count(kind), kind) for kind in dict.fromkeys(kinds))
        return ", ".join(f"{many} {kind}" for many, kind in sorted(counted, reverse=True)) or "none"

    def document(self) -> "Document":
        """The object that `--json` prints."""
        from nndiag.report.grade_document import grade_document  # noqa: PLC0415 (only when asked for)

        return grade_document(self)

    def marks(self) -> "Sequence[Mark]":
        """What was found in each program, at its place."""
        from nndiag.report.formats import Mark  # noqa: PLC0415 (only when asked for)

        return [
            Mark(one.problem or one.verdict, one.severity, one.message, one.program, one.line)
            for one in self.grades
            if one.severity is not None
        ]

    def csv(self) -> str:
        """The table as text with commas."""
        from nndiag.report.grade import grade_csv  # noqa: PLC0415 (only when asked for)

        return grade_csv(self)

    def __rich__(self) -> "RenderableType":
        from nndiag.report.grade import grade_report  # noqa: PLC0415 (rich costs 50 ms)

        return grade_report(self)


def grade(
    *programs: str | Path,
    seconds: float = 60.0,
    keep: str | Path | None = None,
    python: str | None = None,
    workers: int | str | None = None,
    progress: Callable[[str], None] | None = None,
) -> GradeResult:
    """Check and train many programs, each in a process of its own with a limit of its own.

    Args:
        programs: Files or patterns: "submissions/*.py".
        seconds: Time for the training of each.
        keep: A file that takes each grade as soon as it is there; programs whose grade it holds
            already, unchanged since, are not run again.
        python: The Python that runs them; by default as `train` chooses it.
        workers: Who runs them: so many processes, "dask://HOST:PORT", or None for as many as this
            machine has processors.
        progress: Told how many are done, and the time that is left.

    Raises:
        ConfigError: There is no such program.
        RunError: The file of the grades cannot be written.
        KeyboardInterrupt: Ctrl-C before the first grade was there.
    """
    files = _files(programs)
    if keep is not None:
        refuse_unwritable(Path(keep), hint=f"{ELSEWHERE} --keep FILE")
    known = {} if keep is None else _known(Path(keep))
    keys = {file: _key(file) for file in files}
    grades = {file: known[keys[file]] for file in files if keys[file] in known}
    tell, started = progress or (lambda text: None), time.monotonic()
    waiting = [file for file in files if file not in grades]
    try:
        tell(f"programs: {part_of(0, len(waiting), seconds=0)}")
        with using(workers):
            graded = _graded(waiting, seconds=seconds, python=python)
            for done, (file, found) in enumerate(graded, 1):
                grades[file] = found
                if keep is not None:
                    _append(Path(keep), keys[file], found)
                spent = time.monotonic() - started
                tell(f"programs: {part_of(done, len(waiting), seconds=spent)}")
    except KeyboardInterrupt:
        if not grades:
            raise KeyboardInterrupt("interrupted before the first program was graded") from None
    return GradeResult(tuple(grades[x] for x in files if x in grades), len(files) - len(grades))


def grade_of(program: str, *, seconds: float, python: str | None = None) -> Grade:
    """The grade of one program, which is run in this process's child."""
    from nndiag.verbs.train import train  # noqa: PLC0415 (only what a verb needs)

    try:
        return _grade_of_run(program, train(program, seconds=seconds, python=python))
    except NndiagError as error:
        first = error.problems[0]
        line = None if first.location is None else first.location.line
        message = first.message.removeprefix(f"{program}: ")
        return Grade(program, NO_RUN, Severity.ERROR, line=line, message=message)


def _kind(one: Grade) -> str:
    """How it went, in the words of a sum."""
    if one.verdict in (NO_RUN, TOO_SLOW):
        return "could not be run"
    return {None: "trained", Severity.ERROR: "failed"}.get(one.severity, "trained with a warning")


def _grade_of_run(program: str, result: "RunResult") -> Grade:
    check = getattr(result, "check", None)
    if check is not None and not check.correct and check.findings[0].severity is not Severity.NOTE:
        return _grade_of_finding(program, GRADIENT, check.findings[0])
    cause = result.cause.finding if result.cause is not None else None
    grave = [one for one in result.findings if one.severity is not Severity.NOTE]
    found = cause or (grave[0] if grave else None)
    if found is None:
        return Grade(program, TRAINS)
    return _grade_of_finding(program, found.problem.replace("-", " "), found)


def _grade_of_finding(program: str, verdict: str, found: Finding) -> Grade:
    fix = found.replacement or next(iter(found.remedies), None)
    return Grade(
        program, verdict, found.severity, found.problem, found.line, fix, message=found.message
    )


def _files(programs: Sequence[str | Path]) -> list[str]:
    """The files that are meant, each once; of a folder, the programs in it.

    Raises:
        ConfigError: A pattern meets none.
    """
    files: list[str] = []
    for pattern in map(str, programs):
        met = [pattern] if Path(pattern).is_file() else sorted(glob(pattern, recursive=True))  # noqa: PTH207
        found = [file for one in met for file in _programs_in(one)]
        if not found:
            what = "no program in this folder" if Path(pattern).is_dir() else "no such program"
            hint = "name .py or .ipynb files, or a pattern in quotes, such as 'submissions/*.py'"
            raise ConfigError(Problem(what, Location(pattern), hint=hint))
        files.extend(found)
    return list(dict.fromkeys(files))


def _programs_in(place: str) -> list[str]:
    """A file itself; the programs that lie in a folder."""
    if not Path(place).is_dir():
        return [place]
    return sorted(
        str(file)
        for file in Path(place).iterdir()
        if file.suffix in (".py", ".ipynb") and not file.name.startswith((".", "_"))
    )


def _graded(
    files: Sequence[str], *, seconds: float, python: str | None
) -> Iterator[tuple[str, Grade]]:
    """Each program with its grade as soon as it is there."""
    calls = {
        file: partial(grade_of, str(Path(file).resolve()), seconds=seconds, python=python)
        for file in files
    }
    for file, found in each_within(calls, seconds=2 * seconds + _GRACE):
        if isinstance(found, Grade):
            yield file, replace(found, program=file)
        else:
            yield file, _failed(file, found)


def _failed(file: str, error: Exception) -> Grade:
    """The grade of a program whose process failed: that is not the others' fault."""
    message = str(error).partition("\n")[0]
    if isinstance(error, TimeoutError):
        return Grade(file, TOO_SLOW, Severity.ERROR, message=message)
    return Grade(file, NO_RUN, Severity.ERROR, message=f"nndiag failed: {message}")


def _key(file: str) -> str:
    """What a grade is kept under: the program's text and nndiag's own."""
    try:
        content = Path(file).read_bytes()
    except OSError:  # its grade says so
        content = b""
    digest = hashlib.sha256(content + fingerprint().encode()).hexdigest()
    return f"{file} {digest}"


def _known(keep: Path) -> dict[str, Grade]:
    """The grades that a file holds; lines that cannot be read are passed over."""
    known: dict[str, Grade] = {}
    for line in keep.read_text(encoding="utf-8").splitlines() if keep.is_file() else ():
        try:
            row = json.loads(line)
            key, severity = row.pop("key"), row.pop("severity")
            known[key] = Grade(**row, severity=Severity(severity) if severity else None)
        except (ValueError, KeyError, TypeError):
            continue
    return known


def _append(keep: Path, key: str, found: Grade) -> None:
    try:
        with keep.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"key": key, **asdict(found)}) + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        warn(f"{keep}: the grade cannot be kept: {error.strerror}")

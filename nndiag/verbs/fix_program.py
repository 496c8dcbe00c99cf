"""`fix` for a user's own program: the smallest change of its text with which it trains."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from nndiag.errors import RunError, UserCodeError, warn
from nndiag.finding import Outcome, Severity
from nndiag.own_program.fix import fix_program
from nndiag.own_program.run import in_memory, run_program
from nndiag.own_program.trial import ProgramFix
from nndiag.program import CodeSettings
from nndiag.program.fixed_file import write_text
from nndiag.pytorch.recognition import program_in
from nndiag.report.next_command import DONE, RIGHT_STEPS
from nndiag.trace import TraceRecorder, TraceWriter
from nndiag.verbs.result import Result, as_result

if TYPE_CHECKING:
    from rich.console import RenderableType

    from nndiag.report.fix_program import ProgramFixDocument


@dataclass(frozen=True, eq=False, repr=False)
class ProgramFixResult(Result, ProgramFix):
    """A `ProgramFix` that shows itself.

    Attributes:
        program: The program as a command line has it.
        written: The file with the fixed program.
    """

    program: str = ""
    written: Path | None = None

    @property
    def next_command(self) -> str:
        """What to try next."""
        if self.healthy:
            return DONE if self.diagnosis.outcome is not Outcome.UNJUDGED else RIGHT_STEPS
        if self.written is not None:
            return f"nndiag train {quote(str(self.written))}"
        if self.winner is not None:
            return f"nndiag fix {self.program} --write"
        if self.check is not None and not self.check.correct and self.check.fixed_text is not None:
            return f"nndiag gradcheck {self.program} --write-fixed"
        most = self.diagnosis.cause and self.diagnosis.cause.finding
        most = most or next(iter(self.diagnosis.findings), None)
        return f"nndiag explain {most.problem}" if most else f"nndiag doctor {self.program}"

    def gravest(self) -> Severity | None:
        """An error where a failure is left."""
        return None if self.healthy or self.winner is not None else Severity.ERROR

    def line(self) -> str:
        """The verdict in one line."""
        from nndiag.report.fix_program import fix_program_line  # noqa: PLC0415 (rich)

        return f"{self.source.path.name}: {fix_program_line(self)}"

    def document(self) -> "ProgramFixDocument":
        """The object that `--json` prints."""
        from nndiag.report.fix_program import fix_program_document  # noqa: PLC0415 (rich)

        return fix_program_document(self, written=self.written)

    def __rich__(self) -> "RenderableType":
        from nndiag.report.fix_program import fix_program_report  # noqa: PLC0415 (rich)

        return fix_program_report(self, written=self.written, next_command=self.next_command)


def fix_own_program(
    settings: CodeSettings,
    *,
    program: str,
    write: bool = False,
    folder: Callable[[], Path] | None = None,
    python: str | None = None,
    notice: Callable[[str], None] | None = None,
) -> ProgramFixResult:
    """Find the smallest change with which a program trains, and write it beside the original.

    Args:
        settings: Which program, and what is what in it.
        program: The program as a command line has it.
        write: Whether to write the fixed program.
        folder: Makes the folder to record in what is trained, each run in one of its own; it is
            made with the first step. None keeps all in memory.
        python: The Python that runs it; the user's own by default.
        notice: Told what is being tried.

    Raises:
        UserCodeError: It cannot be run, or its training loop or its loss cannot be found.
    """
    with program_in(settings, python=python, tell=notice) as code:
        keeper = None if folder is None else _Folders(folder).recorder
        run = run_program(code, recorder=keeper or in_memory)
        found = fix_program(run, code, notice=notice, recorder=keeper)
    written = None
    if write and found.text is not None:
        try:
            written = write_text(found.source, found.text)
        except (UserCodeError, RunError) as error:
            warn(str(error))
    return as_result(ProgramFixResult, found, program=program, written=written)


class _Folders:
    """A folder for each training of a search, numbered as they are made."""

    def __init__(self, make: Callable[[], Path]) -> None:
        self._make, self._count = make, 0
        self._folder: Path | None = None

    def recorder(self, layers: tuple[str, ...]) -> TraceRecorder:
        """The recorder of the next training."""
        self._count += 1
        try:
            self._folder = self._folder or self._make()
            place = self._folder / f"{self._count:02}"
            place.mkdir()
            return TraceRecorder(layers=layers, sink=TraceWriter(place, layers=layers))
        except (OSError, RunError) as error:
            warn(f"what is tried is not recorded: {error}")
            return TraceRecorder(layers=layers)

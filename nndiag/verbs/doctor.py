"""`doctor`: what is worth checking before any training."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nndiag.checkup import Checkup, checkup
from nndiag.finding import Severity
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

if TYPE_CHECKING:
    from rich.console import RenderableType

    from nndiag.report.document import Document
    from nndiag.report.formats import Mark


@dataclass(frozen=True, eq=False, repr=False)
class CheckupResult(Result, Checkup):
    """A `Checkup` that shows itself.

    Attributes:
        config: The config as a command line has it.
    """

    config: str | None = None

    @property
    def next_command(self) -> str | None:
        """What to try next."""
        return self.config and f"nndiag {'fix' if self.failed else 'train'} {self.config}"

    def gravest(self) -> Severity | None:
        """An error where a check failed, a warning where one warns."""
        warning = Severity.WARNING if self.warnings else None
        return Severity.ERROR if self.failed else warning

    def marks(self) -> "Sequence[Mark]":
        """The checks that failed or warn."""
        from nndiag.report.formats import Mark  # noqa: PLC0415 (only when asked for)

        file = None if self.config is None else shlex.split(self.config)[0]
        kinds = ((Severity.ERROR, self.failed), (Severity.WARNING, self.warnings))
        return [
            Mark(check.problem or check.name, severity, check.message, file)
            for severity, checks in kinds
            for check in checks
        ]

    def line(self) -> str:
        """The verdict in one line."""
        from nndiag.report.doctor import doctor_line  # noqa: PLC0415 (rich costs 50 ms)

        return f"{self.name}: {doctor_line(self)}"

    def document(self) -> "Document":
        """The object that `--json` prints."""
        from nndiag.report.doctor_document import doctor_document  # noqa: PLC0415 (rich costs 50 ms)

        return doctor_document(self)

    def __rich__(self) -> "RenderableType":
        from nndiag.report.doctor import doctor_report  # noqa: PLC0415 (rich costs 50 ms)

        return doctor_report(self, next_command=self.next_command)


def doctor(
    config: ExperimentLike,
    overrides: Overrides = (),
    *,
    python: str | None = None,
    notice: Callable[[str], None] | None = None,
) -> CheckupResult:
    """What is worth checking before any training, checked.

    Args:
        config: As `load_experiment` takes it, or a program, as `nndiag.train` takes it.
        overrides: As `load_experiment` takes them; for a program what is what in it.
        python: For a program: the Python that runs it; the user's own by default.
        notice: Told what is being looked at.

    Raises:
        NndiagError: The config or the program cannot be used.
    """
    say = notice or (lambda text: None)
    program = program_of(config, overrides) if kind_of(str(config)) is Kind.PROGRAM else None
    if program is not None:
        from nndiag.own_program.checkup import program_checkup  # noqa: PLC0415 (for a program)
        from nndiag.pytorch.recognition import program_in  # noqa: PLC0415

        with program_in(program, python=python, tell=say) as code:
            looked = program_checkup(code, name=code.source.path.stem, notice=say)
        return as_result(CheckupResult, looked, config=words_of(config, overrides))
    experiment = load_experiment(config, overrides)
    found = checkup(experiment, notice=say)
    return as_result(CheckupResult, found, config=words_of(config, overrides))

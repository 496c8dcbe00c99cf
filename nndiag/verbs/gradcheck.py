"""`gradcheck`: is a gradient right, and if not, which bug is it?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nndiag.errors import refuse_unwritable, warn
from nndiag.finding import Finding, Severity
from nndiag.gradients.network.points import NetworkCheck
from nndiag.program import CodeSettings, ProgramCheck, check_program
from nndiag.program.fixed_file import fixed_path
from nndiag.verbs.result import Result, as_result, gravest_of
from nndiag.verbs.target import (
    ExperimentLike,
    Overrides,
    load_experiment,
    program_of,
    words_of,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

    from nndiag.report.document import Document

_UNWRITTEN = "leave --write-fixed out: the change is shown and not written"


@dataclass(frozen=True, eq=False, repr=False)
class NetworkCheckResult(Result, NetworkCheck):
    """The check of a config's network; it shows itself.

    Attributes:
        config: The config as a command line has it.
    """

    config: str | None = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong, tensor by tensor."""
        from nndiag.report.gradcheck_network import network_findings  # noqa: PLC0415 (rich)

        return network_findings(self)

    def gravest(self) -> Severity | None:
        """An error where a tensor is wrong."""
        return gravest_of(self.findings) if self.correct else Severity.ERROR

    def line(self) -> str:
        """The verdict in one line."""
        from nndiag.report.gradcheck_network import network_line  # noqa: PLC0415 (rich)

        return f"{self.name}: {network_line(self)}"

    def document(self) -> "Document":
        """The object that `--json` prints."""
        from nndiag.report.gradcheck_document import network_document  # noqa: PLC0415 (rich)

        return network_document(self)

    def __rich__(self) -> "RenderableType":
        from nndiag.report.gradcheck_network import network_report  # noqa: PLC0415 (rich)

        return network_report(self, next_command=f"nndiag train {self.config or 'CONFIG'}")


@dataclass(frozen=True, eq=False, repr=False)
class ProgramCheckResult(Result, ProgramCheck):
    """The check of a program; it shows itself.

    Attributes:
        written: The file with the mended program.
    """

    written: Path | None = None

    def gravest(self) -> Severity | None:
        """An error where the step is not the gradient."""
        return gravest_of(self.findings) if self.correct else Severity.ERROR

    def line(self) -> str:
        """The verdict in one line."""
        from nndiag.report.gradcheck_program import program_line  # noqa: PLC0415 (rich)

        return f"{self.path.name}: {program_line(self)}"

    def document(self) -> "Document":
        """The object that `--json` prints."""
        from nndiag.report.gradcheck_document import program_document  # noqa: PLC0415 (rich)

        return program_document(self, written=self.written)

    def __rich__(self) -> "RenderableType":
        from nndiag.report.gradcheck_program import program_report  # noqa: PLC0415 (rich)

        return program_report(self, written=self.written)


def gradcheck(
    target: ExperimentLike,
    overrides: Overrides = (),
    *,
    seconds: float = 20.0,
    write_fixed: bool = False,
    loss: str | None = None,
    parameters: Sequence[str] = (),
    learning_rate: str | float | None = None,
    gradients: Mapping[str, str] | None = None,
    functions: str | None = None,
    python: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> NetworkCheckResult | ProgramCheckResult:
    """Whether a gradient is right, and if not, which bug it is.

    Args:
        target: A config as `load_experiment` takes it, or a program: `"net.py"`, `"net.py:Class"`,
            `"net.ipynb"`. A program is run, with your rights, as far as its training loop.
        overrides: For a config: as `load_experiment` takes them; for a program what is what in it,
            as the options below: `"loss=np.mean(e**2)"`.
        seconds: Time for searches and experiments.
        write_fixed: For a program: whether to write the mended one beside it.
        loss: For a program: the expression of its loss, where it cannot be found.
        parameters: For a program: the names of its parameters, where they cannot be found.
        learning_rate: For a program: the expression of its rate, where it cannot be found.
        gradients: For a program: parameter → the expression of its gradient.
        functions: For a program without a loop: the statements that make one step.
        python: For a program: the Python that runs it; by default that of the active environment,
            or the one on the path.
        progress: For a program: told what is being done.

    Raises:
        NndiagError: The config cannot be used, or the program cannot be run or understood.
    """
    code = program_of(target, overrides)
    if code is None:
        if write_fixed:
            warn("--write-fixed is for programs: in a config there is nothing to fix")
        return _network_checked(target, overrides, seconds=seconds)
    said: dict[str, Any] = {
        "loss": loss,
        "parameters": tuple(parameters),
        "learning_rate": None if learning_rate is None else str(learning_rate),
        "gradients": dict(gradients or {}),
        "functions": functions,
    }
    if write_fixed and code.path is not None:
        refuse_unwritable(fixed_path(code.path), hint=_UNWRITTEN)
    code = replace(code, **{key: value for key, value in said.items() if value})
    check = _program_checked(code, seconds=seconds, python=python, progress=progress)
    mends = not check.correct or check.fixed_text is not None
    written = _written(check) if write_fixed and mends else None
    return as_result(ProgramCheckResult, check, written=written)


def _program_checked(code: CodeSettings, *, seconds: float, **more: Any) -> ProgramCheck:
    """The check of a program, or of a script that trains with torch."""
    from nndiag.pytorch.recognition import is_script, program_in  # noqa: PLC0415 (for a program)

    if not is_script(code):
        return check_program(code, seconds=seconds, **more)
    from nndiag.pytorch.script import Script  # noqa: PLC0415 (only for a script)

    with program_in(code, python=more["python"], tell=more["progress"]) as script:
        assert isinstance(script, Script)
        return script.gradient_check()


def _network_checked(
    config: ExperimentLike, overrides: Overrides, *, seconds: float
) -> NetworkCheckResult:
    """The check of nndiag's own gradient of a config's network."""
    from nndiag.experiment.building import build  # noqa: PLC0415
    from nndiag.gradients.network.points import check_network  # noqa: PLC0415 (only for a config)

    check = check_network(build(load_experiment(config, overrides)), seconds=seconds)
    return as_result(NetworkCheckResult, check, config=words_of(config, overrides))


def _written(check: ProgramCheck) -> Path | None:
    """Where the mended program was written; None where no fix was found."""
    from nndiag.program.fixed_file import write_fixed  # noqa: PLC0415 (only where asked for)

    if check.fixed_text is None:
        warn("no fix was found, so there is nothing to write")
        return None
    return write_fixed(check)

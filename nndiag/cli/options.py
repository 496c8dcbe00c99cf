"""Arguments and options that several commands share, and the exit code that follows from them."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nndiag.cli.completion import problems
from nndiag.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nndiag.finding import Diagnosis, Finding


class FailOn(StrEnum):
    """The least severity of a finding that makes the exit code 1."""

    ERROR = "error"
    WARNING = "warning"
    NEVER = "never"


ConfigArgument = Annotated[
    Path, typer.Argument(metavar="CONFIG", help="The config, a YAML file.", show_default=False)
]
OverridesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KEY=VALUE",
        help="Settings that replace those of the config: optimizer.learning_rate=0.01",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")]
QuietOption = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print the verdict alone, in one line.")
]
RunsOption = Annotated[Path, typer.Option("--runs", metavar="DIR", help="Where runs are stored.")]
PlotsOption = Annotated[
    bool, typer.Option("--plots/--no-plots", help="Draw pictures into the run's folder.")
]
HtmlOption = Annotated[
    Path | None,
    typer.Option(
        "--html",
        metavar="FILE",
        help="Write the report with its pictures as one self-contained page too.",
        show_default=False,
    ),
]
FailOnOption = Annotated[
    FailOn, typer.Option("--fail-on", help="The least severity that makes the exit code 1.")
]
IgnoreOption = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore",
        metavar="PROBLEM",
        help="Do not look for this problem. Repeatable.",
        autocompletion=problems,
    ),
]
ConfirmOption = Annotated[
    bool,
    typer.Option("--confirm", help="Try remedies afterwards, to confirm or to doubt the cause."),
]
SelectOption = Annotated[
    list[str] | None,
    typer.Option(
        "--select",
        metavar="PROBLEM",
        help="Look only for this problem. Repeatable.",
        autocompletion=problems,
    ),
]


def ignored_by(
    select: "Sequence[str] | None", ignore: "Sequence[str] | None", *, config: "Sequence[str]"
) -> list[str]:
    """The problems that are not looked for, by a config and the command line together.

    Args:
        select: The only problems to look for; None or empty for all.
        ignore: More problems to ignore.
        config: What the config ignores.

    Raises:
        UnknownNameError: A problem does not exist.
    """
    from nndiag.detectors import DETECTORS  # noqa: PLC0415

    for problem in (*(select or ()), *(ignore or ())):
        DETECTORS.get(problem)
    others = [problem for problem in DETECTORS.names() if select and problem not in select]
    return list(dict.fromkeys([*config, *(ignore or ()), *others]))


def exit_code(diagnosis: "Diagnosis", *, fail_on: FailOn) -> ExitCode:
    """The exit code that a diagnosis deserves."""
    return exit_code_of(diagnosis.findings, fail_on=fail_on)


def exit_code_of(
    findings: "Iterable[Finding]", *, fail_on: FailOn, failed: bool = False
) -> ExitCode:
    """The exit code that findings deserve.

    Args:
        findings: What was found.
        fail_on: The least severity that counts.
        failed: Whether it failed apart from what was found, as gravely as by an error.
    """
    if fail_on is FailOn.NEVER:
        return ExitCode.HEALTHY
    grave = {"error"} if fail_on is FailOn.ERROR else {"error", "warning"}
    found = failed or any(finding.severity in grave for finding in findings)
    return ExitCode.FINDING if found else ExitCode.HEALTHY

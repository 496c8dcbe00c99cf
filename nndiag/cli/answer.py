"""From a verb's result to what a person sees: printed once, as a page if asked, as an exit code."""

from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from nndiag.cli.options import FailOn
from nndiag.cli.streams import emit, emit_text
from nndiag.errors import ExitCode, RunError

if TYPE_CHECKING:
    from nndiag.finding import Severity
    from nndiag.verbs.result import Result


def show(result: "Result", *, json: bool, quiet: bool = False) -> None:
    """Print the report, or the JSON object, or the verdict alone."""
    if json:
        from nndiag.plain import json_text  # noqa: PLC0415 (NumPy costs 100 ms)

        emit_text(json_text(result.to_dict()))
    elif quiet:
        emit_text(f"{result.line()}\n")
    else:
        emit(result.__rich__())


def write_page(result: "Result", path: Path | None) -> None:
    """Write the page if one is asked for.

    Raises:
        RunError: It cannot be written.
    """
    if path is None:
        return
    from dataclasses import replace  # noqa: PLC0415

    from nndiag.trace.run_folder import write_file  # noqa: PLC0415

    try:
        write_file(path, result.page().encode("utf-8", "replace"))
    except RunError as error:
        hint = "choose another place with --html FILE"
        raise RunError(replace(error.problems[0], hint=hint)) from error


def leave(result: "Result", *, fail_on: FailOn) -> NoReturn:
    """End with the exit code that a result deserves.

    Raises:
        typer.Exit: Always.
    """
    if result.cut_short():
        raise typer.Exit(ExitCode.INTERRUPTED)
    raise typer.Exit(exit_code(result.gravest(), fail_on=fail_on))


def answer(
    result: "Result", *, json: bool, quiet: bool, html: Path | None, fail_on: FailOn
) -> NoReturn:
    """Print a result, write its page, and end with its exit code.

    Raises:
        typer.Exit: Always.
    """
    show(result, json=json, quiet=quiet)
    write_page(result, html)
    leave(result, fail_on=fail_on)


def exit_code(gravest: "Severity | None", *, fail_on: FailOn) -> ExitCode:
    """The exit code that a severity deserves.

    Args:
        gravest: The gravest severity of what was found.
        fail_on: The least severity that counts.
    """
    grave = {
        FailOn.NEVER: (),
        FailOn.ERROR: ("error",),
        FailOn.WARNING: ("error", "warning"),
    }[fail_on]
    return ExitCode.FINDING if gravest in grave else ExitCode.HEALTHY

"""From a verb's result to what a person sees: printed once, as a page if asked, as an exit code."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nndiag.cli.options import FAILING
from nndiag.cli.streams import emit, emit_text, remark
from nndiag.errors import ELSEWHERE, ExitCode

if TYPE_CHECKING:
    from nndiag.finding import Severity
    from nndiag.verbs.result import Result


def answer(
    result: "Result",
    *,
    json: bool,
    quiet: bool = False,
    html: Path | None = None,
    fail_on: str = "never",
    output_format: str = "text",
    plots: bool = False,
) -> None:
    """Print a result, draw it and write its page where asked, and end with its exit code.

    Args:
        result: What a verb returned.
        json: Whether to print the JSON object.
        quiet: Whether to print the verdict alone.
        html: Where to write the page.
        fail_on: The least severity that makes the exit code 1.
        output_format: "text" for a person, or the name of another tool's.
        plots: Whether to draw into the run's folder, after the report: nobody waits for pictures.

    Raises:
        Exit: There is a finding that counts, or Ctrl-C cut it short.
        RunError: The page cannot be written.
    """
    if json:
        from nndiag.plain import json_text  # noqa: PLC0415 (NumPy costs 100 ms)

        emit_text(json_text(result.to_dict()))
    elif output_format != "text":
        from nndiag.report.formats import FORMATS  # noqa: PLC0415 (only where asked for)

        emit_text(FORMATS[output_format](result.marks()))
    elif quiet:
        emit_text(f"{result.line()}\n")
    else:
        emit(result.__rich__())
    if plots:
        result.draw()
    if html is not None:
        _write_page(result, html)
    for words in () if quiet else result.remarks():
        remark(words)
    code = exit_code(result.gravest(), fail_on=fail_on)
    raise click.exceptions.Exit(ExitCode.INTERRUPTED if result.cut_short() else code)


def exit_code(gravest: "Severity | None", *, fail_on: str) -> ExitCode:
    """The exit code that a severity deserves.

    Args:
        gravest: The gravest severity of what was found.
        fail_on: The least severity that counts, as `--fail-on` has it.
    """
    return ExitCode.FINDING if gravest in FAILING[fail_on] else ExitCode.HEALTHY


def _write_page(result: "Result", path: Path) -> None:
    from nndiag.trace.run_folder import write_file  # noqa: PLC0415

    write_file(path, result.page().encode("utf-8", "replace"), hint=f"{ELSEWHERE} --html FILE")

"""The commands put together, and what happens at their edge: errors, Ctrl-C, exit codes."""

import functools
import importlib
import os
import pkgutil
import tempfile
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from nndiag.cli import commands
from nndiag.cli.command import COMMANDS, RANKS
from nndiag.cli.streams import (
    complain,
    leave_quietly,
    spell_out_what_cannot_be_encoded,
    warnings_are_told,
)
from nndiag.cli.version import show_version
from nndiag.errors import ExitCode, NndiagError
from nndiag.verbs.target import Kind, kind_of

_USAGE_ERROR = typer.BadParameter.__mro__[1]  # click's, wherever this version of typer has it

app = typer.Typer(
    name="nndiag",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # its help costs as much time as everything else together
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _interruptible(function: Callable[..., Any]) -> Callable[..., Any]:
    """The command, ending with its own exit code on Ctrl-C; older versions of click end with 1."""

    @functools.wraps(function)
    def command(*arguments: Any, **options: Any) -> Any:
        try:
            return function(*arguments, **options)
        except KeyboardInterrupt as stopped:
            if stopped.args:
                complain(str(stopped))
            raise typer.Exit(ExitCode.INTERRUPTED) from None

    return command


for _module in pkgutil.iter_modules(commands.__path__, f"{commands.__name__}."):
    importlib.import_module(_module.name)
for _name in sorted(COMMANDS, key=lambda name: (RANKS[name], name)):
    app.command(_name)(_interruptible(COMMANDS[_name]))


@app.callback()
def _nndiag(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            "-V",
            help="Show the version, and those of what it runs on.",
            callback=show_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    """Why does this small neural network not train, and what exactly would make it train?"""


_VERBS = {
    Kind.CONFIG: "train",
    Kind.PROGRAM: "train",
    Kind.LOG: "diagnose",
    Kind.RUN: "diagnose",
}
"""What is done with a file when no command is named: `nndiag FILE`."""


def with_verb(arguments: Sequence[str]) -> list[str]:
    """The arguments, with the command that a file in the place of one stands for."""
    first = arguments[0] if arguments else "-"
    if first == "help":
        return [*arguments[1:2], "--help"]
    if first == "version":
        return ["--version"]
    kind = None if first in COMMANDS or first.startswith("-") else kind_of(first)
    return [*arguments] if kind is None else [_VERBS[kind], *arguments]


def run(arguments: Sequence[str]) -> int:
    """Run one command; the exit code of the process.

    What is wrong with the input is told once, on stderr, without a traceback. A failure of nndiag
    itself is told in a line, and its traceback is written to a file.
    """
    spell_out_what_cannot_be_encoded()
    warnings_are_told()
    try:
        ended = app(args=with_verb(arguments), prog_name="nndiag", standalone_mode=False)
        return ended if isinstance(ended, int) else int(ExitCode.HEALTHY)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ExitCode.HEALTHY)
    except KeyboardInterrupt:
        return int(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        leave_quietly()
        return int(ExitCode.HEALTHY)
    except Exception as error:
        return int(_told(error))


def _told(error: Exception) -> ExitCode:
    """The exit code of an error that has been told."""
    if _is_interrupt(error):
        return ExitCode.INTERRUPTED
    if isinstance(error, NndiagError):
        complain(error)
        return error.exit_code
    if isinstance(error, _USAGE_ERROR):
        _tell_usage(error)
        return ExitCode.USAGE
    _tell_unexpected(error)
    return ExitCode.UNEXPECTED


def _tell_usage(error: Any) -> None:
    """What is wrong with the arguments; the help where there are none."""
    message = error.format_message()
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        return
    place = getattr(error.ctx, "command_path", "nndiag")
    complain(f"{message[:1].lower()}{message[1:].rstrip('.')}\n  try: {place} --help")


def _is_interrupt(error: BaseException | None) -> bool:
    """Whether Ctrl-C is behind an error: Python and others wrap what is raised in their calls."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def _tell_unexpected(error: Exception) -> None:
    """A short message, and where the traceback is."""
    text = "".join(traceback.format_exception(error))
    summary = f"{type(error).__name__}: {error}".partition("\n")[0]
    if os.environ.get("NNDIAG_TRACEBACK", "0") not in {"", "0"}:
        complain(text)
        return
    try:
        handle, name = tempfile.mkstemp(prefix="nndiag-traceback-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
        where = f"the traceback is in {Path(name)}; "
    except OSError:
        where = ""
    complain(
        f"nndiag failed unexpectedly: {summary}\n"
        f"  this is a fault of nndiag, not of your input\n"
        f"  {where}NNDIAG_TRACEBACK=1 shows it here"
    )

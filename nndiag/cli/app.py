"""The commands put together, and what happens at their edge: errors, Ctrl-C, exit codes."""

import os
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from click.exceptions import NoArgsIsHelpError

from nndiag.cli.command import NAMES, command_of, ranked_names
from nndiag.cli.streams import (
    complain,
    emit_text,
    leave_quietly,
    remark,
    spell_out_what_cannot_be_encoded,
    warnings_are_told,
)
from nndiag.cli.version import show_version
from nndiag.errors import ConfigError, ExitCode, Location, NndiagError, Problem
from nndiag.registry import suggestion
from nndiag.verbs.target import Kind, kind_of


class Commands(click.Group):
    """All commands; each is imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names, as the help has them."""
        return ranked_names()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """The command of a name.

        Raises:
            UsageError: There is none; the message suggests one.
            ConfigError: It is a file of no kind that is known.
        """
        if cmd_name in NAMES:
            return command_of(cmd_name)
        if Path(cmd_name).exists():
            allowed = (
                ".py, .ipynb, .yaml, a folder of runs; logs: .csv, .tsv, .json, .jsonl, .txt, .log"
            )
            hint = f"nndiag diagnose {cmd_name}, if it is a log"
            place = Location(cmd_name)
            raise ConfigError(
                Problem("what this file is cannot be told", place, allowed=allowed, hint=hint)
            )
        hint = suggestion(cmd_name, NAMES) or ""
        raise click.UsageError(f"no such command {cmd_name!r}. {hint.capitalize()}".rstrip(), ctx)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; Ctrl-C ends it with its own exit code, where click would say 1."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stopped:
            remark(str(stopped) or "interrupted before there was a result; no file was changed")
            raise click.exceptions.Exit(ExitCode.INTERRUPTED) from None


def _show_completion(context: click.Context, parameter: click.Parameter, shell: str | None) -> None:
    """Print the script that makes a shell complete commands and names, and end."""
    if shell is None:
        return
    from click.shell_completion import get_completion_class  # noqa: PLC0415

    kind = get_completion_class(shell)
    assert kind is not None
    emit_text(kind(app, {}, "nndiag", "_NNDIAG_COMPLETE").source())
    context.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    "-V",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=show_version,
    help="Show the version, and those of what it runs on.",
)
@click.option(
    "--show-completion",
    type=click.Choice(["bash", "zsh", "fish"]),
    is_eager=True,
    expose_value=False,
    callback=_show_completion,
    help="Show what makes this shell complete commands and names.",
)
def app() -> None:
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
    kind = None if first in NAMES or first.startswith("-") else kind_of(first)
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
    if isinstance(error, click.UsageError):
        _tell_usage(error)
        return ExitCode.USAGE
    _tell_unexpected(error)
    return ExitCode.UNEXPECTED


def _tell_usage(error: click.UsageError) -> None:
    """What is wrong with the arguments; the help where there are none."""
    message = error.format_message()
    if isinstance(error, NoArgsIsHelpError):
        error.show()
        return
    place = "nndiag" if error.ctx is None else error.ctx.command_path
    complain(f"{message[:1].lower()}{message[1:].rstrip('.')}\n  try: {place} --help")


def _is_interrupt(error: BaseException | None) -> bool:
    """Whether Ctrl-C is behind an error: Python and others wrap what is raised in their calls."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:  # they may lead in a circle
        seen.append(error)
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

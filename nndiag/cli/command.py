"""What makes a function a command: it gets the options that all share, and its result is shown.

    @command("doctor")
    @config_argument
    def doctor(config: str, *, quiet: bool) -> "CheckupResult":

The function parses nothing and prints nothing: it calls a verb and returns its `Result`. Where it
has a parameter named like an option that all share, it is told that, too; where it has one named
`line`, that is the live line, open while it runs.
"""

import inspect
from collections.abc import Callable, Collection
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from nndiag.cli.answer import answer
from nndiag.cli.options import SHARED
from nndiag.errors import ELSEWHERE, refuse_unwritable

if TYPE_CHECKING:
    from nndiag.verbs.result import Result

NAMES = frozenset(
    path.stem.replace("_", "-")
    for path in (Path(__file__).parent / "commands").glob("*.py")
    if path.stem != "__init__"
)
"""All commands: each is in the file of its name."""

_COMMANDS: dict[str, tuple[int, click.Command]] = {}
_LAST = 99


def command(
    name: str, *, rank: int = _LAST, without: Collection[str] = ()
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator that makes a function a command.

    Args:
        name: What it is called on the command line.
        rank: Its place in the help; a command without a rank comes last.
        without: The shared options that mean nothing to it.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        own = inspect.signature(function).parameters
        shared = [option for option in SHARED if option not in without]

        def called(**given: Any) -> None:
            said = {option: given.pop(option) for option in shared}
            if said.get("html") is not None:
                refuse_unwritable(said["html"], hint=f"{ELSEWHERE} --html FILE")
            given |= {option: value for option, value in said.items() if option in own}
            result = _with_line(function, given, quiet=said.get("quiet", False), own=own)
            if result is not None:
                answer(result, plots=given.get("plots", False), **said)

        called.__doc__ = function.__doc__
        called.__click_params__ = []  # type: ignore[attr-defined]
        for option in reversed(shared):  # click takes decorators from the last one to the first
            called = SHARED[option](called)
        called.__click_params__ += getattr(function, "__click_params__", [])  # type: ignore[attr-defined]
        _COMMANDS[name] = (rank, click.command(name)(called))
        return function

    return decorate


def command_of(name: str) -> click.Command:
    """The command of one of `NAMES`; its file is imported now."""
    import_module(f"nndiag.cli.commands.{name.replace('-', '_')}")
    return _COMMANDS[name][1]


def ranked_names() -> list[str]:
    """All names as the help has them; all files are imported."""
    for name in NAMES:
        command_of(name)
    return sorted(_COMMANDS, key=lambda name: (_COMMANDS[name][0], name))


def _with_line(
    function: Callable[..., Any], given: dict[str, Any], *, quiet: bool, own: Collection[str]
) -> "Result | None":
    """The result of a command; what it is doing is told on the live line if it tells so."""
    if "line" not in own:
        return cast("Result | None", function(**given))
    from nndiag.cli.live_line import LiveLine  # noqa: PLC0415 (only where something takes time)

    with LiveLine(enabled=not quiet) as line:
        return cast("Result", function(**given, line=line))

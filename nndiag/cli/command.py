"""What makes a function a command: it gets the options that all share, and its result is shown.

    @command("doctor")
    def doctor(config: ConfigArgument, *, quiet: bool) -> "CheckupResult":

The function parses nothing and prints nothing: it calls a verb and returns its `Result`. Where it
has a parameter named like an option that all share, it is told that, too; where it has one named
`line`, that is the live line, open while it runs.
"""

import inspect
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, cast

from nndiag.cli.answer import answer
from nndiag.cli.options import FailOn, FailOnOption, HtmlOption, JsonOption, QuietOption

if TYPE_CHECKING:
    from nndiag.verbs.result import Result

COMMANDS: dict[str, Callable[..., Any]] = {}
"""Name → what typer makes a command of; complete once all modules of this package are imported."""

RANKS: dict[str, int] = {}
"""Name → its place in the help; a command without a rank comes last."""

_SHARED: dict[str, tuple[Any, Any]] = {
    "json": (JsonOption, False),
    "quiet": (QuietOption, False),
    "fail_on": (FailOnOption, FailOn.ERROR),
    "html": (HtmlOption, None),
}
"""Option that all commands share → its type for typer, and its default."""
_LAST = 99


def command(
    name: str, *, rank: int = _LAST, without: Collection[str] = ()
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator that makes a function a command.

    Args:
        name: What it is called on the command line.
        rank: Its place in the help.
        without: The shared options that mean nothing to it.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        own = inspect.signature(function).parameters
        shared = {option: kind for option, kind in _SHARED.items() if option not in without}

        def called(**given: Any) -> None:
            said = {option: given.pop(option) for option in shared}
            given |= {option: value for option, value in said.items() if option in own}
            result = _with_line(function, given, quiet=said.get("quiet", False), own=own)
            if result is not None:
                answer(result, plots=given.get("plots", False), **said)

        parameters = [
            *(one for option, one in own.items() if option not in {*_SHARED, "line"}),
            *(
                inspect.Parameter(
                    option, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind
                )
                for option, (kind, default) in shared.items()
            ),
        ]
        called.__name__, called.__doc__ = function.__name__, function.__doc__
        called.__annotations__ = {one.name: one.annotation for one in parameters}
        called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        COMMANDS[name], RANKS[name] = called, rank
        return function

    return decorate


def _with_line(
    function: Callable[..., Any], given: dict[str, Any], *, quiet: bool, own: Collection[str]
) -> "Result | None":
    """The result of a command; what it is doing is told on the live line if it tells so."""
    if "line" not in own:
        return cast("Result | None", function(**given))
    from nndiag.cli.live_line import LiveLine  # noqa: PLC0415 (only where something takes time)

    with LiveLine(enabled=not quiet) as line:
        return cast("Result", function(**given, line=line))

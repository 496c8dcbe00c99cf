"""`nndiag gradcheck CONFIG|PROGRAM`: is the gradient right, and if not, which bug is it?"""

from typing import TYPE_CHECKING, Annotated

import typer

from nndiag.cli.command import command
from nndiag.cli.options import OverridesArgument, PythonOption

if TYPE_CHECKING:
    from nndiag.cli.live_line import LiveLine
    from nndiag.verbs.gradcheck import NetworkCheckResult, ProgramCheckResult


@command("gradcheck", rank=3)
def gradcheck(
    target: Annotated[
        str,
        typer.Argument(
            metavar="CONFIG|PROGRAM",
            help="A config, or a program of your own: my_net.py, my_net.py:Network, my_net.ipynb. "
            "The program is run, with your rights, as far as its training loop.",
            show_default=False,
        ),
    ],
    overrides: OverridesArgument = None,
    *,
    write_fixed: Annotated[
        bool,
        typer.Option("--write-fixed", help="Write the mended program beside the original."),
    ] = False,
    seconds: Annotated[
        float, typer.Option("--seconds", min=0.1, help="Time for searches and experiments.")
    ] = 10.0,
    python: PythonOption = None,
    line: "LiveLine",
) -> "NetworkCheckResult | ProgramCheckResult":
    """Check a gradient, and name the bug if it is wrong."""
    from nndiag.verbs.gradcheck import gradcheck as checked  # noqa: PLC0415

    return checked(
        target,
        overrides or (),
        seconds=seconds,
        write_fixed=write_fixed,
        python=python,
        progress=lambda phase: line.say(f"{phase} …"),
    )

"""`nndiag gradcheck CONFIG|PROGRAM`: is the gradient right, and if not, which bug is it?"""

from typing import TYPE_CHECKING

import click

from nndiag.cli.command import command
from nndiag.cli.options import overrides_argument, python_option

if TYPE_CHECKING:
    from nndiag.cli.live_line import LiveLine
    from nndiag.verbs.gradcheck import NetworkCheckResult, ProgramCheckResult


@command("gradcheck", rank=3)
@click.argument(
    "target",
    metavar="CONFIG|PROGRAM",
    help="A config, or a program of your own: my_net.py, my_net.py:Network, my_net.ipynb. "
    "The program is run, with your rights, as far as its training loop.",
)
@overrides_argument
@click.option("--write-fixed", is_flag=True, help="Write the fixed program beside the original.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.1),
    default=20.0,
    show_default=True,
    help="Time for searches and experiments.",
)
@python_option
def gradcheck(
    target: str,
    overrides: tuple[str, ...],
    *,
    write_fixed: bool,
    seconds: float,
    python: str | None,
    line: "LiveLine",
) -> "NetworkCheckResult | ProgramCheckResult":
    """Check a gradient, and name the bug if it is wrong."""
    from nndiag.verbs.gradcheck import gradcheck as checked  # noqa: PLC0415

    return checked(
        target,
        overrides,
        seconds=seconds,
        write_fixed=write_fixed,
        python=python,
        progress=lambda phase: line.say(f"{phase} …"),
    )

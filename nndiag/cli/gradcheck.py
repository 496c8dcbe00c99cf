"""`nndiag gradcheck CONFIG|PROGRAM`: is the gradient right, and if not, which bug is it?"""

from typing import Annotated

import typer

from nndiag.cli.answer import answer
from nndiag.cli.options import (
    FailOn,
    FailOnOption,
    HtmlOption,
    JsonOption,
    OverridesArgument,
    PythonOption,
    QuietOption,
)


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
    json: JsonOption = False,
    quiet: QuietOption = False,
    fail_on: FailOnOption = FailOn.ERROR,
    html: HtmlOption = None,
) -> None:
    """Check a gradient, and name the bug if it is wrong."""
    from nndiag.cli.live_line import LiveLine  # noqa: PLC0415
    from nndiag.verbs.gradcheck import gradcheck as checked  # noqa: PLC0415

    with LiveLine(enabled=not quiet) as line:
        result = checked(
            target,
            overrides or (),
            seconds=seconds,
            write_fixed=write_fixed,
            python=python,
            progress=lambda phase: line.say(f"{phase} …"),
        )
    answer(result, json=json, quiet=quiet, html=html, fail_on=fail_on)

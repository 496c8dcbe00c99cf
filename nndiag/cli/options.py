"""Arguments and options that several commands share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from nndiag.cli.completion import problems


class FailOn(StrEnum):
    """The least severity of a finding that makes the exit code 1."""

    ERROR = "error"
    WARNING = "warning"
    NEVER = "never"


ConfigArgument = Annotated[
    Path, typer.Argument(metavar="CONFIG", help="The config, a YAML file.", show_default=False)
]
TrainedArgument = Annotated[
    str,
    typer.Argument(
        metavar="CONFIG|PROGRAM",
        help="A config, or a program of your own: my_net.py, my_net.py:Network, my_net.ipynb. "
        "The program is run, with your rights, to the end of its training.",
        show_default=False,
    ),
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
PythonOption = Annotated[
    str | None,
    typer.Option(
        "--python",
        metavar="PATH",
        help="The Python that runs a program: that of the active environment, or `python` on the "
        "path, if none is given.",
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

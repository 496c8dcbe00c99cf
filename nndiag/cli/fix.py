"""`nndiag fix CONFIG`: try the remedies, show which one cures the run, write the cured config."""

from typing import Annotated

import typer

from nndiag.cli.answer import answer
from nndiag.cli.options import (
    FailOn,
    FailOnOption,
    HtmlOption,
    IgnoreOption,
    JsonOption,
    OverridesArgument,
    PythonOption,
    QuietOption,
    SelectOption,
)
from nndiag.cli.train import TrainedArgument

SecondsOption = Annotated[
    float | None,
    typer.Option(
        "--seconds",
        min=0.0,
        help="Time for the trials. Default: no time, but the work of 16 trainings.",
        show_default=False,
    ),
]
WriteOption = Annotated[
    bool, typer.Option("--write/--no-write", help="Write the cured config beside the config.")
]


def fix(
    config: TrainedArgument,
    overrides: OverridesArgument = None,
    *,
    json: JsonOption = False,
    quiet: QuietOption = False,
    seconds: SecondsOption = None,
    write: WriteOption = True,
    fail_on: FailOnOption = FailOn.ERROR,
    ignore: IgnoreOption = None,
    select: SelectOption = None,
    python: PythonOption = None,
    html: HtmlOption = None,
) -> None:
    """Try remedies, and write the config, or the program, that is cured."""
    from nndiag.cli.live_line import LiveLine  # noqa: PLC0415
    from nndiag.verbs.fix import fix as cured  # noqa: PLC0415

    with LiveLine(enabled=not quiet) as line:
        result = cured(
            config,
            overrides or (),
            seconds=seconds,
            write=write,
            ignore=ignore,
            select=select,
            python=python,
            progress=line,
            notice=lambda text: line.say(f"trying: {text}"),
        )
    answer(result, json=json, quiet=quiet, html=html, fail_on=fail_on)

"""`nndiag fix CONFIG`: try the remedies, show which one cures the run, write the cured config."""

from typing import TYPE_CHECKING, Annotated

import typer

from nndiag.cli.command import command
from nndiag.cli.options import (
    IgnoreOption,
    OverridesArgument,
    PythonOption,
    SelectOption,
    TrainedArgument,
)

if TYPE_CHECKING:
    from nndiag.cli.live_line import LiveLine
    from nndiag.verbs.fix import FixResult
    from nndiag.verbs.fix_program import ProgramFixResult

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


@command("fix", rank=4)
def fix(
    config: TrainedArgument,
    overrides: OverridesArgument = None,
    *,
    seconds: SecondsOption = None,
    write: WriteOption = True,
    ignore: IgnoreOption = None,
    select: SelectOption = None,
    python: PythonOption = None,
    line: "LiveLine",
) -> "FixResult | ProgramFixResult":
    """Try remedies, and write the config, or the program, that is cured."""
    from nndiag.verbs.fix import fix as cured  # noqa: PLC0415

    return cured(
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

"""`nndiag grade 'submissions/*.py'`: many programs at once, one table."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nndiag.cli.command import command
from nndiag.cli.options import PATH, python_option, workers_option
from nndiag.errors import ELSEWHERE, refuse_unwritable

if TYPE_CHECKING:
    from nndiag.cli.live_line import LiveLine
    from nndiag.verbs.grade import GradeResult


@command("grade", rank=12)
@click.argument(
    "programs",
    metavar="PROGRAM...",
    nargs=-1,
    required=True,
    help="Programs, folders of them, or patterns in quotes: 'submissions/*.py'. Each is run, with "
    "your rights.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.1),
    default=60.0,
    show_default=True,
    help="Time for the training of each.",
)
@click.option(
    "--keep",
    metavar="FILE",
    type=PATH,
    default=Path("grades.jsonl"),
    show_default=True,
    help="Takes each grade as it comes; what it holds already is not run again.",
)
@click.option("--csv", metavar="FILE", type=PATH, help="Write the table as CSV too.")
@python_option
@workers_option
def grade(
    programs: tuple[str, ...],
    *,
    seconds: float,
    keep: Path,
    csv: Path | None,
    python: str | None,
    workers: str | None,
    line: "LiveLine",
) -> "GradeResult":
    """Check and train many programs: one table of all."""
    elsewhere = f"{ELSEWHERE} --csv FILE"
    if csv is not None:
        refuse_unwritable(csv, hint=elsewhere)
    from nndiag.verbs.grade import grade as graded  # noqa: PLC0415

    result = graded(
        *programs, seconds=seconds, keep=keep, python=python, workers=workers, progress=line.say
    )
    if csv is not None:
        from nndiag.trace.run_folder import write_file  # noqa: PLC0415

        write_file(csv, result.csv().encode(), hint=elsewhere)
    return result

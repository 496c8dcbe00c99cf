"""`nndiag init [FILE]`: a commented config to start from."""

import select
import shlex
import shutil
import sys
import textwrap
from pathlib import Path

import click

from nndiag.cli.command import command
from nndiag.cli.options import PATH
from nndiag.cli.streams import complain, emit_text

_LOOK = 0.05  # seconds between two looks whether Ctrl-C was pressed


@command("init", rank=10, without=("json", "quiet", "fail_on", "html", "output_format"))
@click.argument(
    "file",
    metavar="[FILE]",
    type=PATH,
    default=Path("experiment.yaml"),
    help="The config to write; experiment.yaml if none is given.",
)
@click.option(
    "--data",
    metavar="NAME|CSV",
    help="A CSV file, or a data set such as sine, logic_gate, circles. Asked for on a terminal; "
    "sine elsewhere.",
)
@click.option("--target", metavar="COLUMN", help="The column of the CSV file that is predicted.")
def init(file: Path, *, data: str | None, target: str | None) -> None:
    """Write a commented config to start from; nothing is overwritten."""
    from nndiag.verbs.init import free  # noqa: PLC0415
    from nndiag.verbs.init import init as written  # noqa: PLC0415

    free(file)  # before anything is asked
    path = written(file, data=data if data is not None else _asked(), target=target)
    emit_text(f"written {path}\nnext    nndiag doctor {shlex.quote(str(path))}\n")


def _asked() -> str:
    """Which data are wanted; asked on a terminal only."""
    from nndiag.verbs.init import DEFAULT_DATA  # noqa: PLC0415

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return DEFAULT_DATA
    from nndiag.errors import ConfigError  # noqa: PLC0415
    from nndiag.experiment.starter import SYNTHETIC  # noqa: PLC0415
    from nndiag.verbs.init import known  # noqa: PLC0415

    offered = f"data: {', '.join(SYNTHETIC)}, or the path of a CSV file"
    click.echo(textwrap.fill(offered, shutil.get_terminal_size().columns - 1), err=True)
    while True:
        click.echo(f"which [{DEFAULT_DATA}]: ", nl=False, err=True)
        wanted = _line() or DEFAULT_DATA
        try:
            return known(wanted)
        except ConfigError as error:  # it is asked again
            complain(error)


def _line() -> str:
    """The line that is typed.

    Ctrl-C right before a read begins would be seen only when the read has ended; so it is looked
    for while nothing is there to be read.

    Raises:
        KeyboardInterrupt: Ctrl-C, or the end of the input.
    """
    while sys.platform != "win32" and not select.select([sys.stdin], [], [], _LOOK)[0]:
        pass
    line = sys.stdin.readline()
    if not line:
        raise KeyboardInterrupt
    return line.strip()

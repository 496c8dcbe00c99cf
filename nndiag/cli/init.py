"""`nndiag init [FILE]`: a commented config to start from."""

import contextlib
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from nndiag.cli.streams import emit_text
from nndiag.errors import ConfigError, Location, Problem

_DEFAULT = "sine"


def init(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The config to write.", show_default=True)
    ] = Path("experiment.yaml"),
    *,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="NAME|CSV",
            help="A CSV file, or a data set such as sine, logic_gate, circles. Asked for on a "
            "terminal; sine elsewhere.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write a commented config to start from; nothing is overwritten."""
    from nndiag.experiment.starter import starter_config  # noqa: PLC0415

    if _is_there(file) and file.is_dir():
        file = file / "experiment.yaml"
    if _is_there(file):
        raise _taken(file)
    text = starter_config(_checked(data if data is not None else _asked()), file=file)
    _write(file, text)
    emit_text(f"written {file}\nnext    nndiag doctor {shlex.quote(str(file))}\n")


def _write(file: Path, text: str) -> None:
    """Create a file; one that has come into being meanwhile is left alone, too.

    Raises:
        ConfigError: It exists, or cannot be written.
    """
    place = Location(str(file))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(Problem("its folder cannot be made", place)) from error
    try:
        with file.open("x", encoding="utf-8", errors="replace") as opened:
            opened.write(text)
    except FileExistsError as error:
        raise _taken(file) from error
    except OSError as error:
        with contextlib.suppress(OSError):  # a disk that is full leaves a piece of it
            file.unlink()
        raise ConfigError(Problem(f"cannot be written: {error.strerror}", place)) from error


def _is_there(path: Path, *, is_file: bool = False) -> bool:
    try:
        return path.is_file() if is_file else path.exists()
    except OSError:  # a name that is too long
        return False


def _taken(file: Path) -> ConfigError:
    hint = "give another name: nndiag init my_network.yaml"
    problem = "exists already; nothing was written"
    return ConfigError(Problem(problem, Location(str(file)), hint=hint))


def _asked() -> str:
    """Which data are wanted; asked on a terminal only."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return _DEFAULT
    from nndiag.experiment.starter import SYNTHETIC  # noqa: PLC0415

    typer.echo(f"data: {', '.join(SYNTHETIC)}, or the path of a CSV file", err=True)
    try:
        answer: str = typer.prompt("which", default=_DEFAULT, err=True)
    except typer.Abort:
        raise KeyboardInterrupt from None
    return answer


def _checked(data: str) -> str:
    """A data set's name, or the path of a file that exists.

    Raises:
        ConfigError: It is neither.
    """
    from nndiag.experiment.starter import SYNTHETIC  # noqa: PLC0415
    from nndiag.registry import suggestion  # noqa: PLC0415

    if data in SYNTHETIC or _is_there(Path(data), is_file=True):
        return data
    raise ConfigError(
        Problem(
            f"{data!r} is neither a data set nor a file",
            allowed=f"a CSV file, {', '.join(SYNTHETIC)}",
            hint=suggestion(data, SYNTHETIC),
        )
    )

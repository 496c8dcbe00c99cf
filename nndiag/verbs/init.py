"""`init`: a commented config to start from."""

import contextlib
from pathlib import Path

from nndiag.errors import ELSEWHERE, ConfigError, Location, Problem, unwritable

DEFAULT_DATA = "sine"


def init(
    file: str | Path = "experiment.yaml", *, data: str = DEFAULT_DATA, target: str | None = None
) -> Path:
    """Write a commented config to start from; nothing is overwritten.

    Args:
        file: The config to write, or an existing folder to write it into.
        data: A CSV file, or the name of a synthetic data set.
        target: The column of a CSV file that is predicted; the last one by default.

    Returns:
        The file that was written.

    Raises:
        ConfigError: The file exists or cannot be written, or the data are not known.
    """
    from nndiag.experiment.starter import starter_config  # noqa: PLC0415 (only what is needed)

    file = free(file)
    text = starter_config(known(data), file=file, target=target)
    _write(file, text)
    return file


def free(file: str | Path) -> Path:
    """The file that a config would be written to.

    Raises:
        ConfigError: It exists.
    """
    file = Path(file)
    if _is_there(file) and file.is_dir():
        file = file / "experiment.yaml"
    if _is_there(file):
        raise _taken(file)
    return file


def _write(file: Path, text: str) -> None:
    """Create a file; one that has come into being meanwhile is left alone, too.

    Raises:
        ConfigError: It exists, or its folder cannot be made.
        RunError: It cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(Problem("its folder cannot be made", Location(str(file)))) from error
    try:
        with file.open("x", encoding="utf-8", errors="replace") as opened:
            opened.write(text)
    except FileExistsError as error:
        raise _taken(file) from error
    except OSError as error:
        with contextlib.suppress(OSError):  # a disk that is full leaves a piece of it
            file.unlink()
        raise unwritable(file, error, hint=f"{ELSEWHERE} nndiag init FILE") from error


def _is_there(path: Path, *, is_file: bool = False) -> bool:
    try:
        return path.is_file() if is_file else path.exists()
    except OSError:  # a name that is too long
        return False


def _taken(file: Path) -> ConfigError:
    hint = "give another name: nndiag init my_network.yaml"
    problem = "exists already; nothing was written"
    return ConfigError(Problem(problem, Location(str(file)), hint=hint))


def known(data: str) -> str:
    """A data set's name, or the path of a file that exists.

    Raises:
        ConfigError: It is neither.
    """
    from nndiag.experiment.starter import SYNTHETIC  # noqa: PLC0415 (only what is needed)
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

"""The bytes of a data file, or what is wrong with the file."""

from pathlib import Path

from nndiag.errors import DataError, Location, Problem
from nndiag.registry import suggestion

LARGEST_FILE = 200_000_000  # bytes


def content_of(path: Path) -> bytes:
    """All bytes of a file.

    Raises:
        DataError: There is no such file, it cannot be read, or it is too large.
    """
    place = Location(str(path))
    try:
        if path.exists() and not path.is_file():
            raise DataError(Problem("not a file", place))
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise DataError(too_large("the file is too large", path, size))
        return path.read_bytes()
    except FileNotFoundError as error:
        names = [other.name for other in path.parent.glob("*") if other.is_file()]
        hint = suggestion(path.name, names)
        raise DataError(Problem("no such file", place, hint=hint)) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(Problem(f"cannot read the file: {reason.lower()}", place)) from error


def too_large(message: str, path: Path, size: int) -> Problem:
    """The problem of a file of `size` bytes."""
    allowed = f"up to {LARGEST_FILE:,} bytes"
    return Problem(message, Location(str(path)), f"{size:,} bytes", allowed)

"""The bytes and the text of a file, or what is wrong with the file."""

import re
from pathlib import Path

from nndiag.errors import DataError, Location, Problem, similar_path

LARGEST_FILE = 256 * 2**20
"""Bytes; a larger file is refused unread."""

_NO_TEXT = re.compile(rb"[\x00-\x07\x0e-\x1a\x1c-\x1f\x7f\x81\x8d\x8f\x90\x9d]")
_BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


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
        raise DataError(Problem("no such file", place, hint=similar_path(path))) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(Problem(f"cannot read the file: {reason.lower()}", place)) from error


def text_of(path: Path) -> str:
    """The text of a file, without a byte order mark; in Windows' old encoding where in no other.

    Raises:
        DataError: As `content_of`; or it is not text.
    """
    content = content_of(path)
    encoding = next(
        (name for mark, name in _BYTE_ORDER_MARKS.items() if content.startswith(mark)), "utf-8"
    )
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding == "utf-8" and _NO_TEXT.search(content) is None:
            return content.decode("cp1252")
        place = Location(str(path), content[: error.start].count(b"\n") + 1)
        hint = "save it as text in UTF-8"
        raise DataError(Problem("the file is not UTF-8 text", place, hint=hint)) from error


def too_large(message: str, path: Path, size: int) -> Problem:
    """The problem of a file of `size` bytes."""
    allowed = f"up to {LARGEST_FILE:,} bytes"
    return Problem(message, Location(str(path)), f"{size:,} bytes", allowed)

"""Arrays in a NumPy archive that anybody may have written: nothing is executed, sizes are bounded.

May import `errors` only; whoever reads an archive says what its damage means.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

# What zipfile and NumPy raise at a damaged archive: each of them was met in fuzzing.
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    OSError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    RuntimeError,  # an encrypted member; NotImplementedError is one: a later format
    MemoryError,
    SyntaxError,
)


class ArchiveError(Exception):
    """An archive that cannot be read.

    Args:
        reason: What is wrong with it, in a line.
        size: Bytes that it would unpack to, where that is too much; else None.
    """

    def __init__(self, reason: str, *, size: int | None = None) -> None:
        super().__init__(reason)
        self.size = size


def names_in(content: bytes, *, largest: int) -> tuple[str, ...]:
    """Names of the arrays in an archive; none is read.

    Args:
        content: The archive.
        largest: Bytes that it may unpack to.

    Raises:
        ArchiveError: It is no archive, or larger.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
    except _DAMAGED as error:
        raise ArchiveError(_reason(error)) from error
    size = sum(member.file_size for member in members)
    if size > largest:
        raise ArchiveError("larger than allowed", size=size)
    return tuple(member.filename.removesuffix(".npy") for member in members)


def arrays_in(content: bytes, names: Iterable[str]) -> dict[str, NDArray[Any]]:
    """Some arrays of an archive whose size `names_in` has checked.

    Raises:
        ArchiveError: One is damaged, or holds objects: they could run code.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return {name: archive[name] for name in names}
    except _DAMAGED as error:
        raise ArchiveError(_reason(error)) from error


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__

"""Frames: plain data as bytes, as they pass between nndiag and the child.

Plain data are None, bool, int, float, str, lists, dicts with words for keys, and numpy arrays of
numbers. A frame is two lengths, JSON, and the bytes of its arrays. Nothing that is read is run.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

_LENGTHS = struct.Struct(">QQ")
_ARRAY = "__array__"
_KINDS = "biuf"


def write_frame(stream: BinaryIO, data: object) -> None:
    """Write plain data as one frame.

    Raises:
        TypeError: Something in it is not plain.
    """
    arrays: list[np.ndarray[Any, Any]] = []
    text = json.dumps(_without_arrays(data, arrays)).encode()
    blocks = [np.ascontiguousarray(array).tobytes() for array in arrays]
    stream.write(_LENGTHS.pack(len(text), sum(map(len, blocks))))
    stream.write(b"".join([text, *blocks]))
    stream.flush()


def read_frame(stream: BinaryIO) -> Any:
    """The data of the next frame.

    Raises:
        EOFError: The stream ends before, or within, the frame.
    """
    size, rest = _LENGTHS.unpack(_read(stream, _LENGTHS.size))
    data = json.loads(_read(stream, size))
    return _with_arrays(data, memoryview(_read(stream, rest)))


def _read(stream: BinaryIO, size: int) -> bytes:
    parts = []
    while size > 0:
        part = stream.read(size)
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _without_arrays(data: Any, arrays: list[np.ndarray[Any, Any]]) -> Any:
    """The data with a description in the place of each array, which is put in the list."""
    if data is None or isinstance(data, (bool, int, float, str)):
        return data
    if isinstance(data, Mapping):
        for key in data:
            if not isinstance(key, str):
                raise TypeError(f"a key that is no word: {key!r}")
        return {key: _without_arrays(value, arrays) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_without_arrays(item, arrays) for item in data]
    if isinstance(data, np.generic):
        return data.item()
    if isinstance(data, np.ndarray) and data.dtype.kind in _KINDS:
        if data.dtype.itemsize > np.dtype(np.float64).itemsize:  # a long double is not portable
            data = data.astype(np.float64)
        data = data.astype(data.dtype.newbyteorder("<"), copy=False)
        offset = sum(array.nbytes for array in arrays)
        arrays.append(data)
        return {_ARRAY: [data.dtype.str, list(data.shape), offset]}
    raise TypeError(f"not plain data: {type(data).__name__}")


def _with_arrays(data: Any, block: memoryview) -> Any:
    if isinstance(data, list):
        return [_with_arrays(item, block) for item in data]
    if not isinstance(data, dict):
        return data
    if data.keys() == {_ARRAY}:
        kind, shape, offset = data[_ARRAY]
        count = int(np.prod(shape))
        return np.frombuffer(block, kind, count=count, offset=offset).reshape(shape).copy()
    return {key: _with_arrays(value, block) for key, value in data.items()}

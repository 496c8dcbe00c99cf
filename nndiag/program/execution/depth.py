"""How deep functions may call each other: a program's as anywhere, nndiag's as trees are deep."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

_OF_PROGRAM = 1000  # Python's default
_OF_TREES = 20_000


@contextlib.contextmanager
def depth_of_program() -> Iterator[None]:
    """Let what is inside call as deep as a program may: an endless recursion ends soon."""
    frame, depth = sys._getframe(), 0
    while frame.f_back is not None:
        frame, depth = frame.f_back, depth + 1
    with _limited(depth + _OF_PROGRAM):
        yield


@contextlib.contextmanager
def depth_of_trees() -> Iterator[None]:
    """Let what is inside walk through the syntax tree of a sum of a thousand terms."""
    with _limited(_OF_TREES):
        yield


@contextlib.contextmanager
def _limited(limit: int) -> Iterator[None]:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(limit)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)

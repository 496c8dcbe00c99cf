"""Linux's own lock on the disk: nothing can be written but in some folders, whoever tries.

Source: the kernel's user-space API guide, "Landlock: unprivileged access control".
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Iterable

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # system calls, the same on all machines
_VERSION_FLAG = 1
_RULE_BENEATH = 1
_NO_NEW_PRIVILEGES = 38
_WRITE_FILE = 1 << 1
_CHANGES = _WRITE_FILE | sum(1 << bit for bit in range(4, 13))  # remove and make, of all kinds
_RENAME_ACROSS, _TRUNCATE = 1 << 13, 1 << 14  # since versions 2 and 3
_SIGNALS = 1 << 1  # a scope, since version 6
_OF_FILES = _WRITE_FILE | _TRUNCATE
_DEVICES = ("null", "tty", "zero", "full", "shm")


def lock_disk(writable: Iterable[str]) -> bool:
    """Let this thread, and all that it starts, write in some folders only; whether that holds.

    Args:
        writable: The folders.
    """
    if not sys.platform.startswith("linux"):
        return False
    library = ctypes.CDLL(None, use_errno=True)
    version = library.syscall(_CREATE, None, 0, _VERSION_FLAG)
    if version < 1:
        return False
    rights = _CHANGES
    rights |= _RENAME_ACROSS if version >= 2 else 0
    rights |= _TRUNCATE if version >= 3 else 0
    scoped = _SIGNALS if version >= 6 else 0
    attributes = struct.pack("=QQQ", rights, 0, scoped)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    rules = library.syscall(_CREATE, attributes, size, 0)
    if rules < 0:
        return False
    try:
        for path in (*writable, *(f"/dev/{name}" for name in _DEVICES)):
            _allow(library, rules, path, rights)
        library.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        return bool(library.syscall(_RESTRICT, rules, 0) == 0)
    finally:
        os.close(rules)


def _allow(library: ctypes.CDLL, rules: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, getattr(os, "O_PATH", 0) | os.O_CLOEXEC)
    except OSError:
        return
    allowed = rights if os.path.isdir(path) else rights & _OF_FILES  # noqa: PTH112
    library.syscall(_ADD, rules, _RULE_BENEATH, struct.pack("=Qi", allowed, place), 0)
    os.close(place)

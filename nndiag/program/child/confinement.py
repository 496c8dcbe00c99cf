"""A program changes nothing on the disk: three walls, one behind the other.

What it writes with Python's own functions goes to private files, and it finds it there. An audit
hook refuses what comes past these functions. On Linux the kernel refuses all the rest.
"""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from nndiag.program.child import endings
from nndiag.program.child.landlock import lock_disk
from nndiag.program.execution import file_functions, private_files, processes
from nndiag.program.execution.late import change_when_imported
from nndiag.program.execution.private_files import PrivateFiles
from nndiag.program.execution.replacing import replace_everywhere

_LARGEST_FILE = 4 * 2**30  # bytes
_PATHS = {
    **dict.fromkeys(("os.remove", "os.rmdir", "os.mkdir", "os.chmod", "os.chown", "os.utime"), 1),
    **dict.fromkeys(("os.truncate", "os.chflags", "os.setxattr", "os.removexattr"), 1),
    **dict.fromkeys(("os.rename", "os.link", "os.symlink"), 2),
    "sqlite3.connect": 1,
}
"""Events that change files, and how many of their arguments are paths."""
_PROCESSES = frozenset(("os.system", "os.posix_spawn", "os.spawn", "os.startfile"))
_LIBRARY_CALLS = """
    unlink unlinkat remove rename renameat renameat2 rmdir mkdir mkdirat open open64 openat creat
    fopen fopen64 truncate link linkat symlink symlinkat mknod mkfifo system popen execv execve
    execvp fork vfork posix_spawn syscall
"""
_METADATA_CALLS = """
    chmod fchmod fchmodat lchmod chown fchown lchown fchownat utime utimes futimes lutimes futimens
    utimensat setxattr lsetxattr fsetxattr
"""
"""Functions of the C library that no kernel's lock refuses."""


def confine(folder: str, *, faults: int, kept: Iterable[int]) -> None:
    """From now on let this process change nothing but one folder.

    Args:
        folder: The folder.
        faults: The descriptor that tells how the process ended.
        kept: Descriptors that a program does not close.
    """
    files = PrivateFiles(folder)
    files.forget()
    private_files.active.append(files)
    _limit_resources()
    sys.dont_write_bytecode = True
    replaced = {
        **endings.replacements(faults, kept),
        **processes.replacements(),
        **file_functions.replacements(files),
    }
    for supported in (os.supports_dir_fd, os.supports_follow_symlinks, os.supports_fd):
        supported.update([new for old, new in replaced.items() if old in supported])
    replace_everywhere(replaced)
    if "shutil" in sys.modules:  # which else removes trees by descriptors
        sys.modules["shutil"]._use_fd_functions = False  # type: ignore[attr-defined]
    change_when_imported({**processes.late_changes(), **_databases(files)})
    is_locked = lock_disk([files.folder])
    sys.addaudithook(_Guard(files, faults, is_locked=is_locked))


def _limit_resources() -> None:
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return
    for limit, value in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, _LARGEST_FILE)):
        _, hard = resource.getrlimit(limit)
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (most, hard))


def _databases(files: PrivateFiles) -> Mapping[str, Callable[[types.ModuleType], None]]:
    """What is done with modules whose libraries open files themselves."""

    def changed(name: str, endings: tuple[str, ...] = ("",)) -> Callable[[types.ModuleType], None]:
        def change(module: types.ModuleType) -> None:
            original = getattr(module, name)

            def opened(path: Any, *rest: Any, **options: Any) -> Any:
                with files.direct():
                    if isinstance(path, (str, bytes, os.PathLike)) and not _is_no_file(path):
                        places = [
                            files.place_to_write(files.name(os.fsdecode(path) + end), keep=True)
                            for end in endings
                        ]
                        path = places[0]
                    return original(path, *rest, **options)

            replace_everywhere({original: opened})
            setattr(module, name, opened)

        return change

    return {
        "_sqlite3": changed("connect", ("", "-journal", "-wal")),
        "_gdbm": changed("open"),
        "_dbm": changed("open", ("", ".db", ".dir", ".pag")),
        "socket": lambda module: _change_sockets(module, files),
        "numpy.lib._datasource": _change_openers,
    }


def _is_no_file(path: Any) -> bool:
    """Whether a database is kept in memory, or named by an address."""
    text = os.fsdecode(path)
    return text in {"", ":memory:"} or text.startswith("file:")


def _change_openers(module: types.ModuleType) -> None:
    """Put `open` into the table in which numpy keeps it."""
    vars(module)["_file_openers"]._file_openers[None] = open


def _change_sockets(module: types.ModuleType, files: PrivateFiles) -> None:
    """A socket with a name on the disk gets one in the private folder."""
    kind = module.socket
    original = kind.bind

    def bind(self: Any, address: Any) -> Any:
        if isinstance(address, (str, bytes)) and not os.fsencode(address).startswith(b"\0"):
            with files.direct():
                place = files.place_to_write(files.name(address), keep=False)
                here = os.getcwd()  # noqa: PTH109
                os.chdir(os.path.dirname(place))  # noqa: PTH120 - such names are short
                try:
                    return original(self, os.path.basename(place))  # noqa: PTH119
                finally:
                    os.chdir(here)
        return original(self, address)

    kind.bind = bind


class _Guard:
    """Refuses events that would change the disk, start a program, or end this one unheard."""

    def __init__(self, files: PrivateFiles, faults: int, *, is_locked: bool) -> None:
        self._files, self._faults = files, faults
        self._process, self._exit = os.getpid(), os._exit
        calls = frozenset((_METADATA_CALLS + ("" if is_locked else _LIBRARY_CALLS)).split())
        refusals: dict[str, Callable[[tuple[Any, ...]], bool]] = {
            "open": lambda arguments: (
                bool(isinstance(arguments[2], int) and arguments[2] & file_functions.WRITING)
                and not files.is_free(arguments[0])
            ),
            "socket.bind": lambda arguments: isinstance(arguments[1], (str, bytes)),
            "ctypes.dlsym": lambda arguments: arguments[1] in calls,
            "os.exec": self._is_exec_refused,
        }
        for event in _PROCESSES:
            refusals[event] = lambda _: True
        for event, count in _PATHS.items():
            refusals[event] = (
                lambda arguments, count=count: (
                    not all(  # type: ignore[misc]
                        files.is_free(path) for path in arguments[:count]
                    )
                )
            )
        self._refusals = refusals

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        is_refused = self._refusals.get(event)
        if is_refused is None or self._files.is_direct:
            return
        with self._files.direct():
            refused = is_refused(arguments)
        if refused:
            raise PermissionError(f"nndiag lets a program change nothing: {event}")

    def _is_exec_refused(self, arguments: tuple[Any, ...]) -> bool:
        """A program that would become another one has ended; a copy of it has ended well."""
        if os.getpid() == self._process:
            endings.tell_end(self._faults, f"os.exec of {arguments[0]}")
        self._exit(0)
        return True

"""The functions of Python that touch files, on a program's private files.

Each does what the original does, with the place of a name instead of the name itself.
"""

from __future__ import annotations

import errno
import functools
import io
import os
import types
from collections.abc import Callable, Iterator
from typing import Any

from nndiag.program.execution.private_files import PrivateFiles

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
"""Flags of `os.open` with which a file may be changed."""

_READ = ("stat", "access", "statvfs", "getxattr", "listxattr", "pathconf")
_READ_LINK = ("lstat", "readlink")
_CHANGE = ("chmod", "chown", "utime", "truncate", "setxattr", "removexattr", "chflags")
_CHANGE_LINK = ("lchmod", "lchown", "lchflags")
_CHANGE_OPEN = ("fchmod", "fchown")
_MAKE = ("mkdir", "mkfifo", "mknod")
_ASKED_DIRECTLY = ("exists", "lexists", "isdir", "isfile", "islink")

Function = Callable[..., Any]


def replacements(files: PrivateFiles) -> dict[Any, Function]:
    """What stands for the functions of `os` and `io`, by the function."""
    own = _Functions(files)
    found: dict[Any, Function] = {}

    def put(names: tuple[str, ...], make: Callable[[Function], Function], home: Any = os) -> None:
        for name in names:
            original = getattr(home, name, None)
            if original is not None:
                found[original] = own.guarded(original, make(original))

    put(_READ, own.reading)
    put(_READ_LINK, functools.partial(own.reading, follow=False))
    put(_CHANGE, own.changing)
    put(_CHANGE_LINK, functools.partial(own.changing, follow=False))
    put(_CHANGE_OPEN, own.changing)
    put(_MAKE, own.making)
    put(("remove", "unlink"), own.removing)
    put(("rmdir",), own.removing_folder)
    put(("rename", "replace"), own.renaming)
    put(("link",), own.linking)
    put(("symlink",), own.pointing)
    put(("listdir",), own.listing)
    put(("scandir",), own.scanning)
    put(("chdir",), own.entering)
    put(("getcwd",), own.telling_folder)
    put(("open",), own.opening_descriptor)
    put(("open",), own.opening, io)
    built_in = [name for name in _ASKED_DIRECTLY if _is_built_in(getattr(os.path, name))]
    put(tuple(built_in), own.reading, os.path)
    found[io.FileIO] = own.file_class()
    return found


def _is_built_in(function: Any) -> bool:
    return isinstance(function, types.BuiltinFunctionType)


class _Functions:
    """Makes the functions that stand for others."""

    def __init__(self, files: PrivateFiles) -> None:
        self.files = files

    def guarded(self, original: Function, function: Function) -> Function:
        """The function for the program, the original for what it is made of."""

        @functools.wraps(original)
        def called(*arguments: Any, **options: Any) -> Any:
            if self.files.is_direct or not _is_path(arguments):
                return original(*arguments, **options)
            plain = [os.fspath(a) if hasattr(a, "__fspath__") else a for a in arguments]
            with self.files.direct():
                return function(*plain, **options)

        return called

    def reading(self, original: Function, *, follow: bool = True) -> Function:
        def read(path: Any, *rest: Any, dir_fd: int | None = None, **options: Any) -> Any:
            if isinstance(path, int):
                return original(path, *rest, **options)
            through = follow and options.get("follow_symlinks", True)
            name = self.files.name(path, folder=dir_fd, follow=through)
            return _like(path, original, self.files.place(name), *rest, **options)

        return read

    def changing(self, original: Function, *, follow: bool = True) -> Function:
        def change(path: Any, *rest: Any, dir_fd: int | None = None, **options: Any) -> Any:
            if isinstance(path, int):
                name = os.readlink(f"/proc/self/fd/{path}")
                return original(path, *rest, **options) if self.files.is_free(name) else None
            through = follow and options.get("follow_symlinks", True)
            name = self.files.name(path, folder=dir_fd, follow=through)
            self._demand(name, path)
            return original(self.files.place_to_write(name, keep=True), *rest, **options)

        return change

    def making(self, original: Function) -> Function:
        def make(path: Any, *rest: Any, dir_fd: int | None = None, **options: Any) -> Any:
            name = self.files.name(path, folder=dir_fd, follow=False)
            if self._check(name, path, new=True):
                return None
            return original(self.files.place_to_write(name, keep=False), *rest, **options)

        return make

    def removing(self, original: Function) -> Function:
        def remove(path: Any, *, dir_fd: int | None = None) -> None:
            name = self.files.name(path, folder=dir_fd, follow=False)
            if not self._demand(name, path):
                return
            place = self.files.place(name)
            if os.path.isdir(place) and not os.path.islink(place):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
            if self.files.is_free(name):
                original(name)
            else:
                self.files.remove(name)

        return remove

    def removing_folder(self, original: Function) -> Function:
        def remove(path: Any, *, dir_fd: int | None = None) -> None:
            name = self.files.name(path, folder=dir_fd, follow=False)
            if not self._demand(name, path):
                return
            if self.files.is_free(name):
                original(name)
                return
            if self.files.entries(name):
                raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), path)
            self.files.remove(name)

        return remove

    def renaming(self, original: Function) -> Function:
        def rename(
            src: Any, dst: Any, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None
        ) -> None:
            old = self.files.name(src, folder=src_dir_fd, follow=False)
            new = self.files.name(dst, folder=dst_dir_fd, follow=False)
            if not self._demand(old, src):
                return
            place = self.files.copy_whole(old)
            target = self.files.place_to_write(new, keep=False)
            original(place, target)
            if not self.files.is_free(old):
                self.files.remove(old)

        return rename

    def linking(self, _original: Function) -> Function:
        """A hard link is a copy: the program has one name for each file of its own."""

        def link(src: Any, dst: Any, **_: Any) -> None:
            import shutil  # noqa: PLC0415 - as rarely as there are links

            old, new = self.files.name(src), self.files.name(dst, follow=False)
            if not self._demand(old, src) or self._check(new, dst, new=True):
                return
            place = self.files.place_to_write(new, keep=False)
            shutil.copy2(self.files.place(old), place)

        return link

    def pointing(self, original: Function) -> Function:
        def symlink(src: Any, dst: Any, *rest: Any, dir_fd: int | None = None, **_: Any) -> None:
            name = self.files.name(dst, folder=dir_fd, follow=False)
            if self._check(name, dst, new=True):
                return
            target = os.path.join(os.path.dirname(name), os.fsdecode(src))
            target = self.files.place(self.files.name(target))
            original(target, self.files.place_to_write(name, keep=False), *rest)

        return symlink

    def listing(self, original: Function) -> Function:
        def names(path: Any = ".") -> Any:
            if isinstance(path, int):
                return original(path)
            name = self.files.name(path)
            if not self.files.is_changed(name):
                return original(path)
            found = self.files.entries(name)
            return [os.fsencode(item) for item in found] if isinstance(path, bytes) else found

        return names

    def scanning(self, original: Function) -> Function:
        def scan(path: Any = ".") -> Any:
            if isinstance(path, int):
                return original(path)
            name = self.files.name(path)
            if not self.files.is_changed(name):
                return original(path)
            return _Scan([_Entry(os.fsdecode(path), item) for item in self.files.entries(name)])

        return scan

    def entering(self, original: Function) -> Function:
        def enter(path: Any) -> None:
            if isinstance(path, int):
                original(path)
                return
            name = self.files.name(path)
            place = self.files.place(name)
            on_disk = os.path.isdir(name) and not self.files.is_gone(name)
            original(name if on_disk else place)

        return enter

    def telling_folder(self, original: Function) -> Function:
        def folder() -> str:
            return self.files.name(original())

        return folder

    def opening_descriptor(self, original: Function) -> Function:
        def opened(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> Any:
            follow = not flags & getattr(os, "O_NOFOLLOW", 0)
            name = self.files.name(path, folder=dir_fd, follow=follow)
            if not flags & WRITING:
                return original(self.files.place(name), flags, mode)
            if self._check(name, path, new=bool(flags & os.O_CREAT and flags & os.O_EXCL)):
                flags &= ~os.O_EXCL
            if not flags & os.O_CREAT:
                self._demand(name, path)
            keep = not (flags & os.O_TRUNC and flags & os.O_CREAT)
            return original(self.files.place_to_write(name, keep=keep), flags, mode)

        return opened

    def opening(self, original: Function) -> Function:
        def opened(file: Any, mode: str = "r", *rest: Any, **options: Any) -> Any:
            opener = options.pop("opener", None)
            if opener is not None and not isinstance(file, int):
                with self.files.not_direct():
                    return original(opener(file, _flags(mode)), mode, *rest, **options)
            place = None if isinstance(file, int) else self._place(file, mode)
            if place is not None:
                options["opener"] = lambda _, flags: os.open(place, flags, 0o666)
            return original(file, mode, *rest, **options)

        return opened

    def _place(self, file: Any, mode: Any) -> str | None:
        """Where a file is opened; None where that is as it is named."""
        name = self.files.name(file)
        if not isinstance(mode, str) or not set(mode) & set("wax+"):
            place = self.files.place(name)
            return None if os.path.realpath(file) == place else place
        if self._check(name, file, new="x" in mode):
            self.files.remove(name)
        if "r" in mode:
            self._demand(name, file)
        return self.files.place_to_write(name, keep="w" not in mode)

    def file_class(self) -> Any:
        """The class that stands for `io.FileIO`."""
        original, functions = io.FileIO, self

        class Kind(type):
            def __instancecheck__(cls, item: Any) -> bool:
                return isinstance(item, original)

        class FileIO(original, metaclass=Kind):  # type: ignore[misc, valid-type]
            __doc__ = original.__doc__

            def __init__(
                self, file: Any, mode: str = "r", closefd: bool = True, opener: Any = None
            ) -> None:
                if isinstance(file, int) or opener is not None or functions.files.is_direct:
                    super().__init__(file, mode, closefd, opener)
                    return
                with functions.files.direct():
                    place = functions._place(os.fspath(file), mode)
                    super().__init__(file if place is None else place, mode, closefd)

        return FileIO

    def _check(self, name: str, path: Any, *, new: bool) -> bool:
        """Whether a repeated iteration finds what it has made itself.

        Raises:
            FileExistsError: What is to be new is there.
        """
        found = new and self.files.exists(name)
        if found and not self.files.is_repeating:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
        return found

    def _demand(self, name: str, path: Any) -> bool:
        """Whether a name is there; in a repeated iteration it may be gone.

        Raises:
            FileNotFoundError: It is not.
        """
        found = self.files.exists(name)
        if not found and not self.files.is_repeating:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return found


def _is_path(arguments: tuple[Any, ...]) -> bool:
    return not arguments or isinstance(arguments[0], (str, bytes, int, os.PathLike))


def _like(path: Any, original: Function, place: Any, *rest: Any, **options: Any) -> Any:
    """What the original says of a place, its errors with the path that was asked for."""
    try:
        return original(os.fsencode(place) if isinstance(path, bytes) else place, *rest, **options)
    except OSError as error:
        if error.filename is not None:
            error.filename = path
        raise


def _flags(mode: str) -> int:
    """What `open` hands to an opener."""
    kinds = {"r": 0, "w": os.O_CREAT | os.O_TRUNC, "a": os.O_CREAT | os.O_APPEND}
    first = next((letter for letter in mode if letter in kinds), "")
    flags = kinds.get(first, os.O_CREAT | os.O_EXCL)
    access = os.O_RDONLY if first == "r" else os.O_WRONLY
    return flags | (os.O_RDWR if "+" in mode else access) | getattr(os, "O_CLOEXEC", 0)


class _Entry:
    """What `os.scandir` gives, of a folder in which something was changed."""

    def __init__(self, folder: str, name: str) -> None:
        self.name = name
        self.path = name if folder == "." else os.path.join(folder, name)

    def __fspath__(self) -> str:
        return self.path

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        return os.path.isdir(self.path) and (follow_symlinks or not self.is_symlink())

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        return os.path.isfile(self.path) and (follow_symlinks or not self.is_symlink())

    def is_symlink(self) -> bool:
        return os.path.islink(self.path)

    def is_junction(self) -> bool:
        return False

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        return os.stat(self.path, follow_symlinks=follow_symlinks)

    def inode(self) -> int:
        return os.lstat(self.path).st_ino


class _Scan:
    """An iterator that can be closed."""

    def __init__(self, entries: list[_Entry]) -> None:
        self._entries = iter(entries)

    def __iter__(self) -> Iterator[_Entry]:
        return self._entries

    def __next__(self) -> _Entry:
        return next(self._entries)

    def __enter__(self) -> _Scan:
        return self

    def __exit__(self, *_: object) -> None: ...

    def close(self) -> None: ...

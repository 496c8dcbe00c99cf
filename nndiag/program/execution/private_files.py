"""The files as a program sees them: those on the disk, with its own changes over them.

What a program writes, creates or removes happens in a private folder, whose tree mirrors that of
the disk; the disk itself is read. A name is an absolute path as the program writes it; a place is
where its content really stands.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import threading
from collections.abc import Iterator
from typing import Any

_DEVICES = ("null", "tty", "zero", "full", "fd", "shm")
_NO_FILES = (*(f"/dev/{name}" for name in _DEVICES), "/proc/self/fd")


class PrivateFiles:
    """A program's own changes of the disk.

    Args:
        folder: Where they are kept; all of it belongs to the program, and is removed with it.
    """

    def __init__(self, folder: str) -> None:
        self.folder = os.path.realpath(folder)
        self._tree = os.path.join(self.folder, "files")
        self._gone: set[str] = set()
        self._start = os.getcwd()
        self.is_repeating = False
        self._thread = threading.local()

    @property
    def is_direct(self) -> bool:
        """Whether what this thread does now is done to the disk itself."""
        return bool(getattr(self._thread, "direct", False))

    def direct(self) -> contextlib.AbstractContextManager[None]:
        """Do what is inside to the disk itself."""
        return self._switched(direct=True)

    def not_direct(self) -> contextlib.AbstractContextManager[None]:
        """Do what is inside as the program does: it is a function of the program's."""
        return self._switched(direct=False)

    @contextlib.contextmanager
    def _switched(self, *, direct: bool) -> Iterator[None]:
        before = self.is_direct
        self._thread.direct = direct
        try:
            yield
        finally:
            self._thread.direct = before

    def forget(self) -> None:
        """Undo all changes, and go back to the folder that the program was started in."""
        with self.direct():
            self._gone.clear()
            shutil.rmtree(self._tree, ignore_errors=True)
            os.makedirs(self._tree, exist_ok=True)
            os.chdir(self._start)

    def name(self, path: Any, *, folder: int | None = None, follow: bool = True) -> str:
        """The name of a path.

        Args:
            path: A path, absolute or not.
            folder: Descriptor of the folder that a relative path starts from.
            follow: Whether a link stands for what it points to.
        """
        text = os.fsdecode(path)
        if folder is not None:
            text = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), text)
        text = self._as_named(os.path.abspath(text))
        parent, last = os.path.split(text)
        if not follow:
            return os.path.join(self._as_named(os.path.realpath(parent)), last)
        private = self._private(text)
        if os.path.islink(private):
            text = self._as_named(os.path.realpath(private))
        return self._as_named(os.path.realpath(text))

    def _as_named(self, path: str) -> str:
        """A path as the program would write it: one of the mirror stands for that of the disk."""
        if path == self._tree:
            return os.sep
        inside = path.startswith(self._tree + os.sep)
        return path[len(self._tree) :] if inside else path

    def _private(self, name: str) -> str:
        return self._tree + os.path.splitdrive(name)[1]

    def is_free(self, path: Any) -> bool:
        """Whether a path may be written as it is: in the private folder, or no file."""
        if isinstance(path, int):
            return True
        text = os.path.abspath(os.fsdecode(path))
        return any(
            text == root or text.startswith(root + os.sep) for root in (self.folder, *_NO_FILES)
        )

    def place(self, name: str) -> str:
        """Where the content of a name stands; somewhere that is not there where it is removed."""
        private = self._private(name)
        if self.is_free(name) or not (os.path.lexists(private) or self.is_gone(name)):
            return name
        return private

    def is_gone(self, name: str) -> bool:
        """Whether the program has removed a name, or a folder around it."""
        if not self._gone:
            return False
        while name not in self._gone:
            parent = os.path.dirname(name)
            if parent == name:
                return False
            name = parent
        return True

    def exists(self, name: str) -> bool:
        """Whether there is such a file or folder, or a link of this name."""
        return os.path.lexists(self.place(name))

    def is_changed(self, name: str) -> bool:
        """Whether the program has changed something in a folder."""
        return (not self.is_free(name) and os.path.lexists(self._private(name))) or self.is_gone(
            name
        )

    def entries(self, name: str) -> list[str]:
        """What a folder holds."""
        place = self.place(name)
        found = dict.fromkeys(os.listdir(place))
        if place != name and not self.is_gone(name) and os.path.isdir(name):
            found.update(dict.fromkeys(os.listdir(name)))
        return [item for item in found if self.exists(os.path.join(name, item))]

    def place_to_write(self, name: str, *, keep: bool) -> str:
        """Where a name is written to.

        Args:
            name: The name.
            keep: Whether what it holds is needed.

        Raises:
            FileNotFoundError: The folder around it does not exist.
        """
        if self.is_free(name):
            return name
        self._mirror(os.path.dirname(name))
        private = self._private(name)
        if not os.path.lexists(private) and not self.is_gone(name) and os.path.lexists(name):
            if os.path.isdir(name):
                self._mirror(name)
            elif keep and stat.S_ISREG(os.stat(name).st_mode):
                shutil.copy2(name, private)
        return private

    def _mirror(self, folder: str) -> None:
        """Make a private folder for one of the disk, and for those around it."""
        private = self._private(folder)
        if os.path.isdir(private):
            return
        if not os.path.isdir(self.place(folder)):
            there = os.path.exists(self.place(folder))
            code = errno.ENOTDIR if there else errno.ENOENT
            raise OSError(code, os.strerror(code), folder)
        parent = os.path.dirname(folder)
        if parent != folder:
            self._mirror(parent)
        os.mkdir(private)
        if os.path.isdir(folder):
            shutil.copystat(folder, private)

    def copy_whole(self, name: str) -> str:
        """Copy a name with all that it holds; its place."""
        place = self.place_to_write(name, keep=True)
        if os.path.isdir(place) and not os.path.islink(place):
            for item in self.entries(name):
                self.copy_whole(os.path.join(name, item))
        return place

    def remove(self, name: str) -> None:
        """Forget a name, and all that a folder of this name holds."""
        self._gone.add(name)
        private = self._private(name)
        if os.path.isdir(private) and not os.path.islink(private):
            shutil.rmtree(private)
        elif os.path.lexists(private):
            os.unlink(private)


active: list[PrivateFiles] = []
"""The changes of the program that runs in this process; none where it is not confined."""


@contextlib.contextmanager
def repeating() -> Iterator[None]:
    """Run an iteration that has run before: what it makes is there, what it removes is not."""
    before = [files.is_repeating for files in active]
    for files in active:
        files.is_repeating = True
    try:
        yield
    finally:
        for files, was in zip(active, before):
            files.is_repeating = was


def forget_changes() -> None:
    """Let the program find the disk as it is."""
    for files in active:
        files.forget()

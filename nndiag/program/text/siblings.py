"""The modules of a program that stand beside its script, read as parts of the same program.

They are found by following `import` statements to files in the script's folder, or, where the
script itself puts other folders on `sys.path`, in the folder above and in those that it names. What
is imported by a name that is only made at run time is run as it is, but not looked into.
"""

from __future__ import annotations

import ast
import importlib.abc
import importlib.machinery
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_MOST_FILES = 24
_MOST_BYTES = 400_000
_LONGEST_NAME = 100  # characters of a folder's


@dataclass(frozen=True)
class Sibling:
    """A module of the program's own.

    Attributes:
        name: The name it is imported by.
        path: Its file.
        text: Its text.
    """

    name: str
    path: Path
    text: str


def siblings_of(path: Path, text: str, tree: ast.Module) -> list[Sibling]:
    """The modules that a script imports from beside it, and those that they import.

    Args:
        path: The script.
        text: Its text.
        tree: Its syntax tree.
    """
    folder = path.resolve().parent
    folders = [folder, *_put_on_path(folder, tree)] if "sys.path" in text else [folder]
    found: dict[str, Sibling] = {}
    left = list(_imported(tree, ""))
    while left and len(found) < _MOST_FILES:
        name = left.pop(0)
        file = _file_of(name, folders)
        if name in found or file is None or file == path.resolve():
            continue
        try:
            sibling = Sibling(name, file, file.read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeDecodeError):
            continue
        found[name] = sibling
        try:
            package = name if file.name == "__init__.py" else name.rpartition(".")[0]
            left += _imported(ast.parse(sibling.text), package)
        except (SyntaxError, ValueError):
            continue
    return list(found.values())


def _put_on_path(folder: Path, tree: ast.Module) -> Iterator[Path]:
    """The folders that a script may put on `sys.path`: that above it, and what its strings name."""
    yield folder.parent
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
            for above in (folder, folder.parent):
                named = above / node.value
                if len(node.value) < _LONGEST_NAME and named.is_dir():
                    yield named


def _imported(tree: ast.Module, package: str) -> Iterator[str]:
    """The full names of all modules that a file may import."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".") if node.level else []
            parts = parts[: len(parts) - node.level + 1] + ([node.module] if node.module else [])
            base = ".".join(part for part in parts if part)
            if base:
                yield base
            yield from (f"{base}.{alias.name}".lstrip(".") for alias in node.names)


def _file_of(name: str, folders: Sequence[Path]) -> Path | None:
    for folder in folders:
        place = folder.joinpath(*name.split("."))
        for file in (place.with_name(f"{place.name}.py"), place / "__init__.py"):
            if file.is_file() and file.stat().st_size < _MOST_BYTES:
                return file
    return None


class SiblingImporter(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Answers the import of the program's own modules."""

    def __init__(
        self, files: dict[str, Path], run: Callable[[str, types.ModuleType], None]
    ) -> None:
        self._files = files
        self._run = run

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """A specification for the program's own modules, None for all others."""
        file = self._files.get(fullname)
        if file is None:
            return None
        package = file.name == "__init__.py"
        spec = importlib.machinery.ModuleSpec(fullname, self, origin=str(file), is_package=package)
        spec.has_location = True
        if package:
            spec.submodule_search_locations = [str(file.parent)]
        return spec

    def exec_module(self, module: types.ModuleType) -> None:
        """Runs the module."""
        self._run(module.__name__, module)

"""Changes of modules, made when a program imports them: most programs import few."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types
from collections.abc import Callable, Mapping
from typing import Any

Change = Callable[[types.ModuleType], None]


def change_when_imported(changes: Mapping[str, Change]) -> None:
    """Change modules, those that are imported already at once.

    Args:
        changes: What is done with a module, by its name.
    """
    for name, change in changes.items():
        if name in sys.modules:
            change(sys.modules[name])
    sys.meta_path.insert(0, _Finder(changes))


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the modules to change as the others do, with a loader that changes them."""

    def __init__(self, changes: Mapping[str, Change]) -> None:
        self._changes = changes
        self._busy = False

    def find_spec(
        self, fullname: str, path: Any, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in self._changes or self._busy:
            return None
        self._busy = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._busy = False
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self._changes[fullname])
        return spec


class _Loader(importlib.abc.Loader):
    def __init__(self, loader: Any, change: Change) -> None:
        self._loader, self._change = loader, change

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> Any:
        return self._loader.create_module(spec)

    def exec_module(self, module: types.ModuleType) -> None:
        self._loader.exec_module(module)
        self._change(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

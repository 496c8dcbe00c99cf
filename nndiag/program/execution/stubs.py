"""Stand-ins for what a program draws, asks and shows while it is only being looked at."""

from __future__ import annotations

import dis
import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Iterator, Sequence
from typing import Any

REPLACED = frozenset(
    [
        "matplotlib",
        "mpl_toolkits",
        "seaborn",
        "plotly",
        "bokeh",
        "pylab",
        "tqdm",
        "IPython",
        "ipywidgets",
        "google",
        "tkinter",
        "turtle",
        "pygame",
    ]
)
"""Packages that draw or show progress; a program is checked without them."""


class Nothing:
    """Takes any call, attribute, index or unpacking, and does nothing."""

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return NOTHING

    def __call__(self, *_: Any, **__: Any) -> Any:  # noqa: D102 - see the class
        return NOTHING

    def __getitem__(self, _: Any) -> Any:
        return NOTHING

    def __setitem__(self, key: Any, value: Any) -> None: ...

    def __setattr__(self, name: str, value: Any) -> None: ...

    def __enter__(self) -> Any:
        return NOTHING

    def __exit__(self, *_: Any) -> None: ...

    def __len__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return False

    def __float__(self) -> float:
        return 0.0

    def __deepcopy__(self, _: Any) -> Any:
        return self

    def __iter__(self) -> Iterator[Any]:
        """As many nothings as the caller unpacks (`figure, axes = …`); none in a loop."""
        return iter([NOTHING] * _unpacked(sys._getframe(1)))


def _unpacked(frame: types.FrameType) -> int:
    """How many names the instruction at hand unpacks into."""
    for instruction in dis.get_instructions(frame.f_code):
        if instruction.offset == frame.f_lasti and instruction.opname == "UNPACK_SEQUENCE":
            return int(instruction.arg or 0)
    return 0


NOTHING: Any = Nothing()


class ProgressBar:
    """A progress bar that passes its items on and shows nothing."""

    def __init__(self, iterable: Any = (), *_: Any, **__: Any) -> None:
        self.iterable = iterable

    def __iter__(self) -> Iterator[Any]:
        return iter(self.iterable)

    def __len__(self) -> int:
        return len(self.iterable)

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: Any) -> None: ...

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return NOTHING

    write = staticmethod(NOTHING)


def _bar_of_range(*limits: int, **_: Any) -> ProgressBar:
    return ProgressBar(range(*limits))


class _StandInModule(types.ModuleType):
    """A module in which every name exists and does nothing."""

    __path__: list[str] = []  # noqa: RUF012 - read by the import system

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if self.__name__.partition(".")[0] == "tqdm":
            return _bar_of_range if name in {"trange", "tnrange"} else ProgressBar
        if self.__name__ == "pylab":  # `from pylab import *` brings numpy's names
            import numpy as np  # noqa: PLC0415 - only here, and numpy is there already

            return getattr(np, name, NOTHING)
        return NOTHING


class StandInFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Answers the import of a package that draws with a module that does nothing."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """A specification for the packages in `REPLACED`, None for all others."""
        if fullname.partition(".")[0] not in REPLACED:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        """A module in which every name exists."""
        return _StandInModule(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        """Nothing to run."""

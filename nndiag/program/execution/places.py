"""Where a program keeps its variables, and how to walk through what they hold.

A `Place` is a variable: a global, a variable of a function, an attribute of a class. A path is a
place and the steps from its value down to a number: attributes, keys, indices, closure variables.
"""

from __future__ import annotations

import functools
import types
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

MISSING: Any = object()
"""What a place without a value holds."""

Step = tuple[str, Any]
"""One step of a path: its kind (index, key, attr, cell) and its name."""

_MAX_DEPTH = 10
_MAX_ITEMS = 2000
_LIBRARIES = ("numpy", "scipy", "matplotlib", "pandas", "sklearn", "_io", "io", "nndiag", "ast")


class Place(Protocol):
    """A variable that can be read and set."""

    @property
    def label(self) -> str:
        """The variable as the program writes it."""
        ...

    def get(self) -> Any:
        """The value; `MISSING` where it has none."""
        ...

    def set(self, value: Any) -> None:
        """Puts a value there; `MISSING` deletes the variable."""
        ...


@dataclass(frozen=True, eq=False)
class GlobalPlace:
    """A global variable of a module."""

    namespace: dict[str, Any]
    name: str

    @property
    def label(self) -> str:
        """The variable's name."""
        return self.name

    def get(self) -> Any:
        """The value; `MISSING` where it has none."""
        return self.namespace.get(self.name, MISSING)

    def set(self, value: Any) -> None:
        """Puts a value there; `MISSING` deletes the variable."""
        if value is MISSING:
            self.namespace.pop(self.name, None)
        else:
            self.namespace[self.name] = value


@dataclass(frozen=True, eq=False)
class CellPlace:
    """A variable of a function, held by the cell that its closures share.

    Attributes:
        cell: The cell.
        name: The variable.
        maker: The function that made it, where that is not the one with the training loop.
    """

    cell: types.CellType
    name: str
    maker: str = ""

    @property
    def label(self) -> str:
        """The variable's name, behind that of its function where that is another one."""
        return f"{self.maker}.{self.name}" if self.maker else self.name

    def get(self) -> Any:
        """The value; `MISSING` where it has none."""
        try:
            return self.cell.cell_contents
        except ValueError:
            return MISSING

    def set(self, value: Any) -> None:
        """Puts a value there; `MISSING` deletes the variable."""
        if value is not MISSING:
            self.cell.cell_contents = value
        elif self.get() is not MISSING:
            del self.cell.cell_contents


@dataclass(frozen=True, eq=False)
class AttributePlace:
    """An attribute of a class, or of a function object."""

    owner: Any
    name: str

    @property
    def label(self) -> str:
        """The attribute behind its owner."""
        return f"{self.owner.__name__}.{self.name}"

    def get(self) -> Any:
        """The value; `MISSING` where it has none."""
        return vars(self.owner).get(self.name, MISSING)

    def set(self, value: Any) -> None:
        """Puts a value there; `MISSING` deletes the variable."""
        if value is not MISSING:
            setattr(self.owner, self.name, value)
        elif self.name in vars(self.owner):
            delattr(self.owner, self.name)


def is_number(value: object) -> bool:
    """Whether a value is one plain real number."""
    return isinstance(value, (int, float, np.floating, np.integer)) and not isinstance(
        value, (bool, np.bool_)
    )


def is_number_list(value: object) -> bool:
    """Whether a value is a non-empty list of plain real numbers."""
    return isinstance(value, list) and bool(value) and all(map(is_number, value))


def is_number_array(value: object) -> bool:
    """Whether a value is an array of real numbers."""
    return isinstance(value, np.ndarray) and value.dtype.kind in "fiu"


def children(value: Any, is_user: Callable[[Any], bool]) -> Iterator[tuple[Step, Any]]:
    """What a value holds, each with the step that leads to it.

    Args:
        value: Any object.
        is_user: Tells functions and classes of the program from those of libraries.
    """
    if isinstance(value, (list, tuple, deque)):
        if len(value) <= _MAX_ITEMS:
            yield from ((("index", index), item) for index, item in enumerate(value))
    elif isinstance(value, dict):
        if len(value) <= _MAX_ITEMS:
            yield from ((("key", key), item) for key, item in list(value.items()))
    elif isinstance(value, types.FunctionType):
        if is_user(value):
            yield from _closure(value)
    elif isinstance(value, types.MethodType):
        yield ("attr", "__self__"), value.__self__
        yield ("attr", "__func__"), value.__func__
    elif isinstance(value, functools.partial):
        yield ("attr", "func"), value.func
        yield ("attr", "args"), value.args
        yield ("attr", "keywords"), value.keywords
    elif isinstance(value, np.ndarray):
        if value.dtype == object and value.size <= _MAX_ITEMS:
            yield from ((("index", index), value[index]) for index in np.ndindex(value.shape))
    elif _is_instance_of_user(value):
        yield from ((("attr", name), item) for name, item in list(_attributes(value)))


def _closure(function: types.FunctionType) -> Iterator[tuple[Step, Any]]:
    names = function.__code__.co_freevars
    for name, cell in zip(names, function.__closure__ or ()):
        place = CellPlace(cell, name)
        if place.get() is not MISSING:
            yield ("cell", name), place.get()


def _is_instance_of_user(value: Any) -> bool:
    module = type(value).__module__.partition(".")[0]
    return not isinstance(value, (type, types.ModuleType)) and module not in _LIBRARIES


def _attributes(value: Any) -> Iterator[tuple[str, Any]]:
    yield from getattr(value, "__dict__", {}).items()
    for kind in type(value).__mro__:
        for name in getattr(kind, "__slots__", ()):
            if isinstance(name, str) and hasattr(value, name):
                yield name, getattr(value, name)


def walk(
    value: Any,
    steps: tuple[Step, ...],
    *,
    seen: dict[int, Any],
    is_user: Callable[[Any], bool],
) -> Iterator[tuple[tuple[Step, ...], Any]]:
    """Each object below `value` once, with the steps that lead to it.

    Args:
        value: Where to start.
        steps: Steps that lead to `value`.
        seen: Objects already met, by identity; also keeps them alive.
        is_user: Tells functions and classes of the program from those of libraries.
    """
    plain = is_number(value)
    if not plain:
        if id(value) in seen:
            return
        seen[id(value)] = value
    yield steps, value
    if (
        plain
        or len(steps) >= _MAX_DEPTH
        or isinstance(value, (str, bytes))
        or is_number_list(value)
    ):
        return
    for step, child in children(value, is_user):
        yield from walk(child, (*steps, step), seen=seen, is_user=is_user)


def follow(value: Any, steps: tuple[Step, ...]) -> Any:
    """The object at the end of a path.

    Raises:
        LookupError, AttributeError, TypeError: The path does not lead anywhere.
    """
    for kind, name in steps:
        if kind == "attr":
            value = getattr(value, name)
        elif kind == "cell":
            value = value.__closure__[value.__code__.co_freevars.index(name)].cell_contents
        else:
            value = value[name]
    return value


def put(place: Place, steps: tuple[Step, ...], value: Any) -> None:
    """Sets what a path leads to; tuples on the way are rebuilt."""
    if not steps:
        place.set(value)
        return
    holder = follow(place.get(), steps[:-1])
    kind, name = steps[-1]
    if isinstance(holder, tuple):
        index = int(name)
        put(place, steps[:-1], (*holder[:index], value, *holder[index + 1 :]))
    elif kind == "attr":
        setattr(holder, name, value)
    elif kind == "cell":
        holder.__closure__[holder.__code__.co_freevars.index(name)].cell_contents = value
    else:
        holder[name] = value


def spelled(label: str, steps: tuple[Step, ...]) -> str:
    """A path as the program would write it: `self.layers[0].W`, `params["W1"]`."""
    text = label
    for kind, name in steps:
        if kind == "attr":
            text = text if name in {"__self__", "__func__"} else f"{text}.{_unmangled(name)}"
        elif kind == "cell":
            text = f"{text}.{name}"
        elif kind == "key" and isinstance(name, str):
            text = f'{text}["{name}"]'
        else:
            text = f"{text}[{name}]"
    return text


def _unmangled(name: str) -> str:
    """A private attribute as the class writes it: `__layers` for `_Net__layers`."""
    owner, private, rest = name.partition("__")
    return private + rest if private and len(owner) > 1 and owner[0] == "_" else name

"""The operations of a graph that are no functions of a library: methods, attributes, changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

VIEWS = frozenset(
    [
        "T",
        "transpose",
        "reshape",
        "ravel",
        "flatten",
        "squeeze",
        "expand_dims",
        "gather",
        "array",
        "asarray",
        "asmatrix",
        "copy",
        "atleast_2d",
        "atleast_1d",
        "swapaxes",
        "astype",
        "float",
        "float64",
        "item",
        "getitem",
        "broadcast_to",
        "split",
        "array_split",
    ]
)
"""Operations that change nothing but where the entries of one array stand."""
WRITES = frozenset({"with_item", "scatter", "copyto"})
"""Operations that write a value into an array."""
_CHANGES_ITS_FIRST = frozenset({"copyto", "fill_diagonal", "put", "place", "putmask", "shuffle"})


def is_array(item: Any) -> bool:
    """Whether something is an array of numbers."""
    return isinstance(item, np.ndarray) and item.dtype.kind in "fiub"


def is_value(item: Any) -> bool:
    """Whether something is recorded: an array of numbers, or a number with a point."""
    return isinstance(item, (float, np.floating)) or is_array(item)


def own_number(value: Any) -> Any:
    """The largest of some numbers as an object of its own, told from that which it was.

    A literal that comes out of a rectifier would else stand for it wherever it is used again.
    """
    if isinstance(value, np.floating):
        return np.float64(np.float64(value))
    return float(np.float64(value)) if isinstance(value, (int, float)) else value


def changes_its_first(function: Any) -> bool:
    """Whether a function of numpy or of `random` writes into its first argument.

    Those of other libraries may return what they made: `sklearn.utils.shuffle` does.
    """
    library = str(getattr(function, "__module__", "")).split(".")[0]
    return library in ("numpy", "random") and function.__name__ in _CHANGES_ITS_FIRST


class _Named:
    """A function of an array that is known by name: a method, an attribute, a change in place."""

    def __init__(self, name: str) -> None:
        self.__name__ = name


class Method(_Named):
    """`array.name(*arguments)`."""

    def __call__(self, item: Any, *arguments: Any, **keywords: Any) -> Any:
        """The method's result."""
        return getattr(np.asarray(item) if np.isscalar(item) else item, self.__name__)(
            *arguments, **keywords
        )


class Attribute(_Named):
    """`array.name`."""

    def __call__(self, item: Any) -> Any:
        """The attribute."""
        return getattr(np.asarray(item) if np.isscalar(item) else item, self.__name__)


class InPlace:
    """What an array is after a function has changed it."""

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        self._function = function
        self.__name__ = name

    def __call__(self, item: Any, *arguments: Any, **keywords: Any) -> Any:
        """The array after the change; the one that is given stays as it is."""
        found = np.array(item)
        self._function(found, *arguments, **keywords)
        return found


def with_item(item: Any, index: Any, value: Any) -> Any:
    """An array after `array[index] = value`."""
    found = np.array(item, dtype=np.result_type(item, value))
    found[index] = value
    return found


def added_at(item: Any, index: Any, value: Any) -> Any:
    """An array after `np.add.at(array, index, value)`."""
    found = np.array(item, dtype=np.result_type(item, value))
    np.add.at(found, index, value)
    return found

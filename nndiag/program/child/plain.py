"""Frozen dataclasses as plain data, and back by their annotations."""

from __future__ import annotations

import ast
import dataclasses
import enum
import sys
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, Union, cast

T = TypeVar("T")


def as_plain(value: Any) -> Any:
    """Dataclasses as dicts of their fields, enums as their values, paths as words."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: as_plain(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {key: as_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_plain(item) for item in value]
    return value


def from_plain(kind: type[T], data: Any) -> T:
    """The value that `as_plain` made data of.

    Args:
        kind: Its type: a dataclass whose annotations name types that its module has.
        data: The data.

    Raises:
        TypeError: An annotation cannot be followed.
    """
    return cast("T", _rebuilt(kind, data))


def _rebuilt(kind: Any, data: Any) -> Any:  # noqa: PLR0911 - one for each kind of type
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is Union:
        rest = [item for item in inner if item is not type(None)]
        if data is None or len(rest) != 1:
            return data  # of several types only numbers and words are used
        return _rebuilt(rest[0], data)
    if origin is tuple:
        if len(inner) == 2 and inner[1] is Ellipsis:
            return tuple(_rebuilt(inner[0], item) for item in data)
        return tuple(_rebuilt(item, value) for item, value in zip(inner, data))
    if origin is list:
        return [_rebuilt(inner[0], item) for item in data]
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {key: _rebuilt(inner[1], item) for key, item in data.items()}
    if not isinstance(kind, type):
        return data
    if dataclasses.is_dataclass(kind):
        kinds = _annotations(kind)
        return kind(**{name: _rebuilt(kinds[name], value) for name, value in data.items()})
    return kind(data) if issubclass(kind, (enum.Enum, Path)) else data


def _annotations(kind: type) -> dict[str, Any]:
    """The types of a dataclass's fields; `A | B` is read as older Pythons cannot."""
    found: dict[str, Any] = {}
    for owner in reversed(kind.__mro__):
        space = vars(sys.modules[owner.__module__])
        for name, text in vars(owner).get("__annotations__", {}).items():
            found[name] = _type_named(text, space) if isinstance(text, str) else text
    return found


def _type_named(text: str, space: dict[str, Any]) -> Any:
    tree = _Unions().visit(ast.parse(text, mode="eval"))
    code = compile(ast.fix_missing_locations(tree), "<annotation>", "eval")
    return eval(code, {**space, "__union__": Union})


class _Unions(ast.NodeTransformer):
    """Writes `A | B` as `Union[A, B]`."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        pair = ast.Tuple([self.visit(node.left), self.visit(node.right)], ast.Load())
        return ast.Subscript(ast.Name("__union__", ast.Load()), pair, ast.Load())

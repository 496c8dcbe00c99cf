"""What a program's variables hold where an expression stands, and what others come to there."""

from __future__ import annotations

import ast
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

_SIMPLE = (ast.Name, ast.Attribute, ast.Subscript)
_INNER = ("<listcomp>", "<genexpr>", "<dictcomp>", "<setcomp>", "<lambda>")
_LONGEST = 40
_MOST = 80
_MOST_SIZE = 200_000


@dataclass(eq=False)
class Scene:
    """The variables that can be read where an expression stands.

    Attributes:
        variables: Names of the innermost function and, in comprehensions, of those around it.
        names: The program's globals.
        values: What the program's own expressions come to there: numbers and arrays.
        functions: Functions of the program of one argument, as it calls them.
    """

    variables: Mapping[str, Any]
    names: dict[str, Any]
    values: dict[str, Any] = field(default_factory=dict)
    functions: list[str] = field(default_factory=list)

    def value(self, text: str) -> Any:
        """What an expression comes to; None where it fails, or is no number."""
        try:
            with np.errstate(all="ignore"):
                found = eval(text, self.names, dict(self.variables))
        except Exception:
            return None
        return found if is_numeric(found) else None


def is_numeric(value: Any) -> bool:
    """Whether a value is a real number or an array of them, not too large."""
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "fiub" and value.size <= _MOST_SIZE
    return isinstance(value, (int, float, np.floating, np.integer)) and not isinstance(value, bool)


def scene_at(frame: types.FrameType, place: ast.expr, scope: ast.AST, tree: ast.Module) -> Scene:
    """The scene of a running frame.

    Args:
        frame: Where the expression is being computed.
        place: The expression.
        scope: The function that it stands in, or the module.
        tree: The program.
    """
    layers = [frame.f_locals]
    above: types.FrameType | None = frame
    while above is not None and above.f_code.co_name in _INNER and above.f_back is not None:
        above = above.f_back
        if above.f_globals is frame.f_globals:
            layers.append(above.f_locals)
    variables = {name: value for layer in reversed(layers) for name, value in layer.items()}
    scene = Scene(variables, frame.f_globals)
    for text in _texts(place, scope, scene):
        if len(scene.values) >= _MOST:
            break
        if text not in scene.values and len(text) <= _LONGEST:
            value = scene.value(text)
            if value is not None:
                scene.values[text] = value
    scene.functions = list(dict.fromkeys(_functions(tree, scene)))
    return scene


def _texts(place: ast.expr, scope: ast.AST, scene: Scene) -> Iterator[str]:
    """Expressions that may be of use: those of the function, the nearest first."""
    own = [node for node in ast.walk(scope) if isinstance(node, _SIMPLE) or _is_count(node)]
    own.sort(key=lambda node: abs(getattr(node, "lineno", 0) - place.lineno))
    for node in own:
        yield ast.unparse(node)
        if isinstance(node, ast.Subscript):
            yield from neighbours(node)
    indices = dict.fromkeys(
        ast.unparse(n.slice) for n in own if isinstance(n, ast.Subscript) and _is_plain(n.slice)
    )
    for name, item in scene.variables.items():
        if isinstance(item, (list, dict)):
            yield from (f"{name}[{index}]" for index in indices)
        if not name.startswith("__"):
            yield name
            yield from _inside(name, item)


def _is_count(node: ast.AST) -> bool:
    """Whether an expression is the length of something."""
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "len"


def _is_plain(index: ast.expr) -> bool:
    return not any(isinstance(n, (ast.Slice, ast.Tuple, ast.Call)) for n in ast.walk(index))


def _inside(name: str, item: Any) -> Iterator[str]:
    """What a variable holds: the entries of a dictionary, the attributes of an object."""
    if isinstance(item, dict) and len(item) <= _MOST:
        yield from (f"{name}[{key!r}]" for key in item if isinstance(key, (str, int)))
    elif type(item).__module__ not in ("builtins", "numpy") and not isinstance(
        item, (type, types.ModuleType)
    ):
        yield from (f"{name}.{key}" for key in getattr(item, "__dict__", {}))


def neighbours(node: ast.Subscript) -> Iterator[str]:
    """The same with an index one more, one less, or the last."""
    if isinstance(node.ctx, ast.Store):
        return
    holder, whole = ast.unparse(node.value), node.slice
    items = whole.elts if isinstance(whole, ast.Tuple) else [whole]
    for place, index in enumerate(items):
        rest = [ast.unparse(item) for item in items]
        for text in _nearby(index):
            yield f"{holder}[{', '.join([*rest[:place], text, *rest[place + 1 :]])}]"


def _nearby(index: ast.expr) -> Iterator[str]:
    text = ast.unparse(index)
    if isinstance(index, ast.BinOp) and isinstance(index.right, ast.Constant):
        yield ast.unparse(index.left)
    elif isinstance(index, (ast.Name, ast.BinOp)):
        yield f"{text} - 1"
        yield f"{text} + 1"
    elif isinstance(index, ast.Constant) and isinstance(index.value, int):
        yield f"{index.value + 1}"
        yield f"{index.value - 1}"
    elif isinstance(index, ast.UnaryOp) and isinstance(index.operand, ast.Constant):
        yield from (f"{place}" for place in (-1, -2, -3) if str(place) != text)


def _functions(tree: ast.Module, scene: Scene) -> Iterator[str]:
    """The plain functions of one argument that can be called from here."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
            text = ast.unparse(node.func)
            found = _found(scene, text)
            if isinstance(found, types.FunctionType) and found.__globals__ is scene.names:
                yield text


def _found(scene: Scene, text: str) -> Any:
    try:
        return eval(text, scene.names, dict(scene.variables))
    except Exception:
        return None

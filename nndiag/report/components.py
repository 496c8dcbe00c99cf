"""The components of the package, read from its source: to list them, none of them is imported.

A component is a function under a decorator that names it: `@ACTIVATIONS.register("tanh")`,
`@detector("dead-units")`. Its keyword-only parameters are its options.
"""

import ast
import inspect
import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REQUIRED = inspect.Parameter.empty
"""Stands for the default of an option that has none."""

_PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Component:
    """What the source says of one component.

    Attributes:
        name: Its name.
        doc: The docstring of its function.
        module_doc: The docstring of its file.
        options: Option → default, or `REQUIRED`.
        keywords: What else of its decorator is wanted, by name.
    """

    name: str
    doc: str
    module_doc: str
    options: Mapping[str, Any]
    keywords: Mapping[str, Any]


def components_in(
    folder: str, decorator: str, *, keywords: Collection[str] = ()
) -> Iterator[Component]:
    """The components under a decorator, file by file.

    Args:
        folder: The package below nndiag that they are in.
        decorator: As it is written: "ACTIVATIONS.register".
        keywords: What else of the decorator is wanted.
    """
    for path in sorted((_PACKAGE / folder).glob("*.py")):
        text = path.read_text(encoding="utf-8")
        if f"\n@{decorator}(" in text:
            yield from _components(ast.parse(text), decorator, keywords)


def _components(tree: ast.Module, decorator: str, keywords: Collection[str]) -> Iterator[Component]:
    names = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in tree.body:
        for call in getattr(node, "decorator_list", ()):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == decorator:
                assert isinstance(node, ast.FunctionDef)
                yield Component(
                    name=_value(call.args[0], names),
                    doc=ast.get_docstring(node) or "",
                    module_doc=ast.get_docstring(tree) or "",
                    options=dict(_options(node.args, names)),
                    keywords={
                        one.arg: _value(one.value, names)
                        for one in call.keywords
                        if one.arg is not None and one.arg in keywords
                    },
                )


def _options(arguments: ast.arguments, names: Mapping[str, ast.expr]) -> Iterator[tuple[str, Any]]:
    for option, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield option.arg, REQUIRED if default is None else _value(default, names)


def _value(node: ast.expr, names: Mapping[str, ast.expr]) -> Any:
    """The value of an expression of literals, of the file's own constants and of `math`."""
    known = {
        one.id: _value(names[one.id], names)
        for one in ast.walk(node)
        if isinstance(one, ast.Name) and one.id in names
    }
    expression = compile(ast.Expression(node), "<component>", "eval")
    return eval(expression, {"__builtins__": {}, "math": math, **known})  # our own source

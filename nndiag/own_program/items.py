"""What an item of a list or a dictionary of parameters is given at first, wherever it is made."""

import ast
from collections.abc import Iterator
from typing import Any


def item_of(tree: ast.AST, owner: str | None, key: Any) -> ast.expr | None:
    """The one expression that an item is made by; None where none is found.

    A key that is text tells the item whatever the dictionary is called where it is made; an item of
    a list needs its name.

    Args:
        tree: The program.
        owner: Last name of the list or the dictionary.
        key: The key, or the place in the list.
    """
    found = _by_key(tree, key) if isinstance(key, str) else _appended(tree, owner)
    return next(found, None)


def _by_key(tree: ast.AST, key: str) -> Iterator[ast.expr]:
    """What stands at a key: in a dictionary that is written out, or by an assignment to it."""
    for scope in _scopes(tree):
        for node in _within(scope):
            if isinstance(node, ast.Dict):
                for name, value in zip(node.keys, node.values, strict=True):
                    if isinstance(name, ast.Constant) and name.value == key:
                        yield _resolved(scope, value)
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
                target = node.targets[0]
                if _may_be(target.slice, key) and ast.unparse(target) not in ast.unparse(
                    node.value
                ):
                    yield _resolved(scope, node.value)


def _appended(tree: ast.AST, owner: str | None) -> Iterator[ast.expr]:
    """What is appended to a list in a loop: one expression for all its items."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            held = node.func.value
            name = getattr(held, "attr", getattr(held, "id", None))
            if node.func.attr == "append" and name == owner is not None:
                yield node.args[0]


def _may_be(node: ast.expr, key: str) -> bool:
    """Whether an index may be a key: it is written out, or its first part is, a number follows."""
    if isinstance(node, ast.Constant):
        return bool(node.value == key)
    first = node.left if isinstance(node, ast.BinOp) else None
    if isinstance(node, ast.JoinedStr) and node.values:
        first = node.values[0]
    stem = first.value if isinstance(first, ast.Constant) else None
    return isinstance(stem, str) and key.startswith(stem) and key[len(stem) :].isdigit()


def _scopes(tree: ast.AST) -> Iterator[ast.AST]:
    yield tree
    yield from (x for x in ast.walk(tree) if isinstance(x, ast.FunctionDef))


def _within(scope: ast.AST) -> Iterator[ast.AST]:
    """What stands in a scope, but not in a function within."""
    for node in ast.iter_child_nodes(scope):
        if not isinstance(node, ast.FunctionDef):
            yield node
            yield from _within(node)


def _resolved(scope: ast.AST, value: ast.expr) -> ast.expr:
    """What a variable of that scope is given, where a value is one."""
    if not isinstance(value, ast.Name):
        return value
    given = (
        x.value
        for x in _within(scope)
        if isinstance(x, ast.Assign) and ast.unparse(x.targets[0]) == value.id
    )
    return next(given, value)

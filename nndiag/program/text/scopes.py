"""Which loops a program has, in which functions they stand, and which variables those have."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Union

Scope = Union[ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef]
LoopNode = Union[ast.For, ast.While]
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
LOOPS = (ast.For, ast.While)


@dataclass(frozen=True, eq=False)
class Loop:
    """A loop of the program.

    Attributes:
        top: Index of the top-level statement that it stands in.
        ordinal: Which loop of that statement, in reading order.
        node: Its syntax tree.
        scopes: The functions and classes around it, outermost first.
        variables: Names of the variables of its function and of the functions around that.
        global_names: Names that its function declares global.
    """

    top: int
    ordinal: int
    node: LoopNode
    scopes: tuple[Scope, ...]
    variables: tuple[str, ...]
    global_names: tuple[str, ...]

    @property
    def key(self) -> tuple[int, int]:
        """Identifies the loop in any instrumented copy of the program."""
        return self.top, self.ordinal

    @property
    def in_function(self) -> bool:
        """Whether its variables are those of a function."""
        return any(not isinstance(scope, ast.ClassDef) for scope in self.scopes)

    @property
    def owner(self) -> str | None:
        """Dotted name of the function around it; None at module level."""
        return ".".join(scope.name for scope in self.scopes) or None


def loops_in(statement: ast.stmt, top: int) -> list[Loop]:
    """The loops of one top-level statement, in reading order."""
    found: list[Loop] = []
    for node, scopes in _loops(statement, ()):
        functions = [scope for scope in scopes if not isinstance(scope, ast.ClassDef)]
        own_globals = _declared(functions[-1], ast.Global) if functions else set()
        names = [name for function in functions for name in own_variables(function)]
        variables = tuple(name for name in dict.fromkeys(names) if name not in own_globals)
        found.append(Loop(top, len(found), node, scopes, variables, tuple(sorted(own_globals))))
    return found


def nested_functions(
    node: ast.AST, outer: tuple[str, ...] = ()
) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, tuple[str, ...]]]:
    """Each function inside a function, with the variables of those around it that it can read."""
    inner = outer
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        own = own_variables(node)
        hidden = {*own, *_declared(node, ast.Global)}
        names = tuple(name for name in outer if name not in hidden)
        if names:
            yield node, names
        inner = (*names, *own)
    for child in ast.iter_child_nodes(node):
        yield from nested_functions(child, inner)


def loop_node(statement: ast.stmt, ordinal: int) -> LoopNode:
    """The loop of a top-level statement with some ordinal.

    Raises:
        SyntaxError: There are fewer loops.
    """
    for number, (node, _) in enumerate(_loops(statement, ())):
        if number == ordinal:
            return node
    raise SyntaxError("the training loop is no longer there")


def shown_behind(statement: ast.stmt, loop: LoopNode) -> list[ast.stmt]:
    """What a loop around a loop does behind it for a person to see: prints, lists, their numbers.

    Args:
        statement: The top-level statement that both stand in.
        loop: The inner loop.
    """
    for outer in ast.walk(statement):
        if isinstance(outer, LOOPS) and loop in outer.body:
            behind = outer.body[outer.body.index(loop) + 1 :]
            return [item for item in behind if _only_shows(item)]
    return []


def _only_shows(node: ast.stmt) -> bool:
    if isinstance(node, ast.If):
        return not node.orelse and all(_only_shows(item) for item in node.body)
    if isinstance(node, ast.Assign):
        return all(isinstance(target, ast.Name) for target in node.targets)
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)


def _loops(
    node: ast.AST, scopes: tuple[Scope, ...]
) -> Iterator[tuple[LoopNode, tuple[Scope, ...]]]:
    if isinstance(node, LOOPS):
        yield node, scopes
    if isinstance(node, SCOPES):
        scopes = (*scopes, node)
    for child in ast.iter_child_nodes(node):
        yield from _loops(child, scopes)


def own_variables(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """Parameters and assigned names of a function, without those of functions inside it."""
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every.extend(item for item in (arguments.vararg, arguments.kwarg) if item is not None)
    names = [argument.arg for argument in every]
    for statement in function.body:
        names.extend(_stored(statement))
    outer = _declared(function, ast.Global) | _declared(function, ast.Nonlocal)
    return [name for name in dict.fromkeys(names) if name not in outer and name[:2] != "__"]


def _stored(node: ast.AST) -> Iterator[str]:
    """Names that are assigned in a statement, but not inside functions of its own."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif isinstance(node, SCOPES):
        yield node.name
        return
    elif isinstance(node, ast.alias):
        yield (node.asname or node.name).partition(".")[0]
    elif isinstance(node, (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
        return
    for child in ast.iter_child_nodes(node):
        yield from _stored(child)


def _declared(
    function: ast.FunctionDef | ast.AsyncFunctionDef, kind: type[ast.Global | ast.Nonlocal]
) -> set[str]:
    """Names that a function declares, but not those of functions inside it."""
    return {name for node in function.body for name in _declared_in(node, kind)}


def _declared_in(node: ast.AST, kind: type[ast.Global | ast.Nonlocal]) -> Iterator[str]:
    if isinstance(node, kind):
        yield from node.names
    if not isinstance(node, SCOPES):
        for child in ast.iter_child_nodes(node):
            yield from _declared_in(child, kind)

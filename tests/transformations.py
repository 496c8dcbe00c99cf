"""Changes of a program's text that change nothing it computes: its verdict has to stay.

Each takes a text and gives a text; none knows which program it is.
"""

import ast
import builtins
import keyword
from collections.abc import Callable, Iterator

import numpy as np

Renaming = Callable[[int], str]

SYLLABLES = ("bo", "ki", "ra", "mu", "ze", "tol", "fi", "wun", "ga", "sho")


def nonsense(number: int) -> str:
    """Words that mean nothing."""
    return "".join(SYLLABLES[int(digit)] for digit in f"{number + 100}")


def numbered(number: int) -> str:
    """q00, q01, …"""
    return f"q{number:02d}"


def renamed(text: str, name_of: Renaming) -> str:
    """The program with every name that it gives replaced: variables, functions, attributes."""
    tree = ast.parse(text)
    names = {name: name_of(number) for number, name in enumerate(dict.fromkeys(_given(tree)))}
    return ast.unparse(_Renamer(names, _imported(tree)).visit(tree))


def swapped(text: str) -> str:
    """The program with neighbouring statements swapped where neither uses what the other gives."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        for field in ("body", "orelse"):
            block = getattr(node, field, None)
            if isinstance(block, list):
                _swap(block)
    return ast.unparse(tree)


def scaled(text: str, factor: float, *, loss: str, gradient: str, rate: str) -> str:
    """The program with its loss times a factor, and its rate divided by it.

    Args:
        text: The program.
        factor: The factor.
        loss: The variable that is the loss.
        gradient: The variable that is the derivative by the output.
        rate: The variable that is the rate.
    """
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name, constant = node.targets[0].id, ast.Constant(factor)
            if name in {loss, gradient}:
                node.value = ast.BinOp(constant, ast.Mult(), node.value)
            elif name == rate:
                node.value = ast.BinOp(node.value, ast.Div(), constant)
    return ast.unparse(tree)


def cast(text: str, kind: str, *, data: str) -> str:
    """The program with a variable of its data as another number type: "np.float32", "int"."""
    return _data(text, data, lambda value: ast.parse(f"({value}).astype({kind})", mode="eval").body)


def rounded(text: str, *, data: str) -> str:
    """The program with a variable of its data as whole numbers, written as floats."""
    return _data(text, data, lambda value: ast.parse(f"np.round(2 * ({value}))", mode="eval").body)


def as_lists(text: str, *, data: str) -> str:
    """The program with its data in a list, which becomes an array wherever it is used."""
    tree = ast.parse(
        _data(text, data, lambda value: ast.parse(f"({value}).tolist()", mode="eval").body)
    )
    return ast.unparse(_Wrapper(data).visit(tree))


def _data(text: str, name: str, changed: Callable[[str], ast.expr]) -> str:
    """The program with the value changed that a variable is given last outside of its loop."""
    tree = ast.parse(text)
    given = [
        node
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name
    ]
    assert given, f"{name} is given no value"
    given[-1].value = changed(ast.unparse(given[-1].value))
    return ast.unparse(ast.fix_missing_locations(tree))


class _Wrapper(ast.NodeTransformer):
    """np.asarray(name) wherever a name is read."""

    def __init__(self, name: str):
        self.name = name

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id == self.name and isinstance(node.ctx, ast.Load):
            return ast.parse(f"np.asarray({node.id})", mode="eval").body
        return node


def _imported(tree: ast.AST) -> set[str]:
    return {
        (alias.asname or alias.name).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }


def _given(tree: ast.AST) -> Iterator[str]:
    """The names that a program gives, in their order; imports and what numpy calls so are not."""
    taken = {
        *_imported(tree),
        *dir(builtins),
        *dir(np.ndarray),
        *dir(list),
        *dir(dict),
        *keyword.kwlist,
    }
    for node in ast.walk(tree):
        found: list[str] = []
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found = [node.id]
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            found = [node.name]
        elif isinstance(node, ast.arg):
            found = [node.arg]
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found = [node.attr]
        yield from (name for name in found if name not in taken and not name.startswith("__"))


class _Renamer(ast.NodeTransformer):
    def __init__(self, names: dict[str, str], imported: set[str]):
        self.names, self.imported = names, imported

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """What a module has keeps its name."""
        of_a_module = ast.unparse(node).partition(".")[0] in self.imported
        return node if of_a_module else self.generic_visit(node)

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        for field in ("id", "name", "arg", "attr"):
            value = getattr(node, field, None)
            if isinstance(value, str):
                setattr(node, field, self.names.get(value, value))
        if isinstance(node, ast.Global | ast.Nonlocal):
            node.names = [self.names.get(name, name) for name in node.names]
        return node


def _swap(block: list[ast.stmt]) -> None:
    place = 0
    while place + 1 < len(block):
        first, second = block[place : place + 2]
        if _independent(first, second):
            block[place : place + 2] = [second, first]
            place += 1
        place += 1


def _independent(first: ast.stmt, second: ast.stmt) -> bool:
    """Whether two statements only compute, and neither touches what the other gives."""
    if not (_computes(first) and _computes(second)):
        return False
    gives = [_target(one) for one in (first, second)]
    used = [
        {node.id for node in ast.walk(one) if isinstance(node, ast.Name)} for one in (first, second)
    ]
    return gives[0] not in used[1] and gives[1] not in used[0]


def _target(statement: ast.stmt) -> str:
    assert isinstance(statement, ast.Assign)
    return ast.unparse(statement.targets[0])


def _computes(statement: ast.stmt) -> bool:
    """Whether a statement gives one variable a value that no call draws at random or changes."""
    if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
        return False
    calls = [ast.unparse(n.func) for n in ast.walk(statement) if isinstance(n, ast.Call)]
    pure = (".dot", ".sum", ".mean", ".exp", ".tanh", ".maximum", ".zeros", ".log", ".T")
    return all(call.endswith(pure) for call in calls)

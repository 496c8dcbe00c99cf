"""Where a program's text gives a setting its number, a parameter its start, a loop its length."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nndiag.own_program.items import item_of
from nndiag.own_program.mirror import Told
from nndiag.program.text.source import Source

_EQUAL = frozenset({"zeros", "ones", "full"})
"""Functions of numpy that give equal numbers, of the shape that comes first."""


@dataclass(frozen=True)
class Splice:
    """One place of the text that is replaced.

    Attributes:
        start: Offset of its first character.
        end: Offset behind its last one.
        text: What stands there instead.
    """

    start: int
    end: int
    text: str


class Places:
    """Finds places in a program.

    Args:
        source: The program.
        told: What was watched of it.
    """

    def __init__(self, source: Source, told: Told) -> None:
        self.source, self._told = source, told
        self.tree = source.tree
        self.starts = [0, *np.cumsum([len(line) + 1 for line in source.lines]).tolist()]

    def numbers(self, text: str, value: float) -> list[ast.expr]:
        """Where the program gives a variable, or its updates, a number."""
        try:
            node = ast.parse(text, mode="eval").body
        except SyntaxError:
            return []
        if value_of(node) is not None:
            lines = {line for _, _, lines in self._told["tensors"] for line in lines}
            return [
                item
                for statement in ast.walk(self.tree)
                if isinstance(statement, ast.Assign | ast.AugAssign | ast.Expr)
                and statement.lineno in lines
                for item in ast.walk(statement)
                if isinstance(item, ast.Constant) and item.value == value
            ]
        name = last_name(node)
        for names in ({name}, self._in_expressions_of(name)):
            found = [item for item, known in self.constants_of(names) if known == value]
            if found:
                return found
        return []

    def _in_expressions_of(self, name: str | None) -> set[str | None]:
        """The variables of what a variable is given: of `lr = first / (1 + step)`, all but `lr`."""
        given = [value for target, value in assignments(self.tree) if last_name(target) == name]
        parts = [x for value in given for x in ast.walk(value) if isinstance(x, ast.expr)]
        return {last_name(x) for x in parts} - {None, name}

    def assigned_in_loop(self, text: str) -> list[ast.expr]:
        """What a variable is given anew in each iteration."""
        loop = self.outer_loop()
        found = [] if loop is None else list(assignments(loop))
        return [value for target, value in found if ast.unparse(target) == text]

    def shrinking(self, text: str) -> list[ast.expr]:
        """What a variable is multiplied with, or divided by, again and again in the loop."""
        loop = self.outer_loop()
        if loop is None:
            return []
        changes: list[tuple[ast.expr, ast.operator, ast.expr]] = [
            (node.target, node.op, node.value)
            for node in ast.walk(loop)
            if isinstance(node, ast.AugAssign)
        ]
        for target, value in assignments(loop):
            if isinstance(value, ast.BinOp):
                own, other = value.left, value.right
                if ast.unparse(other) == ast.unparse(target):
                    own, other = other, own
                if ast.unparse(own) == ast.unparse(target):
                    changes.append((target, value.op, other))
        return [
            value
            for target, kind, value in changes
            if ast.unparse(target) == text and isinstance(kind, ast.Mult | ast.Div)
        ]

    def constants_of(self, names: set[str | None]) -> list[tuple[ast.expr, float]]:
        """The numbers that variables of some names are given, by assignment or as arguments."""
        for _ in range(3):  # self.lr = rate; rate = config_rate
            names |= {
                last_name(value)
                for target, value in assignments(self.tree)
                if last_name(target) in names and last_name(value) is not None
            }
        found = [
            value
            for target, value in [*assignments(self.tree), *_arguments(self.tree)]
            if last_name(target) in names
        ]
        return [(item, known) for item in found if (known := value_of(item)) is not None]

    def outer_loop(self) -> ast.For | ast.While | None:
        """The outermost loop of the scope that the training loop stands in."""
        line = self._told["loop_line"]
        around = [
            node
            for node in ast.walk(self.tree)
            if isinstance(node, ast.For | ast.While)
            and node.lineno <= line <= (node.end_lineno or 0)
        ]
        function = self.function()
        inside = [node for node in around if function is None or node.lineno > function.lineno]
        return min(inside, key=lambda node: node.lineno, default=None)

    def is_trained(self, node: ast.expr) -> bool:
        """Whether an expression stands in the training loop or in a function."""
        around = [x for x in ast.walk(self.tree) if isinstance(x, ast.FunctionDef)]
        loop = self.outer_loop()
        return any(
            x.lineno <= node.lineno <= (x.end_lineno or 0)
            for x in [*around, *([] if loop is None else [loop])]
        )

    def function(self) -> ast.FunctionDef | None:
        """The function that the training loop stands in."""
        line = self._told["loop_line"]
        around = [
            node
            for node in ast.walk(self.tree)
            if isinstance(node, ast.FunctionDef) and node.lineno <= line <= (node.end_lineno or 0)
        ]
        return max(around, key=lambda node: node.lineno, default=None)

    def assigned(self, name: str) -> ast.expr | None:
        """What a parameter is given at first."""
        wanted = ast.parse(name, mode="eval").body
        assigned = list(assignments(self.tree))
        for target, value in assigned:
            if ast.unparse(target) == ast.unparse(wanted) and not _reads(value, wanted):
                return value
        if isinstance(wanted, ast.Attribute):
            return self._assigned_member(wanted)
        if not isinstance(wanted, ast.Subscript) or not isinstance(wanted.slice, ast.Constant):
            return None
        key = wanted.slice.value
        for target, value in assigned:
            if ast.unparse(target) == ast.unparse(wanted.value):
                found = _member(value, key)
                if found is not None:
                    return found
        return item_of(self.tree, last_name(wanted.value), key)

    def _assigned_member(self, wanted: ast.Attribute) -> ast.expr | None:
        """What an attribute is given at first, or a variable of a function: `network.W1`."""
        for scope in ast.walk(self.tree):
            if isinstance(scope, ast.FunctionDef) and scope.name == last_name(wanted.value):
                for target, value in assignments(scope):
                    own = isinstance(target, ast.Name) and target.id == wanted.attr
                    if own and not _reads(value, target):
                        return value
        return next(
            (
                value
                for target, value in assignments(self.tree)
                if isinstance(target, ast.Attribute) and target.attr == wanted.attr
            ),
            None,
        )

    def expression(self, *span: int) -> ast.expr | None:
        """The expression between two places, as `ast` counts lines and columns."""
        return next(
            (
                node
                for node in ast.walk(self.tree)
                if isinstance(node, ast.expr)
                and (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset) == span
            ),
            None,
        )

    def wrapped(self, node: ast.expr, template: str) -> Splice:
        """An expression in another one: `template` has `{}` where it stands."""
        if isinstance(node, ast.Call | ast.Name | ast.Attribute | ast.Subscript):
            template = template.replace("({})", "{}")
        return self.replaced(node, template.format(self.text_of(node)))

    def resized(self, node: ast.expr, template: str) -> Splice:
        """As `wrapped`, but a factor that stands there is changed, and a shape taken from there."""
        times = template.rpartition(" * ")[2]
        factor = _factor(node) if template == f"({{}}) * {times}" else None
        if factor is not None:
            return self.replaced(factor, f"{(value_of(factor) or 0.0) * float(times):.2g}")
        shape = _shape(node)
        if shape is not None:
            template = template.replace("np.shape({0})", self.text_of(shape))
        return self.wrapped(node, template)

    def replaced(self, node: ast.expr, text: str) -> Splice:
        """Another text in the place of an expression."""
        return Splice(self.offset(node), self.end(node), text)

    def before(self, node: ast.stmt, statements: Sequence[str]) -> Splice:
        """Statements before another one."""
        offset = self.starts[node.lineno - 1] + node.col_offset
        indent = " " * node.col_offset
        return Splice(offset, offset, "".join(f"{text}\n{indent}" for text in statements))

    def behind(self, node: ast.stmt, statements: Sequence[str]) -> Splice:
        """Statements behind another one."""
        offset = min(self.starts[node.end_lineno or node.lineno], len(self.source.text))
        indent = " " * node.col_offset
        start = "" if self.source.text[:offset].endswith("\n") else "\n"
        text = "".join(f"{indent}{text}\n" for text in statements)
        return Splice(offset, offset, start + text)

    def left_out(self, node: ast.stmt, *, alone: bool) -> Splice:
        """A statement left out with its line; `pass` in its place where its block has no other."""
        start, end = self.place(node.lineno, node.col_offset), self.end(node)
        first, last = int(self.starts[node.lineno - 1]), int(self.starts[node.end_lineno or 0])
        text = self.source.text
        whole = not text[first:start].strip() and not text[end:last].partition("#")[0].strip()
        if alone or not whole:
            return Splice(start, end, "pass")
        return Splice(first, min(last, len(text)), "")

    def text_of(self, node: ast.expr) -> str:
        """An expression as it is written."""
        return self.source.text[self.offset(node) : self.end(node)]

    def offset(self, node: ast.expr) -> int:
        """Where an expression begins in the text."""
        return self.place(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt) -> int:
        """Where an expression or a statement ends in the text."""
        return self.place(node.end_lineno or node.lineno, node.end_col_offset or 0)

    def place(self, line: int, column: int) -> int:
        """Offset of a place whose column is counted in bytes, as `ast` does."""
        before = self.source.line(line).encode()[:column].decode(errors="ignore")
        return int(self.starts[line - 1]) + len(before)


def _factor(node: ast.expr) -> ast.expr | None:
    """The number that an expression is multiplied by; None where none is written."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult):
        return None
    return next((side for side in (node.right, node.left) if value_of(side)), None)


def _shape(node: ast.expr) -> ast.expr | None:
    """The shape that `np.zeros(…)`, `np.ones(…)` or `np.full(…)` are given; None elsewhere.

    They may be multiplied by a number: `np.ones((2, 3)) * 0.5`.
    """
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        sides = [x for x in (node.left, node.right) if value_of(x) is None]
        return _shape(sides[0]) if len(sides) == 1 else None
    if not isinstance(node, ast.Call) or last_name(node.func) not in _EQUAL or not node.args:
        return None
    return node.args[0]


def is_range(node: ast.expr) -> bool:
    """Whether an expression is `range(n)` or `range(m, n)`."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return False
    return node.func.id in {"range", "xrange"} and len(node.args) in {1, 2}


def bound_of(loop: ast.For | ast.While) -> ast.expr | None:
    """What a loop counts to; None where it counts to nothing."""
    if isinstance(loop, ast.For):
        call = loop.iter
        if not is_range(call) or not isinstance(call, ast.Call):
            return None
        return call.args[0] if len(call.args) == 1 else call.args[1]
    test = loop.test
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Lt | ast.LtE):
        return test.comparators[0]
    return None


def value_of(node: ast.expr) -> float | None:
    """The number that an expression of constants is; None where it is none."""
    allowed = ast.Constant | ast.UnaryOp | ast.BinOp | ast.operator | ast.unaryop
    if not all(isinstance(item, allowed) for item in ast.walk(node)):
        return None
    try:
        value = eval(compile(ast.Expression(node), "", "eval"), {"__builtins__": {}})
    except (ArithmeticError, TypeError, ValueError):
        return None
    return float(value) if isinstance(value, int | float) and value is not True else None


def last_name(node: ast.expr) -> str | None:
    """The last name of a variable or an attribute."""
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else None


def assignments(tree: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Targets with what they are given, also side by side."""
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign) and node.value is not None:
            yield node.target, node.value
        for target in node.targets if isinstance(node, ast.Assign) else ():
            value = node.value  # type: ignore[attr-defined]
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                yield from zip(target.elts, value.elts, strict=False)
            else:
                yield target, value


def _arguments(tree: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Parameters of functions with their defaults, and with what calls hand over."""
    functions: dict[str, list[str]] = {}
    for scope in ast.walk(tree):
        body = scope.body if isinstance(scope, ast.ClassDef | ast.Module) else []
        for node in [x for x in body if isinstance(x, ast.FunctionDef)]:
            names = [item.arg for item in (*node.args.posonlyargs, *node.args.args)]
            owner = scope.name if isinstance(scope, ast.ClassDef) else None
            called = owner if node.name == "__init__" and owner is not None else node.name
            functions[called] = names[1:] if owner is not None else names
            defaults = zip(reversed(names), reversed(node.args.defaults), strict=False)
            yield from ((ast.Name(name), value) for name, value in defaults)
            for item, value in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
                if value is not None:
                    yield ast.Name(item.arg), value
    for call in (x for x in ast.walk(tree) if isinstance(x, ast.Call)):
        yield from ((ast.Name(x.arg), x.value) for x in call.keywords if x.arg is not None)
        names = functions.get(last_name(call.func) or "", [])
        yield from ((ast.Name(n), value) for n, value in zip(names, call.args, strict=False))


def _member(value: ast.expr, key: Any) -> ast.expr | None:
    """One item of a list or a dictionary that is written out."""
    if isinstance(value, ast.List | ast.Tuple) and isinstance(key, int):
        return value.elts[key] if key < len(value.elts) else None
    if isinstance(value, ast.ListComp) and isinstance(key, int):
        return value.elt
    if isinstance(value, ast.Dict):
        for name, item in zip(value.keys, value.values, strict=True):
            if isinstance(name, ast.Constant) and name.value == key:
                return item
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
        return next((item.value for item in value.keywords if item.arg == key), None)
    return None


def _reads(value: ast.expr, name: ast.expr) -> bool:
    text = ast.unparse(name)
    return any(isinstance(x, ast.expr) and ast.unparse(x) == text for x in ast.walk(value))

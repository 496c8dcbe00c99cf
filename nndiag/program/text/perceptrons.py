"""Perceptrons: programs whose output is a step function of what their parameters act on.

A step function has no derivative, and the perceptron rule is the gradient of no smooth loss. But it
is linear in the error, `target - output`, and the same program without its step function, whose
output is what the step would decide on, is a linear network trained by the delta rule: its
parameters are changed by the same error times the same inputs. So the rule is right where that
program's gradient is. Source: B. Widrow and M. Hoff, "Adaptive switching circuits" (1960).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from nndiag.errors import UserCodeError
from nndiag.program.text.edits import Change, Edit, TextEditor
from nndiag.program.text.instrument import node_id_of, number_nodes
from nndiag.program.text.source import Source

_RISES, _FALLS = (ast.Gt, ast.GtE), (ast.Lt, ast.LtE)
_NUMBERS = frozenset({"int", "float", "astype"})


@dataclass(frozen=True)
class StepsLeftOut:
    """A program without its step functions.

    Attributes:
        source: The program, with as many lines.
        written: What stands in it → what the program has there.
    """

    source: Source
    written: Mapping[str, str]

    def put_back(self, text: str) -> str:
        """A text of the program, or of a line of it, with the step functions in it again."""
        for new, old in self.written.items():
            text = text.replace(new, old)
        return text

    def is_one(self, node: ast.AST | None) -> bool:
        """Whether an expression of `source` stands for a step function."""
        return isinstance(node, ast.BinOp) and ast.unparse(node) in self._unparsed

    @cached_property
    def _unparsed(self) -> set[str]:
        return {_difference(text) for text in self.written}


def without_steps(source: Source) -> StepsLeftOut | None:
    """The program with what its step functions decide on in their place; None where it has none."""
    try:
        tree = ast.parse(source.text)
    except SyntaxError:
        return None
    nodes = number_nodes(tree)
    found = dict(_steps(tree))
    if not found:
        return None
    editor = TextEditor(source, nodes)
    written: dict[str, str] = {}
    for node, difference in found.items():
        old = ast.get_source_segment(source.text, node) or ""
        new = difference + "\n" * old.count("\n")
        written[new] = old
        editor.add(Edit("", (Change(node_id_of(node), new),)))
    try:
        edited = source.with_text(editor.text())
        edited.tree  # noqa: B018 - what is no Python is none
    except UserCodeError:
        return None
    return StepsLeftOut(edited, written)


def _difference(text: str) -> str:
    """The difference that stands in a statement or is an expression, in one way of writing."""
    return ast.unparse(ast.parse(text[text.index("(((") :].strip(), mode="eval").body)


def _steps(tree: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    """The step functions that stand in no other, with what they decide on."""
    for name, value in ast.iter_fields(tree):
        items = value if isinstance(value, list) else [value]
        for place, item in enumerate(items):
            if not isinstance(item, ast.AST):
                continue
            new = None
            if isinstance(item, ast.expr):
                new = _of_expression(item)
            elif isinstance(item, ast.If) and name in ("body", "orelse"):
                new = _of_statements(items[:place], item, items[place + 1 :])
            if new is None:
                yield from _steps(item)
            else:
                assert isinstance(item, (ast.expr, ast.stmt))
                yield item, new


def _of_expression(node: ast.expr) -> str | None:
    """An expression such as `1 if z > 0 else 0`, `np.sign(z)` or `(z > 0).astype(int)`."""
    if isinstance(node, ast.IfExp):
        return _decided(node.test, _number(node.body), _number(node.orelse))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        pairs = ((node.left, node.right), (node.right, node.left))
        return next((new for a, b in pairs if _number(a) and (new := _decided(b, 1, 0))), None)
    return _of_call(node) if isinstance(node, ast.Call) else None


def _of_call(node: ast.Call) -> str | None:
    name = ast.unparse(node.func).rpartition(".")[2]
    if name == "where" and len(node.args) == 3:
        return _decided(node.args[0], *map(_number, node.args[1:]))
    if name in ("sign", "heaviside") and node.args:
        return _written(ast.unparse(node.args[0]), "0")
    if name == "astype" and isinstance(node.func, ast.Attribute):
        return _decided(node.func.value, 1, 0)
    return _decided(node.args[0], 1, 0) if name in _NUMBERS and len(node.args) == 1 else None


def _of_statements(
    before: Sequence[ast.stmt], node: ast.If, behind: Sequence[ast.stmt]
) -> str | None:
    """Statements such as `if z > 0: return 1` and `else: return 0`, or with names assigned."""
    high, *others = _values(node.body)
    if isinstance(node.orelse, list) and node.orelse:
        first = node.orelse[0]
        lasting = first.body if isinstance(first, ast.If) else node.orelse
        low, *rest = _values(lasting)
    else:
        low, *rest = _values(behind[:1]) if high and high[0] == "return " else _values(before[-1:])
    if others or rest or not high or not low or high[0] != low[0]:
        return None
    new = _decided(node.test, high[1], low[1])
    return None if new is None else high[0] + new


def _values(body: Sequence[ast.stmt]) -> list[tuple[str, float]] | list[None]:
    """What a block of one statement returns or assigns, a number."""
    statement = body[0] if len(body) == 1 else None
    if isinstance(statement, ast.Return) and statement.value is not None:
        value, target = _number(statement.value), "return "
    elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        value, target = _number(statement.value), f"{ast.unparse(statement.targets[0])} = "
    else:
        return [None]
    return [None] if value is None else [(target, value)]


def _number(node: ast.expr) -> float | None:
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return None
    return float(value) if isinstance(value, (int, float)) else None


def _decided(test: ast.expr, high: float | None, low: float | None) -> str | None:
    """What a comparison decides on, so that it rises where the step function does."""
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or high is None or low is None:
        return None
    one, other = ast.unparse(test.left), ast.unparse(test.comparators[0])
    if high == low or not isinstance(test.ops[0], (*_RISES, *_FALLS)):
        return None
    rises = isinstance(test.ops[0], _RISES) == (high > low)
    return _written(one, other) if rises else _written(other, one)


def _written(one: str, other: str) -> str:
    """A difference, written as no program has it."""
    return f"((({one}) - ({other})))"

"""The statements of the backward pass: where edits are tried."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from nndiag.program.repair.atoms import Atom, AtomIndex
from nndiag.program.repair.workshop import Workshop
from nndiag.program.text.edits import Change, Edit
from nndiag.program.text.instrument import serial_of

_STATEMENT = (ast.Assign, ast.AugAssign, ast.Return, ast.Expr, ast.Lambda)
_PER_LETTER = 1e-4  # of edits that are equally likely, the one that changes less is tried first


@dataclass(frozen=True, eq=False)
class Site:
    """One statement of the backward pass or of an update, or a lambda that is called there.

    Attributes:
        statement: Its syntax tree.
        shop: What is known of all statements.
        index: The variables of the program.
    """

    statement: ast.stmt | ast.Lambda
    shop: Workshop
    index: AtomIndex

    @property
    def serial(self) -> int:
        """Serial of the statement."""
        return serial_of(self.statement)

    @property
    def value(self) -> ast.expr | None:
        """The expression that the statement assigns or returns."""
        if isinstance(self.statement, ast.Lambda):
            return self.statement.body
        return getattr(self.statement, "value", None)

    @cached_property
    def scope(self) -> ast.AST | None:
        """The function that it stands in; a lambda is its own."""
        if isinstance(self.statement, ast.Lambda):
            return self.statement
        return self.shop.scope(self.statement)

    @property
    def atoms(self) -> tuple[Atom, ...]:
        """The variables that it may use."""
        return self.index.of(self.scope)

    @property
    def module_atoms(self) -> tuple[Atom, ...]:
        """The variables of the module."""
        return self.index.of(None)

    @cached_property
    def expressions(self) -> tuple[ast.expr, ...]:
        """The expressions in it that have a value, outermost first."""
        if self.value is None:
            return ()
        return tuple(
            node
            for node in ast.walk(self.value)
            if isinstance(node, ast.expr) and not isinstance(getattr(node, "ctx", None), ast.Store)
        )

    @cached_property
    def variables(self) -> tuple[ast.expr, ...]:
        """The names, attributes and items in it that have numeric values."""
        return tuple(
            node
            for node in self.expressions
            if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript))
            and serial_of(node) in self.shop.computed.base.values
            and not (isinstance(node, ast.Attribute) and node.attr == "T")
        )

    def atom(self, node: ast.expr) -> Atom | None:
        """What is known of a variable in it."""
        text = ast.unparse(node)
        return next((atom for atom in self.atoms if atom.text == text), None)

    def parent(self, node: ast.AST) -> ast.AST | None:
        """The node above."""
        return self.shop.parents.get(serial_of(node))

    def edit(
        self,
        bug: str,
        node: ast.AST,
        text: str,
        *,
        cost: float = 1.0,
        says: str = "",
        changes_loss: bool = False,
    ) -> Edit:
        """An edit that puts a text in the place of one node."""
        wrapped = text
        if isinstance(node, ast.expr) and self._needs_brackets(node, text):
            wrapped = f"({text})"
        cost += _PER_LETTER * abs(len(text) - len(ast.unparse(node)))
        return Edit(bug, (Change(serial_of(node), wrapped),), cost, says, changes_loss)

    def _needs_brackets(self, node: ast.expr, text: str) -> bool:
        """Whether a text must stand in brackets to take the node's place."""
        above = self.parent(node)
        if not isinstance(above, (ast.BinOp, ast.UnaryOp, ast.Attribute, ast.Subscript, ast.Call)):
            return False
        if isinstance(above, ast.Call) and above.func is not node:
            return False
        if isinstance(above, ast.Subscript) and above.slice is node:
            return False
        try:
            parsed = ast.parse(text, mode="eval").body
        except SyntaxError:
            return False  # it is not tried then
        open_ended = parsed.col_offset == 0  # else it stands in brackets already
        return isinstance(parsed, (ast.BinOp, ast.UnaryOp, ast.Compare)) and open_ended

    def insertion(self, bug: str, text: str, *, cost: float = 1.2, says: str = "") -> Edit:
        """An edit that puts a statement behind this one."""
        return Edit(bug, (Change(self.serial, text, where="after"),), cost, says)

    def statement_edit(self, bug: str, text: str, *, cost: float = 1.0, says: str = "") -> Edit:
        """An edit that puts a text in the place of the whole statement."""
        return Edit(bug, (Change(self.serial, text),), cost, says)


def sites(shop: Workshop, *, forward: bool = False) -> list[Site]:
    """The statements on which an edit may mend the step, in order of the program.

    Args:
        shop: What is known of them.
        forward: Whether statements of the forward pass are taken too.
    """
    first = min((shop.computed.base.order[item.serial] for item in shop.residuals), default=0)
    index = AtomIndex(shop)
    found = []
    for node in shop.nodes.values():
        if not isinstance(node, _STATEMENT):
            continue
        if not isinstance(node, ast.Lambda) and getattr(node, "value", None) is None:
            continue
        if shop.is_driven(node) or _first(node, shop) > (-1 if forward else first):
            found.append(Site(node, shop, index))
    return sorted(found, key=lambda site: site.statement.lineno)


def _first(node: ast.AST, shop: Workshop) -> int:
    """When a statement's first value was computed; -1 where none was."""
    order = shop.computed.base.order
    times = [order[serial_of(item)] for item in ast.walk(node) if serial_of(item) in order]
    return max(times, default=-1)


def flipped_signs(value: Any) -> Any:
    """Factors that change each entry of a residual, and every second one's sign."""
    factors = np.where(np.arange(np.size(value)) % 2 == 0, -0.7, 1.3)
    return -0.7 if np.ndim(value) == 0 else factors.reshape(np.shape(value))


def matmul_operands(node: ast.AST) -> tuple[ast.expr, ast.expr] | None:
    """Both operands of a matrix product, however it is written; None for other expressions."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        return node.left, node.right
    if isinstance(node, ast.Call):
        name = ast.unparse(node.func)
        if name.rpartition(".")[2] in {"dot", "matmul", "outer"}:
            if len(node.args) == 2:
                return node.args[0], node.args[1]
            if len(node.args) == 1 and isinstance(node.func, ast.Attribute):
                return node.func.value, node.args[0]
    return None


def bracketed(node: ast.expr) -> str:
    """An expression's text, in brackets where it needs them to be a factor."""
    text = ast.unparse(node)
    return text if not isinstance(node, (ast.BinOp, ast.UnaryOp, ast.Compare)) else f"({text})"


def factors(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr, str]]:
    """The products and quotients in an expression: each factor with what is left without it.

    Yields:
        The whole, the factor, and the text of the rest.
    """
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Div)):
        if isinstance(node.op, ast.Mult):
            yield node, node.left, ast.unparse(node.right)
        yield node, node.right, ast.unparse(node.left)
    if isinstance(node, ast.Call) and len(node.args) == 2:
        if not ast.unparse(node.func).endswith("multiply"):
            return
        yield node, node.args[0], ast.unparse(node.args[1])
        yield node, node.args[1], ast.unparse(node.args[0])


def distinct(edits: Iterable[Edit]) -> list[Edit]:
    """Edits without repetitions, cheapest first."""
    seen: dict[Any, Edit] = {}
    for edit in sorted(edits, key=lambda item: item.cost):
        seen.setdefault(edit.changes, edit)
    return list(seen.values())

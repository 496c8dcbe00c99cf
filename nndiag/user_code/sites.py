"""The statements of the backward pass, with what their expressions came to: where edits are tried.

A value is *acted* when the parameters act on it, and *driven* when the residual does: gradients are
driven, activations are acted but not driven, inputs are neither.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from nndiag.user_code.candidates import Candidate, Computed, Residual
from nndiag.user_code.edits import Change, Edit
from nndiag.user_code.instrument import serial_of
from nndiag.user_code.scopes import Scope

Shape = tuple[int, ...]
_PER_LETTER = 1e-4  # of edits that are equally likely, the one that changes less is tried first


@dataclass(frozen=True)
class Atom:
    """A variable that an expression may use: a name, an attribute or an item.

    Attributes:
        text: As the program writes it.
        shapes: The shapes of its values.
        acted: Whether the parameters act on it.
        driven: Whether the residual acts on it.
        parameter: Whether it is a parameter.
        value: Its last value.
    """

    text: str
    shapes: frozenset[Shape]
    acted: bool
    driven: bool
    parameter: bool
    value: Any

    @property
    def activation(self) -> bool:
        """Whether it is a value of the forward pass, or an input."""
        return not self.driven and not self.parameter and (self.acted or bool(self.shapes - {()}))

    @property
    def gradient(self) -> bool:
        """Whether it is a value of the backward pass."""
        return self.driven and not self.parameter


@dataclass(eq=False)
class Workshop:
    """What is known of all statements of the step.

    Attributes:
        nodes: The program's syntax tree by serial.
        parents: The parent of each node.
        computed: The values of one iteration.
        driven: Serials of the values that the residual acts on.
        residuals: The differences between outputs and targets.
        loss: The loss.
        parameters: Tensor name → shape.
        values: Tensor name → value.
        updates: Tensor name → serials of the statements that update it.
        examples: How many examples one step sees.
        still: Tensors that the step does not change.
    """

    nodes: Mapping[int, ast.AST]
    parents: Mapping[int, ast.AST]
    computed: Computed
    driven: frozenset[int]
    residuals: list[Residual]
    loss: Candidate
    parameters: dict[str, Shape]
    values: dict[str, Any]
    updates: dict[str, tuple[int, ...]]
    examples: int
    still: frozenset[str] = frozenset()

    def shapes(self, node: ast.AST) -> frozenset[Shape]:
        """The shapes that an expression's values had."""
        values = self.computed.base.values.get(serial_of(node), [])
        return frozenset(np.shape(value) for value in values)

    def is_driven(self, node: ast.AST) -> bool:
        """Whether the residual acts on an expression, or on a part of it."""
        return any(serial_of(item) in self.driven for item in ast.walk(node))

    def is_acted(self, node: ast.AST) -> bool:
        """Whether the parameters act on an expression, or on a part of it."""
        return any(serial_of(item) in self.computed.acted for item in ast.walk(node))

    def is_parameter(self, node: ast.AST) -> bool:
        """Whether an expression's value is that of a parameter."""
        values = self.computed.base.values.get(serial_of(node), [])
        return (
            bool(values)
            and isinstance(node, ast.Name | ast.Attribute | ast.Subscript)
            and any(
                np.shape(value) == shape and np.array_equal(value, self.values[name])
                for value in values
                for name, shape in self.parameters.items()
            )
        )

    @cached_property
    def functions(self) -> dict[str, ast.FunctionDef]:
        """The functions and methods of the program, by name."""
        return {
            node.name: node for node in self.nodes.values() if isinstance(node, ast.FunctionDef)
        }

    @cached_property
    def calls(self) -> tuple[ast.Call, ...]:
        """All calls in the program."""
        return tuple(node for node in self.nodes.values() if isinstance(node, ast.Call))

    def scope(self, node: ast.AST) -> ast.AST | None:
        """The function that a node stands in, None at module level."""
        above = self.parents.get(serial_of(node))
        while above is not None and not isinstance(above, ast.FunctionDef):
            above = self.parents.get(serial_of(above))
        return above

    def atoms(self, scope: ast.AST | None) -> tuple[Atom, ...]:
        """The variables that statements of one function may use."""
        if scope not in self._atoms:
            self._atoms[scope] = tuple(self._found_atoms(scope))
        return self._atoms[scope]

    _atoms: dict[ast.AST | None, tuple[Atom, ...]] = field(default_factory=dict)

    def _found_atoms(self, scope: ast.AST | None) -> Iterator[Atom]:
        groups: dict[str, list[ast.AST]] = {}
        for serial in self.computed.base.values:
            node = self.nodes.get(serial)
            if not isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
                continue
            if isinstance(node, ast.Attribute) and node.attr in {"T", "shape", "size"}:
                continue
            own = self.scope(node)
            text = ast.unparse(node)
            if own is scope or (own is None and text.isidentifier()) or text.startswith("self."):
                groups.setdefault(text, []).append(node)
        for text, node in self._only_assigned(scope):
            groups.setdefault(text, [node])
        for text, members in groups.items():
            yield self._atom(text, members)

    def _only_assigned(self, scope: ast.AST | None) -> Iterator[tuple[str, ast.AST]]:
        """The variables that are set and never used, with what they are set to."""
        for node in self.nodes.values():
            if not isinstance(node, ast.Assign) or len(node.targets) != 1:
                continue
            target = node.targets[0]
            own = isinstance(target, ast.Name) and self.scope(node) is scope
            if own and self.shapes(node.value):
                yield ast.unparse(target), node.value

    def _atom(self, text: str, members: list[ast.AST]) -> Atom:
        values = self.computed.base.values
        return Atom(
            text=text,
            shapes=frozenset(shape for node in members for shape in self.shapes(node)),
            acted=any(serial_of(node) in self.computed.acted for node in members),
            driven=any(serial_of(node) in self.driven for node in members),
            parameter=any(self.is_parameter(node) for node in members),
            value=values[serial_of(members[-1])][-1],
        )


@dataclass(frozen=True, eq=False)
class Site:
    """One statement of the backward pass or of an update.

    Attributes:
        statement: Its syntax tree.
        shop: What is known of all statements.
    """

    statement: ast.stmt
    shop: Workshop

    @property
    def serial(self) -> int:
        """Serial of the statement."""
        return serial_of(self.statement)

    @property
    def value(self) -> ast.expr | None:
        """The expression that the statement assigns or returns."""
        return getattr(self.statement, "value", None)

    @cached_property
    def atoms(self) -> tuple[Atom, ...]:
        """The variables that it may use."""
        return self.shop.atoms(self.shop.scope(self.statement))

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
            if isinstance(node, ast.Name | ast.Attribute | ast.Subscript)
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
        if not isinstance(
            above, ast.BinOp | ast.UnaryOp | ast.Attribute | ast.Subscript | ast.Call
        ):
            return False
        if isinstance(above, ast.Call) and above.func is not node:
            return False
        if isinstance(above, ast.Subscript) and above.slice is node:
            return False
        return isinstance(ast.parse(text, mode="eval").body, ast.BinOp | ast.UnaryOp | ast.Compare)

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
    found = []
    for node in shop.nodes.values():
        if not isinstance(node, ast.Assign | ast.AugAssign | ast.Return | ast.Expr):
            continue
        if isinstance(node, Scope) or getattr(node, "value", None) is None:
            continue
        if shop.is_driven(node) or _first(node, shop) > (-1 if forward else first):
            found.append(Site(node, shop))
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
    return text if not isinstance(node, ast.BinOp | ast.UnaryOp | ast.Compare) else f"({text})"


def factors(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr, str]]:
    """The products and quotients in an expression: each factor with what is left without it.

    Yields:
        The whole, the factor, and the text of the rest.
    """
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
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

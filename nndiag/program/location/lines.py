"""Which line of the program a fault stands in."""

from __future__ import annotations

import ast
import copy
from collections.abc import Mapping

from nndiag.program.text.edits import Change
from nndiag.program.text.instrument import node_id_of, parents_of

_MARK = "__place__"
_TURNED: dict[type[ast.operator], type[ast.operator]] = {ast.Add: ast.Sub, ast.Sub: ast.Add}
_NAMES = (ast.Name, ast.Attribute, ast.Subscript)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class Lines:
    """Finds statements of a program by the expressions in them."""

    def __init__(self, tree: ast.Module, nodes: Mapping[int, ast.AST]) -> None:
        self.tree = tree
        self.nodes = nodes
        self.parents = parents_of(tree)

    def statement(self, node_id: int) -> ast.stmt | None:
        """The statement that an expression stands in."""
        node: ast.AST | None = self.nodes.get(node_id)
        while node is not None and not isinstance(node, ast.stmt):
            node = self.parents.get(node_id_of(node))
        return node

    def handed_on(self, node_id: int) -> int | None:
        """Where a statement behind an assignment alone reads what it gives, as a second name.

        In `g = p - y; delta = g` the error is right as `g`, and it is `delta` that is not.

        Args:
            node_id: An expression of the assignment.
        """
        made = self.statement(node_id)
        if not isinstance(made, ast.Assign):
            return None
        block = self.block(node_id_of(made))
        texts = [ast.unparse(target) for target in made.targets]
        behind: list[ast.expr] = []
        for statement in block[block.index(made) + 1 :]:
            used = [node for node in ast.walk(statement) if isinstance(node, _NAMES)]
            used = [node for node in used if ast.unparse(node) in texts]
            if any(isinstance(node.ctx, ast.Store) for node in used):
                break  # another value from here on
            behind += used
        parent = self.parents.get(node_id_of(behind[0])) if len(behind) == 1 else None
        alone = isinstance(parent, ast.Assign) and parent.value is behind[0] and parent in block
        return node_id_of(behind[0]) if alone else None

    def carried_on(self, place: ast.expr, name: str) -> ast.Name | None:
        """What a variable is only a second name for, from one round of a loop to the next.

        Args:
            place: Where it is read.
            name: The variable.
        """
        own = self.statement(node_id_of(place))
        if own is None:
            return None
        block = self.block(node_id_of(own))
        given = [
            statement.value
            for statement in block[block.index(own) + 1 :]
            if isinstance(statement, ast.Assign) and name in map(ast.unparse, statement.targets)
        ]
        return given[0] if len(given) == 1 and isinstance(given[0], ast.Name) else None

    def given_by(self, place: ast.expr) -> ast.expr | None:
        """What a variable is a second name for, where the statement before it in the block says so.

        Args:
            place: The variable, where it is read.
        """
        own = self.statement(node_id_of(place))
        if own is None or not isinstance(place, ast.Name):
            return None
        block = self.block(node_id_of(own))
        for statement in reversed(block[: block.index(own)]):
            if isinstance(statement, ast.Assign) and place.id in map(
                ast.unparse, statement.targets
            ):
                return statement.value if isinstance(statement.value, ast.Name) else None
        return None

    def block(self, node_id: int) -> list[ast.stmt]:
        """The statements among which one stands."""
        parent, node = self.parents[node_id], self.nodes[node_id]
        blocks = (getattr(parent, name, None) for name in ("body", "orelse", "finalbody"))
        return next((b for b in blocks if isinstance(b, list) and node in b), [node])  # type: ignore[list-item]

    def function(self, node_id: int) -> ast.AST | None:
        """The function that a node stands in; None at module level."""
        node = self.parents.get(node_id)
        while node is not None and not isinstance(node, _FUNCTIONS):
            node = self.parents.get(node_id_of(node))
        return node

    def change(self, place: ast.expr, text: str) -> Change:
        """Another expression in the place of one; what would be added negated is subtracted.

        Args:
            place: The one, an expression of the program.
            text: The other.
        """
        new, parent = ast.parse(text, mode="eval").body, self.parents.get(node_id_of(place))
        operand = new.operand if isinstance(new, ast.UnaryOp) else new
        turned = _TURNED.get(type(getattr(parent, "op", None)))  # type: ignore[arg-type]
        if turned and isinstance(new, ast.UnaryOp) and isinstance(new.op, ast.USub):
            if isinstance(parent, ast.AugAssign) and parent.value is place:
                whole: ast.AST = ast.AugAssign(parent.target, turned(), operand)
                return Change(node_id_of(parent), ast.unparse(whole))
            if isinstance(parent, ast.BinOp) and parent.right is place:
                whole = ast.BinOp(parent.left, turned(), operand)
                return Change(node_id_of(parent), ast.unparse(whole))
        return Change(node_id_of(place), self._in_place(place, text))

    def _in_place(self, place: ast.expr, text: str) -> str:
        """An expression as it is written in the place of another: in brackets where needed."""
        parent = self.parents.get(node_id_of(place))
        if not isinstance(parent, (ast.BinOp, ast.UnaryOp, ast.Compare, ast.Attribute)):
            return text
        around = copy.deepcopy(parent)
        for node in ast.walk(around):
            for name, child in ast.iter_fields(node):
                if node_id_of(child) == node_id_of(place):
                    setattr(node, name, ast.Name(_MARK))
        whole = ast.unparse(around)
        plain, own = whole.replace(_MARK, text), whole.replace(_MARK, f"({text})")
        try:
            same = ast.dump(ast.parse(plain)) == ast.dump(ast.parse(own))
        except SyntaxError:  # `3.T`
            same = False
        return text if same else f"({text})"

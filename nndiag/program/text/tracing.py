"""The program's syntax tree with every operation handed to a tracer, which performs and records it.

Where a probe only sees a value, the tracer sees an operation with its operands: from them the graph
of an iteration is made. The transformed code does exactly what the program does, in the same order;
operations on what is no number are performed and forgotten.
"""

from __future__ import annotations

import ast
from typing import Any

TRACE = "__nnd_trace__"
TICK, RESET, HOLD = "__nnd_tick__", "__nnd_reset__", "__nnd_hold__"
_LEFT_ALONE = frozenset({"super", "locals", "globals", "vars", "eval", "exec", "dir", "__import__"})

_OPERATORS = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.MatMult: "matmul",
    ast.Div: "truediv",
    ast.FloorDiv: "floordiv",
    ast.Mod: "mod",
    ast.Pow: "pow",
    ast.LShift: "lshift",
    ast.RShift: "rshift",
    ast.BitAnd: "and_",
    ast.BitOr: "or_",
    ast.BitXor: "xor",
    ast.UAdd: "pos",
    ast.USub: "neg",
    ast.Invert: "invert",
    ast.Not: "not_",
    ast.Eq: "eq",
    ast.NotEq: "ne",
    ast.Lt: "lt",
    ast.LtE: "le",
    ast.Gt: "gt",
    ast.GtE: "ge",
}
"""The operators of the syntax by their names in the module `operator`."""


class TracingTransformer(ast.NodeTransformer):
    """Puts calls of the tracer in the place of operations, in place."""

    def __init__(
        self, *, resets: frozenset[int] = frozenset(), forced: frozenset[int] = frozenset()
    ) -> None:
        self._resets = resets
        self._forced = forced

    def visit(self, node: ast.AST) -> Any:
        """The node with its operations traced."""
        if isinstance(node, ast.arguments) or _is_pattern(node):
            return node
        if isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)
        node_id = int(getattr(node, "node_id", -1))
        found = super().visit(node)
        if isinstance(found, (ast.For, ast.While)):
            found.body.insert(0, _hook(f"{TICK}()", node))
        if isinstance(found, ast.If) and node_id in self._forced:
            found.test = ast.copy_location(ast.Constant(True), found.test)
        if node_id in self._resets:
            return [found, _hook(f"{RESET}({node_id})", node)]
        return found

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        """`left + right`."""
        self.generic_visit(node)
        return _traced(node, "binary", _name(node.op), node.left, node.right)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        """`-value`; a negative literal stays what it is."""
        self.generic_visit(node)
        if isinstance(node.op, ast.Not) or isinstance(node.operand, ast.Constant):
            return node
        return _traced(node, "unary", _name(node.op), node.operand)

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        """`left > right`; chains, identities and memberships give no numbers."""
        self.generic_visit(node)
        if len(node.ops) != 1 or type(node.ops[0]) not in _OPERATORS:
            return node
        return _traced(node, "binary", _name(node.ops[0]), node.left, node.comparators[0])

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """`function(arguments)`."""
        if isinstance(node.func, ast.Name) and node.func.id in _LEFT_ALONE:
            return node
        if isinstance(node.func, ast.Attribute):
            node.func.value = self.visit(node.func.value)
        else:
            node.func = self.visit(node.func)
        node.args = [self.visit(item) for item in node.args]
        for keyword in node.keywords:
            keyword.value = self.visit(keyword.value)
        if isinstance(node.func, ast.Name) and node.func.id == HOLD:
            return node
        call = _traced(node, "call", node.func, *node.args)
        call.keywords = node.keywords
        return call

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        """`array.T`; private names stay where the class can spell them."""
        self.generic_visit(node)
        if not isinstance(node.ctx, ast.Load) or node.attr.startswith("__"):
            return node
        return _traced(node, "attribute", node.value, ast.Constant(node.attr))

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        """`array[index]`."""
        self.generic_visit(node)
        if not isinstance(node.ctx, ast.Load):
            return node
        return _traced(node, "item", node.value, _index(node.slice))

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.expr:
        """A value in an f-string: it is shown."""
        self.generic_visit(node)
        node.value = _traced(node.value, "shown", node.value)
        return node

    def visit_For(self, node: ast.For) -> ast.stmt:
        """A loop; what it goes through may be an array."""
        self.generic_visit(node)
        node.iter = _traced(node.iter, "iterated", node.iter)
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.comprehension:
        """A loop in an expression."""
        self.generic_visit(node)
        node.iter = _traced(node.iter, "iterated", node.iter)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.stmt:
        """`target += value`, which may change an array in place."""
        operator = _name(node.op)
        target = node.target
        value = self.visit(node.value)
        call: ast.expr
        if isinstance(target, ast.Name):
            read = ast.copy_location(ast.Name(target.id, ast.Load()), target)
            call = _traced(node, "changed", operator, read, value)
            return ast.copy_location(ast.Assign([target], call), node)
        if isinstance(target, ast.Subscript):
            holder, index = self.visit(target.value), self.visit(target.slice)
            call = _traced(node, "changed_item", operator, holder, _index(index), value)
        elif target.attr.startswith("__"):
            read_attribute = ast.copy_location(
                ast.Attribute(self.visit(target.value), target.attr, ast.Load()), target
            )
            call = _traced(node, "changed", operator, read_attribute, value)
            return ast.copy_location(ast.Assign([target], call), node)
        else:
            name = ast.Constant(target.attr)
            call = _traced(
                node, "changed_attribute", operator, self.visit(target.value), name, value
            )
        return ast.copy_location(ast.Expr(call), node)

    def visit_Assign(self, node: ast.Assign) -> ast.stmt:
        """`array[index] = value`, and arrays taken apart: `a, b = array`."""
        self.generic_visit(node)
        target = node.targets[0]
        if len(node.targets) > 1:
            return node
        if isinstance(target, ast.Subscript):
            call = _traced(node, "set_item", node.value, target.value, _index(target.slice))
            return ast.copy_location(ast.Expr(call), node)
        if isinstance(target, (ast.Tuple, ast.List)):
            node.value = _traced(node.value, "taken_apart", node.value)
        return node


def _is_pattern(node: ast.AST) -> bool:
    kind = getattr(ast, "pattern", None)
    return kind is not None and isinstance(node, kind)


def _name(operator: ast.AST) -> ast.Constant:
    return ast.Constant(_OPERATORS[type(operator)])


def _index(node: ast.expr) -> ast.expr:
    """The index of a subscript as an expression that stands alone: slices are made by `slice`."""
    if isinstance(node, ast.Slice):
        parts = [part or ast.Constant(None) for part in (node.lower, node.upper, node.step)]
        built = ast.Call(ast.Attribute(ast.Name(TRACE, ast.Load()), "slice", ast.Load()), parts, [])
        return ast.copy_location(built, node)
    if isinstance(node, ast.Tuple):
        return ast.copy_location(ast.Tuple([_index(part) for part in node.elts], ast.Load()), node)
    return node


def _traced(node: ast.AST, method: str, *arguments: ast.expr) -> ast.Call:
    """A call of one of the tracer's methods, with the node id of the node it stands for."""
    node_id = ast.Constant(int(getattr(node, "node_id", -1)))
    function = ast.Attribute(ast.Name(TRACE, ast.Load()), method, ast.Load())
    call = ast.Call(function, [node_id, *arguments], [])
    call.node_id = node_id.value  # type: ignore[attr-defined]
    return ast.copy_location(call, node)


def _hook(text: str, node: ast.AST) -> ast.stmt:
    call = ast.parse(text).body[0]
    for item in ast.walk(call):
        ast.copy_location(item, node)
    return call

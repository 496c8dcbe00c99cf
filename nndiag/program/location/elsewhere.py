"""Where a value that is not what is due was made, if elsewhere than where that shows.

In the round before, of which a variable keeps it; behind an assignment that only gives it a second
name; in a function of the program that the expression calls.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nndiag.program.location.evidence import Evidence
from nndiag.program.location.lines import Lines
from nndiag.program.location.substitution import Substitution
from nndiag.program.location.wording import operand_nodes
from nndiag.program.loop.step_evaluator import Point
from nndiag.program.roles.multiples import factor_between
from nndiag.program.roles.reading import Reading
from nndiag.program.text.instrument import node_id_of

Due = tuple[Point, int, np.ndarray]
"""A point, how often an expression was computed there before, and what is due then."""


@dataclass(frozen=True)
class Elsewhere:
    """Moves what is due from an expression to where its value was made.

    Attributes:
        evidence: The program's iterations.
        lines: Its statements.
        nodes: Its syntax tree by node_id.
    """

    evidence: Evidence
    lines: Lines
    nodes: Mapping[int, ast.AST]

    def carried_on(self, found: Substitution, dues: Sequence[Due]) -> tuple[int, list[Due]]:
        """Where a summand that is wrong was carried on from the round before, and what is due.

        With `prev = delta` at the end of a loop, and `e = w @ d + prev` in the next round, it is
        `prev` that is wrong, and not the sum.

        Args:
            found: The expression.
            dues: What is due in its place.
        """
        place = self.nodes[found.node_id]
        for operand, other in _operands(place, ast.Add):
            assert isinstance(place, ast.expr)
            name = operand.id if isinstance(operand, ast.Name) else ""
            given = self.lines.carried_on(place, name) if name else None
            if given is None:
                continue
            rows = [
                (point, count - 1, due - rest)
                for point, count, due in dues
                for _, rest in self._values(found.node_id, point, count, other)
                if count > 0
            ]
            return node_id_of(given), rows
        return -1, []

    def handed_on(
        self, found: Substitution, dues: Sequence[Due]
    ) -> tuple[Substitution, Sequence[Due]]:
        """A right value at the place where another variable takes it, or a multiple of it, over.

        Args:
            found: The expression.
            dues: What is due in its place.
        """
        alias = self.lines.handed_on(found.node_id) if found.is_right else None
        statement = self.lines.statement(found.node_id)
        if alias is None or not isinstance(statement, ast.Assign):
            return found, dues
        scaled = []
        for point, count, due in dues:
            reading = self._reading_at(point)
            keys = [(item, None, count) for item in (node_id_of(statement.value), found.node_id)]
            values = [reading.graph[reading.keyed[k]].value for k in keys if k in reading.keyed]
            factor = factor_between(*values) if len(values) == len(keys) else None
            if factor is None:
                return found, dues
            scaled.append((point, count, factor * due))
        return replace(found, node_id=alias), scaled

    def called(self, found: Substitution, dues: Sequence[Due]) -> tuple[int, list[Due]]:
        """Where a function of the program gives the factor that is wrong, and what is due there.

        With `d = e * slope(z)`, and `e` right, it may be what `slope` returns that is wrong.

        Args:
            found: The expression.
            dues: What is due in its place.
        """
        for operand, other in _operands(self.nodes[found.node_id], ast.Mult):
            if not isinstance(operand, ast.Call):
                continue
            rows, places = [], set()
            for point, count, due in dues:
                rest = [value for _, value in self._values(found.node_id, point, count, other)]
                made = [node for node, _ in self._values(found.node_id, point, count, operand)]
                reading = self._reading_at(point)
                key = reading.keys.get(made[0]) if made and rest else None
                if key is not None and rest[0].shape == due.shape and np.all(rest[0]):
                    rows.append((point, key[2], due / rest[0]))
                    places.add(key[0])
            own = self.lines.function(found.node_id)
            inside = [p for p in places if self.lines.function(p) not in (own, None)]
            if len(places) == 1 and inside and isinstance(self.nodes.get(inside[0]), ast.expr):
                return inside[0], rows
        return -1, []

    def _values(
        self, node_id: int, point: Point, count: int, operand: ast.expr
    ) -> Iterator[tuple[int, np.ndarray]]:
        """The value of an operand of an expression, one time that it was computed."""
        reading, place = self._reading_at(point), self.nodes[node_id]
        node = reading.graph[reading.keyed[node_id, None, count]]
        for index, item in operand_nodes(node, place):
            if item is operand:
                yield index, np.asarray(reading.graph[index].value, float)

    def _reading_at(self, point: Point) -> Reading:
        return next(item for item in self.evidence.readings if item.point is point)


def _operands(place: ast.AST, kind: type[ast.operator]) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Each operand of a sum or a product with the other one; none of another expression."""
    if isinstance(place, ast.BinOp) and isinstance(place.op, kind):
        yield place.left, place.right
        yield place.right, place.left

"""What may be due in the place of an expression's values: derivatives, or errors passed through."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from nndiag.program.graph.nodes import Graph
from nndiag.program.location.aims import Aims
from nndiag.program.location.alignment import Alignment
from nndiag.program.location.tape import MOST_SCALES, Tape
from nndiag.program.roles.multiples import laid_out

_SUMS = frozenset({"sum", "mean", "average"})


@dataclass(frozen=True)
class Candidate:
    """What may be due in the place of an expression's values.

    Attributes:
        node_id: The expression.
        key: The family of derivatives.
        alignment: Which of the family is due for which value.
        difference: How many more members than values there are.
        scale: Which of the factors known at the expression the derivatives have.
    """

    node_id: int
    key: tuple[int, int, int]
    alignment: Alignment
    difference: int
    scale: int = 0

    def given(self, tape: Tape) -> dict[int, Any] | None:
        """The values with what is due in their place; None where it does not fit a reading."""
        nodes, family = tape.sites.get(self.node_id, ()), tape.families.get(self.key)
        if family is None or not self.fits(tape):
            return None
        scales, _ = tape.scales(self.node_id)
        factor = scales[self.scale] if self.scale < len(scales) else 1.0
        found: dict[int, Any] = {}
        for node, place in zip(nodes, self._places(tape)):
            if place is None:
                continue
            value = factor * family.values[place]
            layout = next(laid_out(value, tape.graph[node].shape), None)
            summed = is_summed_to_one(tape.graph, node, value.size)
            if layout is None and not summed and not set(family.targets) <= set(tape.heads):
                return None
            layout = value if layout is None else layout
            found[node] = layout if layout.ndim else float(layout)
        return found

    def targets(self, tape: Tape) -> list[int]:
        """By which node each of the values is due to be the derivative."""
        known = tape.families[self.key].targets
        return [known[place] for place in self._places(tape) if place is not None]

    def _places(self, tape: Tape) -> tuple[int | None, ...]:
        members = len(tape.families[self.key].values)
        return self.alignment.places(len(tape.sites[self.node_id]), members)

    def forms(self) -> list[Candidate]:
        """The same with the factors that there may be in another reading."""
        scales = [self.scale, *(s for s in range(MOST_SCALES) if s != self.scale)]
        return [replace(self, scale=scale) for scale in scales]

    def fits(self, tape: Tape) -> bool:
        """Whether a reading has such values, and derivatives for them."""
        if self.key not in tape.families or self.node_id not in tape.sites:
            return False
        members = len(tape.families[self.key].values)
        return members - len(tape.sites[self.node_id]) == self.difference


@dataclass(frozen=True)
class Passed:
    """The errors that an expression's values are made of, each passed through what made it.

    Attributes:
        node_id: The expression.
        through: The expression of the forward pass by whose results the errors are derivatives.
        slot: By which of its operands the derivative is due.
    """

    node_id: int
    through: int
    slot: int

    def given(self, tape: Tape) -> dict[int, Any] | None:
        """The values with what is due in their place; None where it does not fit a reading."""
        found: dict[int, Any] = {}
        for node in tape.sites.get(self.node_id, ()):
            source, factor = tape.sources(node).get(self.through, (-1, 0.0))
            part = None if source < 0 else tape.pulled_back(source, self.slot)
            layout = None if part is None else next(laid_out(part, tape.graph[node].shape), None)
            if layout is None:
                return None
            found[node] = factor * layout if layout.ndim else float(factor * layout)
        return found

    def targets(self, tape: Tape) -> list[int]:
        """By which node each of the values is due to be the derivative."""
        sources = [tape.sources(node)[self.through][0] for node in tape.sites[self.node_id]]
        return [tape.graph[source].inputs[self.slot] for source in sources]

    def forms(self) -> list[Passed]:
        """Itself: its factors are those of the errors."""
        return [self]

    def fits(self, tape: Tape) -> bool:
        """Whether a reading has the values."""
        return self.node_id in tape.sites


@dataclass(frozen=True)
class Known:
    """A gradient of one number, whose factor over the derivative is known by other gradients.

    Attributes:
        node_id: The expression that gives it.
        name: The parameter.
        aims: What its factor ought to be.
    """

    node_id: int
    name: str
    aims: Aims

    def given(self, tape: Tape) -> dict[int, Any] | None:
        """The value with what is due in its place; None where the factor is unknown."""
        factor = self.aims.factors(tape)[self.name]
        if factor is None or not self.fits(tape):
            return None
        (node,) = tape.gradients[self.name]
        due = factor * tape.due(self.name).reshape(tape.graph[node].shape)
        return {node: due if due.ndim else float(due)}

    def targets(self, tape: Tape) -> list[int]:
        """By which node it is due to be the derivative."""
        return list(next(i.heads for i in tape.reading.parameters if i.name == self.name))

    def forms(self) -> list[Known]:
        """Itself: its factor is known."""
        return [self]

    def fits(self, tape: Tape) -> bool:
        """Whether a reading has it, and computes it once."""
        sites = tape.sites.get(self.node_id)
        return sites is not None and list(sites) == tape.gradients.get(self.name)


def is_summed_to_one(graph: Graph, node: int, size: int) -> bool:
    """Whether a value is the one number that as many as are due were summed to.

    Args:
        graph: The iteration.
        node: The value.
        size: How many are due.
    """
    item = graph[node]
    return item.size == 1 and item.operation in _SUMS and graph[item.inputs[0]].size == size

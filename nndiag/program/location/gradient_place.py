"""Where the gradient of a parameter stands: behind it there are only factors and memory."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from functools import cached_property

import numpy as np

from nndiag.program.graph.nodes import Node, Ref, refs_in
from nndiag.program.graph.operations import VIEWS
from nndiag.program.location.evidence import Evidence

_DEEP = 40
_TAKES = frozenset(["gather", "getitem"])


class GradientPlace:
    """Finds the values that updates take for gradients, in one graph."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.graph = evidence.graph

    def gradient_node(self, end: int, size: int) -> int | None:
        """The value that an update takes for the gradient: behind it there are only factors.

        Args:
            end: The parameter's next value.
            size: How many numbers it has in all: a part of more is no gradient that was stored.
        """
        node: int | None = end
        for _ in range(_DEEP):
            assert node is not None
            item = self.graph[node]
            flows = self._flows(item)
            passes_on = (
                node == end
                or node in self.evidence.remembering
                or item.operation in VIEWS | {"with_item", "scatter"}
                or (len(flows) == 1 and self.only_factors(item, flows[0]))
            )
            cut = item.operation in _TAKES and any(self.graph[f].size > size for f in flows)
            if not passes_on or not flows or cut:
                return None if node == end else node
            node = flows[0] if node in self.evidence.remembering else flows[-1]
        return node

    def _flows(self, item: Node) -> list[int]:
        """The inputs that belong to the backward pass and carry an error."""
        backward, carrying = self.evidence.backward, self.evidence.carrying
        return [node for node in dict.fromkeys(refs_of(item)) if node in backward & carrying]

    def only_factors(self, item: Node, flow: int) -> bool:
        """Whether a value is one input, times and divided by single numbers."""
        if item.operation in ("neg", "negative", "pos", "clip"):
            return True
        if item.operation in ("add", "sub", "subtract"):
            others = [node for node in refs_of(item) if node != flow]
            return all(
                node not in self.evidence.adjoints[0] or self.graph[node].function is None
                for node in others
            )
        if item.operation not in ("mul", "multiply", "truediv", "divide", "true_divide"):
            return False
        others = [
            part for part in item.arguments if not (isinstance(part, Ref) and part.node == flow)
        ]
        return (
            all(self._is_constant(part) for part in others) and self.graph[flow].size == item.size
        )

    def _is_constant(self, part: object) -> bool:
        if isinstance(part, Ref):
            return (
                self.graph[part.node].size == 1
                and part.node not in self.evidence.readings[0].acted
                and self._taken(part.node) not in self._met
            )
        return np.ndim(part) == 0 and part not in self._plain  # type: ignore[arg-type]

    @cached_property
    def _meeting(self) -> list[object]:
        """What the forward pass multiplies parameters with: data, one by one."""
        heads = {head for item in self.evidence.readings[0].parameters for head in item.heads}
        products = [self.graph[node] for node in self.evidence.forward]
        parts = [
            part
            for node in products
            if node.operation in ("mul", "multiply") and heads & set(node.inputs)
            for part in node.arguments
        ]
        return [part for part in parts if not (isinstance(part, Ref) and part.node in heads)]

    @cached_property
    def _met(self) -> set[Hashable]:
        """The numbers of the iteration among them."""
        return {self._taken(part.node) for part in self._meeting if isinstance(part, Ref)}

    @cached_property
    def _plain(self) -> set[float]:
        """The plain numbers among them, out of tuples: they are no values of the iteration."""
        return {part for part in self._meeting if isinstance(part, (int, float))}

    def _taken(self, node: int) -> Hashable:
        """What tells a number from others, however often it is taken out of a table."""
        item = self.graph[node]
        while item.operation in VIEWS - _TAKES and len(item.inputs) == 1:
            item = self.graph[item.inputs[0]]
        return (
            item.index
            if item.function is None
            else (item.operation, item.inputs, str(item.arguments))
        )


def refs_of(item: Node) -> Iterator[int]:
    """The nodes that an operation was made from, in order."""
    yield from refs_in(item.arguments)
    yield from refs_in(item.keywords)

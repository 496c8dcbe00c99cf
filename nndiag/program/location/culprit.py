"""From a wrong gradient down to the operation at fault.

The gradient of a parameter is due as a product of what the parameter met in the forward pass and of
the derivative by what came out of it. The operation that made the program's value is held against
that: an operand that is as it should be is left, one that ought to be another derivative is gone
into, and what remains is at fault, with the value that was due.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from nndiag.program.graph.nodes import Node
from nndiag.program.location.evidence import Evidence
from nndiag.program.location.gradient_place import MOVES, GradientPlace, refs_of
from nndiag.program.roles.parameters import Parameter

_DEEP = 40
_PRODUCTS = frozenset(["mul", "multiply", "matmul", "dot", "outer", "einsum", "tensordot", "inner"])
_SUMS = frozenset(["add", "sum", "mean", "average"])


class Fault(Enum):
    """What is wrong with an operation."""

    SEED = "the derivative of the loss by the output"
    DERIVATIVE = "the local derivative of an activation"
    MISSING_DERIVATIVE = "no local derivative where one is due"
    EXTRA_DERIVATIVE = "a factor where none is due"
    WEIGHTS = "the weights that the error is passed back through"
    CHAIN = "no weights where the error is to be passed back through some"
    OPERAND = "the value of the forward pass that the error is multiplied with"
    FLOW = "the error of another layer"
    REDUCTION = "how an error is summed"
    UNKNOWN = "the expression"


@dataclass(frozen=True, eq=False)
class Culprit:
    """An operation at fault.

    Attributes:
        node: The value that is wrong, or the operand that is.
        fault: What is wrong with it.
        due: What it should have been, stacked over the points; None where it is not known.
        target: The node by which the derivative was due.
        source: The node whose derivative was passed on rightly; None where none was.
        flow: The value that passes that derivative on; None where there is none.
        product: The operation that the value at fault is an operand of; itself where it is none.
    """

    node: int
    fault: Fault
    due: np.ndarray | None
    target: int
    source: int | None = None
    flow: int | None = None
    product: int | None = None


def culprit_of(evidence: Evidence, parameter: Parameter) -> Culprit | None:
    """The operation that makes a parameter's gradient wrong; None where it was not found.

    Args:
        evidence: The readings.
        parameter: One whose gradient is wrong, in the first of them.
    """
    end, head = parameter.ends[0], parameter.heads[0]
    if end is None:
        return None
    start = GradientPlace(evidence).gradient_node(end)
    return None if start is None else _Search(evidence).explained(start, head, 0)


def explained(evidence: Evidence, node: int, target: int) -> Culprit | None:
    """What is wrong with a value that is due to be the derivative by a target."""
    return _Search(evidence).explained(node, target, 0)


class _Search:
    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.graph = evidence.graph
        self.place = GradientPlace(evidence)
        self.users = self._forward_users()

    def _forward_users(self) -> dict[int, list[int]]:
        users: dict[int, list[int]] = {}
        for node in self.evidence.forward:
            for item in self.graph[node].inputs:
                users.setdefault(item, []).append(node)
        return users

    # What ought to stand where.

    def explained(self, node: int, target: int, depth: int) -> Culprit | None:  # noqa: PLR0911 - one kind after the other
        """What makes a value differ from the derivative by a target; None where it does not."""
        if depth > _DEEP or self._is_right(node, target):
            return None
        node = self._stripped(node)
        item = self.graph[node]
        due = self.evidence.adjoint(target)
        if item.operation in _SUMS:
            return self._explained_sum(node, target, depth)
        flows = self._operand_flows(item)
        if any(self._is_right(flow, target) for flow in flows):
            return Culprit(node, Fault.EXTRA_DERIVATIVE, due, target, None, flows[0])
        for flow in flows:
            source = self._source_of(flow, target)
            if source is not None:
                return self._explained_product(node, flow, source, target)
        if not flows:
            return Culprit(node, Fault.SEED, due, target)
        for flow in flows:
            wanted = self._supposed(item, flow, target)
            if wanted is not None:
                found = self.explained(flow, wanted, depth + 1)
                if found is not None:
                    return found
        other = self._other_error(flows)
        if other is not None:
            return Culprit(other, Fault.FLOW, None, target)
        return Culprit(node, Fault.UNKNOWN, due, target)

    def _is_right(self, node: int, target: int) -> bool:
        return self.evidence.factor(node, target) is not None

    def _stripped(self, node: int) -> int:
        """A value without what only moves it about or multiplies it by a number."""
        for _ in range(_DEEP):
            item = self.graph[node]
            flows = self._operand_flows(item)
            if len(flows) != 1 or not (
                item.operation in MOVES or self.place.only_factors(item, flows[0])
            ):
                return node
            node = flows[0]
        return node

    def _operand_flows(self, item: Node) -> list[int]:
        """The inputs that carry an error."""
        return [node for node in dict.fromkeys(refs_of(item)) if node in self.evidence.carrying]

    def _source_of(self, flow: int, target: int) -> int | None:
        """The node behind a target whose derivative a value is; None where it is none's."""
        return next(
            (node for node in self._behind(target) if self.evidence.factor(flow, node) is not None),
            None,
        )

    def _behind(self, target: int) -> list[int]:
        """The nodes of the forward pass that are made from a target, nearest first."""
        found: list[int] = []
        seen, queue = {target}, [target]
        while queue:
            node = queue.pop(0)
            for user in self.users.get(node, ()):
                if user not in seen and user in self.evidence.adjoints[0]:
                    seen.add(user)
                    found.append(user)
                    queue.append(user)
        return found

    def _explained_product(self, node: int, flow: int, source: int, target: int) -> Culprit:
        """What is wrong where an error is right and its product with something is not."""
        beyond = self._beyond_meeting(source, target)
        if beyond is not None:
            return self._undivided(node, flow, beyond, source, target)
        due = self._due_factor(source, target)
        others = [part for part in _operands(self.graph[node]) if part != flow]
        if due is None:
            return Culprit(node, Fault.UNKNOWN, self.evidence.adjoint(target), target, source, flow)
        fault, value = due
        if not others:
            missing = fault is Fault.DERIVATIVE
            found = Fault.MISSING_DERIVATIVE if missing else Fault.REDUCTION
            return Culprit(node, found, value, target, source, flow)
        for other in others:
            if value is None or not self._fits(other, value):
                if fault is Fault.WEIGHTS and self._is_local_derivative(other, target):
                    return Culprit(flow, Fault.CHAIN, value, target, source, flow, node)
                return Culprit(other, fault, value, target, source, flow, node)
        return Culprit(node, Fault.REDUCTION, self.evidence.adjoint(target), target, source, flow)

    def _is_local_derivative(self, other: int, target: int) -> bool:
        """Whether a value is the derivative of what stands right behind a target."""
        inner = self.evidence.adjoint(target)
        for node in self._behind(target):
            outer = self.evidence.adjoint(node)
            if outer is None or inner is None or outer.shape != inner.shape:
                continue
            with np.errstate(all="ignore"):
                ratio = np.where(outer != 0, inner / np.where(outer != 0, outer, 1.0), 0.0)
            if self._fits(other, ratio):
                return True
        return False

    def _beyond_meeting(self, source: int, target: int) -> int | None:
        """Where a target meets the data, if a source lies behind more than sums from there on."""
        way = self._way(target, source) or []
        if self.graph[target].function is not None and not any(
            self._is_product_of(item, target, way) for item in way
        ):
            return None
        for place, item in enumerate(way):
            met = self._is_product_of(item, target, way) or (
                item.operation in _SUMS and self.graph[target].function is None
            )
            if met:
                rest = way[place + 1 :]
                return (
                    None
                    if all(self._is_linear(step) for step in rest)
                    else self._summed(way, place)
                )
        return None

    def _summed(self, way: Sequence[Node], place: int) -> int:
        """The last of the sums that follow an operation."""
        while place + 1 < len(way) and self._is_linear(way[place + 1]):
            place += 1
        return way[place].index

    def _is_linear(self, item: Node) -> bool:
        """Whether an operation only adds to, or moves about, what stands on a way."""
        return item.operation in _SUMS | MOVES | {"sub", "subtract", "changed"}

    def _is_product_of(self, item: Node, target: int, way: Sequence[Node]) -> bool:
        if item.operation not in _PRODUCTS:
            return False
        entrywise = item.operation in ("mul", "multiply")
        whole = entrywise and self.graph[target].shape == item.shape and item.size > 1
        return not whole and self._partner(item, target, way) is not None

    def _undivided(self, node: int, flow: int, product: int, source: int, target: int) -> Culprit:
        """An error that lacks a derivative: another one that has it is due, or the factor is."""
        outer, inner = self.evidence.adjoint(source), self.evidence.adjoint(product)
        ratio = None
        if outer is not None and inner is not None and outer.shape == inner.shape:
            with np.errstate(all="ignore"):
                ratio = np.where(outer != 0, inner / np.where(outer != 0, outer, 1.0), 0.0)
        there = any(
            self.evidence.factor(node, product) is not None
            for node in self.evidence.backward & self.evidence.carrying
            if self.graph[node].size == self.graph[product].size and self.graph[node].size > 1
        )
        fault = Fault.FLOW if there else Fault.MISSING_DERIVATIVE
        return Culprit(flow, fault, inner if there else ratio, product, source, flow, node)

    def _fits(self, other: int, value: np.ndarray) -> bool:
        return self.evidence.multiple(self.evidence.value(other), value) is not None

    def _due_factor(self, source: int, target: int) -> tuple[Fault, np.ndarray | None] | None:
        """What an error by a source has to be multiplied with to become one by a target."""
        user = self._way(target, source)
        if user is None:
            return None
        for item in user:
            if item.operation in (
                "matmul",
                "dot",
                "einsum",
                "tensordot",
                "outer",
                "mul",
                "multiply",
            ):
                partner = self._partner(item, target, user)
                if partner is not None and self._is_product_of(item, target, user):
                    weights = self.graph[target].function is not None
                    fault = Fault.WEIGHTS if weights else Fault.OPERAND
                    return fault, self.evidence.value(partner)
        outer, inner = self.evidence.adjoint(source), self.evidence.adjoint(target)
        if outer is None or inner is None:
            return None
        if outer.shape != inner.shape:
            return Fault.REDUCTION, None
        with np.errstate(all="ignore"):
            ratio = np.where(outer != 0, inner / np.where(outer != 0, outer, 1.0), 0.0)
        return Fault.DERIVATIVE, ratio

    def _way(self, target: int, source: int) -> list[Node] | None:
        """The operations from a target to a source in the forward pass, nearest first."""
        previous = {target: target}
        queue = [target]
        while queue:
            node = queue.pop(0)
            if node == source:
                way = []
                while node != target:
                    way.append(self.graph[node])
                    node = previous[node]
                return way[::-1]
            for user in self.users.get(node, ()):
                if user not in previous:
                    previous[user] = node
                    queue.append(user)
        return None

    def _partner(self, item: Node, target: int, way: Sequence[Node]) -> int | None:
        """The other operand of a product on the way."""
        on_way = {target, *(node.index for node in way)}
        return next((node for node in _operands(item) if node not in on_way), None)

    def _supposed(self, item: Node, flow: int, target: int) -> int | None:
        """The node whose derivative an operand ought to be, by what it is multiplied with."""
        others = [part for part in _operands(item) if part != flow]
        candidates = [
            node
            for node in self._behind(target)
            if sorted(self.graph[node].shape) == sorted(self.graph[flow].shape)
            or self.graph[node].size == self.graph[flow].size
        ]
        for other in others:
            for node in candidates:
                due = self._due_factor(node, target)
                if due is not None and due[1] is not None and self._fits(other, due[1]):
                    return node
        return next(
            (
                node
                for node in candidates
                if (due := self._due_factor(node, target)) is not None
                and bool(others) == (due[0] is not Fault.REDUCTION)
            ),
            candidates[0] if candidates else None,
        )

    def _other_error(self, flows: Sequence[int]) -> int | None:
        """An error that is the right one of another layer."""
        for flow in flows:
            if any(self.evidence.factor(flow, node) is not None for node in self.evidence.forward):
                return flow
        return None

    def _explained_sum(self, node: int, target: int, depth: int) -> Culprit | None:
        """Sums: of one error over its examples, or of what the examples contribute."""
        item = self.graph[node]
        flows = self._operand_flows(item)
        if not flows:
            return Culprit(node, Fault.SEED, self.evidence.adjoint(target), target)
        flow = flows[-1]
        source = self._source_of(flow, target)
        if source is not None:
            beyond = self._beyond_meeting(source, target)
            if beyond is not None:
                return self._undivided(node, flow, beyond, source, target)
            return Culprit(
                node, Fault.REDUCTION, self.evidence.adjoint(target), target, source, flow
            )
        if item.operation == "add":
            return self._explained_addend(node, flows, target, depth)
        wanted = self._supposed(item, flow, target)
        if wanted is None:
            return Culprit(flow, Fault.UNKNOWN, None, target)
        return self.explained(flow, wanted, depth + 1)

    def _explained_addend(
        self, node: int, flows: Sequence[int], target: int, depth: int
    ) -> Culprit | None:
        for flow in reversed(flows):
            found = self.explained(flow, target, depth + 1)
            if found is not None:
                return found
        return Culprit(node, Fault.UNKNOWN, self.evidence.adjoint(target), target)


def _operands(item: Node) -> list[int]:
    """The nodes that a product is made of, each once."""
    return list(dict.fromkeys(refs_of(item)))

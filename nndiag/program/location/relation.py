"""Which bug it is: what stands in a place, against the derivative that is due there.

An error that is right is passed on by a product with what the forward pass multiplies with, or with
the derivative of what it applies. What stands in the place of that tells the bug.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from nndiag.program.graph.nodes import Node
from nndiag.program.graph.operations import VIEWS
from nndiag.program.location.evidence import Evidence
from nndiag.program.location.gradient_place import GradientPlace, refs_of

_DEEP = 40
_SUMS = frozenset(["add", "sum", "mean", "average"])
_LINEAR = _SUMS | VIEWS | {"sub", "subtract", "changed"}
_PRODUCTS = frozenset(["mul", "multiply", "matmul", "dot", "outer", "einsum", "tensordot", "inner"])
_LOSS = "wrong-loss-gradient"
_MISSING = "missing-activation-derivative"
_CHAIN = "broken-chain-rule"
_RAW = "raw-error-instead-of-delta"
_ARGUMENT = "activation-derivative-of-wrong-argument"
_OTHER = "wrong-activation-derivative"
_BIAS = "wrong-bias-gradient"
_OPERAND = "wrong-layer-activation"
_SOFTMAX = "wrong-softmax-gradient"


class Relations:
    """Tells the relations between values of the backward pass and what is due."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence, self.graph = evidence, evidence.graph
        self.place = GradientPlace(evidence)
        self.users: dict[int, list[int]] = {}
        for node in evidence.forward:
            for item in self.graph[node].inputs:
                self.users.setdefault(item, []).append(node)

    def between(self, node: int, target: int) -> str:
        """What is wrong with a value that is due to be the derivative by a target."""
        node = self._stripped(node)
        item = self.graph[node]
        flows = self._flows(item)
        if not flows:
            source = self._source_of(node, target)
            return _LOSS if source is None else self._passed_on(node, node, source, target)
        if item.operation not in _SUMS and any(self._is(flow, target) for flow in flows):
            return self._extra(flows[0])
        for flow in flows[::-1] if item.operation in _SUMS else flows:
            source = self._source_of(flow, target)
            if source is not None:
                return self._passed_on(node, flow, source, target)
        if item.operation == "add":
            return self._of_addends(flows, target)
        if any(self._is(flow, node) for flow in flows for node in self.forward):
            return _RAW
        return self.between(flows[0], target) if item.operation in _PRODUCTS else _LOSS

    def of_parameter(self, target: int, otherwise: str) -> str:
        """What is wrong with the gradient of a parameter alone, by what the parameter does.

        Args:
            target: What a derivative is due by.
            otherwise: The bug where that is no parameter.
        """
        if not self._is_parameter(target):
            return otherwise
        return _BIAS if self._is_added(target) else _OPERAND

    def _is_added(self, target: int) -> bool:
        users = [self.graph[node].operation for node in self.users.get(target, ())]
        return any(name in ("add", "sub", "subtract") for name in users)

    @property
    def forward(self) -> list[int]:
        """The nodes that have a derivative."""
        return self.evidence.forward

    def _of_addends(self, flows: Sequence[int], target: int) -> str:
        found = [self.between(flow, target) for flow in reversed(flows)]
        return next((item for item in found if item != _LOSS), found[0])

    def _is(self, node: int, target: int) -> bool:
        return self.evidence.factor(node, target) is not None

    def _extra(self, flow: int) -> str:
        """What a factor too many is: that of another loss where the error is the first one."""
        outputs = {item.node: item.output for item in self.evidence.readings[0].residuals}
        flow = self._stripped(flow)
        if flow not in outputs:
            return _OTHER
        forward = self.evidence.readings[0].forward
        value = np.asarray(forward[outputs[flow]].value, float)
        sums = (value.sum(axis=axis) for axis in range(value.ndim) if value.shape[axis] > 1)
        return _SOFTMAX if any(np.allclose(item, 1.0) for item in sums) else _LOSS

    def _stripped(self, node: int) -> int:
        """A value without what only moves it about or multiplies it by a number."""
        for _ in range(_DEEP):
            item = self.graph[node]
            flows = self._flows(item)
            if len(flows) != 1 or not (
                item.operation in VIEWS or self.place.only_factors(item, flows[0])
            ):
                return node
            node = flows[0]
        return node

    def _flows(self, item: Node) -> list[int]:
        """The inputs that carry an error; what stood there before the iteration carries none."""
        return [
            node
            for node in dict.fromkeys(refs_of(item))
            if node in self.evidence.carrying and self.graph[node].function is not None
        ]

    def _source_of(self, flow: int, target: int) -> int | None:
        """The node behind a target whose derivative a value is; None where it is none's."""
        return next((node for node in self._behind(target) if self._is(flow, node)), None)

    def _behind(self, target: int) -> list[int]:
        """The nodes of the forward pass that are made from a target, nearest first."""
        found: dict[int, None] = {}
        queue = [target]
        while queue:
            for user in self.users.get(queue.pop(0), ()):
                if user not in found and user in self.evidence.adjoints[0]:
                    found[user] = None
                    queue.append(user)
        return list(found)

    # A right error, passed on wrongly.

    def _passed_on(self, node: int, flow: int, source: int, target: int) -> str:
        """What is wrong where an error is right and what is made of it is not."""
        beyond = self._beyond_meeting(source, target)
        if beyond is not None and not self._passes(source, beyond):
            return self._undivided(beyond, source)
        partner = self._multiplied_with(source, target)
        others = [part for part in dict.fromkeys(refs_of(self.graph[node])) if part != flow]
        if self.graph[node].operation in _SUMS or (partner is None and not others):
            return self._reduced(source, target)
        if flow == node and partner is not None:
            return _OPERAND if self._is_parameter(target) else _CHAIN
        wrong = [part for part in others if partner is None or not self._fits(part, partner)]
        if partner is None:
            return self._derivative(wrong[0], source, target)
        if not wrong:
            return self._reduced(source, target)
        return _OPERAND if self._is_parameter(target) else _CHAIN

    def _passes(self, source: int, product: int) -> bool:
        """Whether the error by a value is that by what it is made of: nothing is missing."""
        above, below = self.evidence.adjoint(source), self.evidence.adjoint(product)
        if above is None or below is None or above.shape != below.shape:
            return False
        return self.evidence.multiple(above, below) is not None

    def _is_parameter(self, node: int) -> bool:
        """Whether a node is a parameter, or what is cut out of one."""
        while self.graph[node].operation in VIEWS and self.graph[node].inputs:
            node = self.graph[node].inputs[0]
        return self.graph[node].function is None

    def _reduced(self, source: int, target: int) -> str:
        """A derivative that is missing, a bias's sum, or a product in the wrong order."""
        outer, inner = self.evidence.adjoint(source), self.evidence.adjoint(target)
        alike = outer is not None and inner is not None and outer.shape == inner.shape
        head = self.graph[target]
        if alike and head.function is not None:
            return _SOFTMAX if self._is_softmax(source, target) else _MISSING
        return _BIAS if head.function is None and self._is_added(target) else _CHAIN

    def _beyond_meeting(self, source: int, target: int) -> int | None:
        """Where a target meets the data, if a source lies behind more than sums from there on."""
        way, is_leaf = self._way(target, source), self.graph[target].function is None
        products = [place for place, item in enumerate(way) if self._meets(item, target, way)]
        if not is_leaf and not products:
            return None
        sums = [place for place, item in enumerate(way) if is_leaf and item.operation in _SUMS]
        first = min([*products, *sums], default=len(way))
        rest = way[first + 1 :]
        if all(item.operation in _LINEAR for item in rest):
            return None
        while first + 1 < len(way) and way[first + 1].operation in _LINEAR:
            first += 1
        return way[first].index

    def _undivided(self, product: int, source: int) -> str:
        """An error that lacks a derivative: there is one that has it, or it was left out."""
        there = any(
            self._is(node, product)
            for node in self.evidence.backward & self.evidence.carrying
            if self.graph[node].size == self.graph[product].size > 1
        )
        if there:
            return _RAW
        return _SOFTMAX if self._is_softmax(source, product) else _MISSING

    def _multiplied_with(self, source: int, target: int) -> int | None:
        """What the forward pass multiplies a target with; None where it applies a function."""
        way = self._way(target, source)
        item = next((item for item in way if self._meets(item, target, way)), None)
        return None if item is None else self._partner(item, target, way)

    def _meets(self, item: Node, target: int, way: Sequence[Node]) -> bool:
        """Whether an operation multiplies what stands on a way with something else."""
        if item.operation not in _PRODUCTS:
            return False
        entrywise = item.operation in ("mul", "multiply")
        whole = entrywise and self.graph[target].shape == item.shape and item.size > 1
        return not whole and self._partner(item, target, way) is not None

    def _partner(self, item: Node, target: int, way: Sequence[Node]) -> int | None:
        on_way = {target, *(node.index for node in way)}
        return next((node for node in refs_of(item) if node not in on_way), None)

    def _way(self, target: int, source: int) -> list[Node]:
        """The operations from a target to a source in the forward pass, nearest first."""
        previous, queue = {target: target}, [target]
        while queue and source not in previous:
            node = queue.pop(0)
            for user in self.users.get(node, ()):
                if user not in previous:
                    previous[user] = node
                    queue.append(user)
        way: list[Node] = []
        node = source if source in previous else target
        while node != target:
            way.append(self.graph[node])
            node = previous[node]
        return way[::-1]

    def _fits(self, other: int, wanted: int) -> bool:
        return self.evidence.multiple(*map(self.evidence.value, (other, wanted))) is not None

    # Derivatives.

    def _derivative(self, other: int, source: int, target: int) -> str:
        """Which derivative stands where another is due."""
        value, due = self.evidence.value(other), self._local(source, target)
        if self._is_softmax(source, target):
            return _SOFTMAX
        if due is None or value.shape != due.shape:
            return _OTHER
        if any(self._alike(value, form) for form in self._misapplied(source, target, due)):
            return _ARGUMENT
        others = self._other_derivatives(source, target)
        return _OPERAND if any(self._alike(value, o) for o in others) else _OTHER

    def _alike(self, value: np.ndarray, form: np.ndarray) -> bool:
        return form.shape == value.shape and self.evidence.multiple(value, form) is not None

    def _local(self, outer: int, inner: int) -> np.ndarray | None:
        """The derivative of one node by another, entry by entry; None where it is none."""
        above, below = self.evidence.adjoint(outer), self.evidence.adjoint(inner)
        if above is None or below is None or above.shape != below.shape:
            return None
        with np.errstate(all="ignore"):
            return np.where(above != 0, below / np.where(above != 0, above, 1.0), 0.0)

    def _misapplied(self, source: int, target: int, due: np.ndarray) -> Iterator[np.ndarray]:
        """A derivative taken twice, by the output in the place of the input, or the reverse."""
        yield due * due
        output = self.evidence.value(source)
        with np.errstate(all="ignore"):
            sigmoid = 1 / (1 + np.exp(-output))
        yield from (1 - np.tanh(output) ** 2, sigmoid * (1 - sigmoid))
        for node in self.forward:
            if target <= node < source and self.graph[node].shape == due.shape[1:]:
                inside = self.evidence.value(node)
                yield from (1 - inside**2, inside * (1 - inside))

    def _other_derivatives(self, source: int, target: int) -> Iterator[np.ndarray]:
        """The local derivatives of other layers."""
        for node in self.forward:
            for below in self.graph[node].inputs:
                if node != source and below != target and self.graph[node].size > 1:
                    found = self._local(node, below)
                    if found is not None:
                        yield found

    def _is_softmax(self, source: int, target: int) -> bool:
        """Whether a derivative is due that is none entry by entry."""
        inner, value = self.evidence.adjoint(target), self.evidence.value(source)
        if inner is None or value.shape != inner.shape or value.ndim != 3:
            return False
        axes = (axis for axis in (1, 2) if value.shape[axis] > 1)
        return any(np.allclose(value.sum(axis=axis), 1.0) for axis in axes)

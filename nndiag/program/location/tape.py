"""One recorded iteration, to be computed again with values of its backward pass replaced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from nndiag.program.graph.adjoints import ancestors, descendants
from nndiag.program.graph.derivatives import pulled_back
from nndiag.program.graph.nodes import Node, evaluated
from nndiag.program.location.families import Explained, Family, families_of
from nndiag.program.roles.losses import Key, Loss
from nndiag.program.roles.multiples import factor_between
from nndiag.program.roles.reading import Reading, has_signal

_LOOSE = 1e-4  # a step is the difference of two parameters
_MOST_SEEN = 60
MOST_SCALES = 3
FAR = 8  # operations of the forward pass between two statements of the backward pass


class Tape:
    """One reading, to be computed again with values replaced."""

    def __init__(
        self,
        number: int,
        reading: Reading,
        adjoints: Mapping[int, np.ndarray],
        gradients: Mapping[str, list[int]],
        carrying: set[int],
        errors: set[int],
        summands: Mapping[int, int],
        penalties: Mapping[str, np.ndarray | None],
    ) -> None:
        self.number, self.carrying, self._summands = number, carrying, summands
        self._penalties = penalties
        self.reading, self.graph = reading, reading.graph
        self.adjoints, self.gradients = adjoints, gradients
        self.heads = [head for item in reading.parameters for head in item.heads]
        self.families = families_of(self.graph, adjoints, self.heads)
        self._scales: dict[int, tuple[list[float], list[int]]] = {}
        self._sources: dict[int, dict[int, tuple[int, float]]] = {}
        self._dirty: dict[int, list[Node]] = {}
        self.explained = Explained(self.families)
        self.wanted = {node for nodes in gradients.values() for node in nodes}
        slice_: set[int] = set()
        for node in self.wanted - slice_:
            slice_ |= ancestors(self.graph, node)
        self.slice = sorted(slice_ - (set(adjoints) - errors))

    @cached_property
    def sites(self) -> dict[int, tuple[int, ...]]:
        """Serial → the values of the backward pass that its expression came to."""
        found: dict[int, list[int]] = {}
        for index in self.slice:
            node = self.graph[index]
            if node.node_id >= 0 and index in self.carrying and node.function is not None:
                found.setdefault(node.node_id, []).append(index)
        for node_id, sums in self._sums.items():
            operands = [self.graph[index].inputs[-1] for index in sums]
            if len(set(operands)) == len(sums) and self.carrying.issuperset(operands):
                found[node_id] = operands
        return {node_id: tuple(nodes) for node_id, nodes in found.items()}

    @cached_property
    def _sums(self) -> dict[int, list[int]]:
        """The node_id of each variable that is added up, and the sums that it is added to."""
        found: dict[int, list[int]] = {}
        for index in self.slice:
            node = self.graph[index]
            if node.node_id in self._summands and len(node.inputs) > 1 and index in self.carrying:
                found.setdefault(self._summands[node.node_id], []).append(index)
        return found

    def put_in(self, node_id: int, given: Mapping[int, Any]) -> dict[int, Any] | None:
        """All values that change with those that an expression gives; None where that fails.

        A variable that is added up is another in its sums only.
        """
        if node_id not in self._sums:
            return self.again(given)
        more: dict[int, Any] = {}
        for index in self._sums[node_id]:
            before, operand = self.graph[index].inputs[0], self.graph[index].inputs[-1]
            change = given[operand] - self.graph[operand].value if operand in given else 0.0
            more[index] = more.get(before, 0.0) + change
        return self.again({index: self.graph[index].value + more[index] for index in more})

    @cached_property
    def nearest_first(self) -> list[tuple[tuple[int, int, int], Family]]:
        """The families: those of parameters, then those that are nearest to the loss.

        What a rectifier passes on is due with and without its mask where the mask is put on anyway.
        """
        heads = set(self.heads)
        return sorted(
            self.families.items(),
            key=lambda item: (heads.isdisjoint(item[1].targets), -min(item[1].targets)),
        )

    @cached_property
    def likely(self) -> list[int]:
        """The expressions of `sites`, those first that take right derivatives and yield none.

        A value is sound where it is a derivative, or some derivative is made of it. What an unsound
        one is made of comes with it: it may be another derivative than the one that is due.
        """
        users = self.graph.users()
        sound: set[int] = set()
        flowing = {index: None for index in self.slice if index in self.carrying}
        for index in reversed(flowing):
            value = np.asarray(self.graph[index].value, float)
            if any(user in sound for user in users[index]) or (
                self.graph[index].is_real and self.explained.factors(value, singles=True)
            ):
                sound.add(index)
        depths: dict[int, int] = {}
        for index in flowing:
            below = [depths.get(item, 0) for item in self.graph[index].inputs if item in flowing]
            if index not in sound:
                depths[index] = 1 + max(below, default=0)
        found: dict[int, None] = {}
        for index in sorted(depths, key=lambda index: (depths[index], index)):
            made_of = [item for item in self.graph[index].inputs if item in sound]
            found |= dict.fromkeys(self.graph[item].node_id for item in [*made_of, index])
        rest = sorted(self.sites, key=lambda node_id: self.sites[node_id][0])
        return [node_id for node_id in dict.fromkeys([*found, *rest]) if node_id in self.sites]

    def again(self, given: Mapping[int, Any]) -> dict[int, Any] | None:
        """All values that change with some that are given; None where that cannot be computed."""
        changed, nodes = dict(given), self.graph.nodes

        def value(index: int) -> Any:
            return changed[index] if index in changed else nodes[index].value

        try:
            with np.errstate(all="ignore"):
                for node in self._behind(given):
                    changed[node.index] = evaluated(node, value)
        except Exception:
            return None
        return changed

    def _behind(self, given: Mapping[int, Any]) -> list[Node]:
        """The nodes that are made from some others, but for these."""
        first = min(given)
        key = hash((first, len(given), max(given)))
        if key not in self._dirty:
            touched, found = set(given), []
            for index in self.slice:
                node = self.graph[index]
                if index <= first or index in given or node.function is None:
                    continue
                if any(item in touched for item in node.inputs):
                    touched.add(index)
                    found.append(node)
            self._dirty = {key: found}
        return self._dirty[key]

    def _value(self, changed: Mapping[int, Any], index: int) -> Any:
        return changed[index] if index in changed else self.graph[index].value

    def gradient(self, name: str, changed: Mapping[int, Any]) -> np.ndarray:
        """What a parameter's update takes for the gradient."""
        parts = [np.ravel(self._value(changed, node)) for node in self.gradients[name]]
        return np.concatenate(parts).astype(float)

    def due(self, name: str) -> np.ndarray:
        """The derivative by a parameter."""
        item = next(item for item in self.reading.parameters if item.name == name)
        heads = self.reading.iteration.head_of(item.tensor)
        parts = [np.ravel(self.adjoints.get(head, np.zeros(1))) for head in heads]
        whole, penalty = np.concatenate(parts).astype(float), self._penalties.get(name)
        if penalty is not None and name in self._decayed and penalty.size == whole.size:
            whole = whole - penalty
        return item.of(whole)

    @cached_property
    def _decayed(self) -> set[str]:
        """The parameters that a part of themselves is added to the gradient of, behind it."""
        found = set()
        for item in self.reading.parameters:
            behind = descendants(self.graph, self.gradients.get(item.name, ()))
            alone = descendants(self.graph, item.heads) - self.carrying
            ends = [end for end in item.ends if end is not None]
            ways = set().union(*(ancestors(self.graph, end) for end in ends)) - {*ends}
            for index in behind & ways:
                inputs = {*self.graph[index].inputs}
                if behind & inputs and alone & inputs - behind:
                    found.add(item.name)
        return found

    def taken(self, name: str) -> float | None:
        """How many times its gradient a step is; None where it is no multiple of it."""
        return factor_between(self._step(name), self.gradient(name, {}), tolerance=_LOOSE)

    def direction(self, name: str) -> float:
        """1 where a step goes along its gradient, −1 where it goes against it."""
        step, gradient = self._step(name), self.gradient(name, {})
        return float(np.sign(step @ gradient)) if step.size == gradient.size else 1.0

    def stages(self, name: str) -> list[tuple[int, float]]:
        """The expressions between a gradient and the update, with their factors over it."""
        item = next(item for item in self.reading.parameters if item.name == name)
        gradient, taken = self.gradients.get(name, []), self.taken(name)
        if len(gradient) != 1 or len(item.ends) != 1 or item.ends[0] is None or taken is None:
            return []
        value, found = self.graph[gradient[0]].value, []
        for index in sorted(
            descendants(self.graph, gradient) & ancestors(self.graph, item.ends[0])
        )[1:-1]:
            factor = factor_between(self.graph[index].value, value)
            if factor is not None and np.size(value) == self.graph[index].size:
                found.append((self.graph[index].node_id, factor))
        return [*found, (self.graph[item.ends[0]].node_id, -taken)]

    def is_held(self, name: str) -> bool:
        """Whether the user names a gradient, and no step is compared."""
        return any(item.name == name and item.is_held for item in self.reading.parameters)

    def _step(self, name: str) -> np.ndarray:
        item = next(item for item in self.reading.parameters if item.name == name)
        return np.tile(item.step, item.tensor.copies)

    @property
    def is_finite(self) -> bool:
        """Whether all derivatives are numbers, as they are not where a run has diverged."""
        return all(np.isfinite(self.due(name)).all() for name in self.gradients)

    def feels(self, names: Sequence[str], loss: Loss) -> bool:
        """Whether the loss feels some parameters here, beyond rounding."""
        items = [item for item in self.reading.parameters if item.name in names]
        return len(items) == len(names) and all(
            item.name in self.gradients
            and has_signal(self.reading, loss, self.due(item.name), item)
            for item in items
        )

    def scales(self, node_id: int) -> tuple[list[float], list[int]]:
        """The derivatives that an expression is made of: their factors and targets."""
        nodes = self.sites[node_id]
        if node_id in self._sums:  # what is added up is passed on as it is, if it is one
            own = self._scales_of(nodes[0], itself=True)
            if own[0]:
                return own
        if nodes[0] not in self._scales:
            self._scales[nodes[0]] = self._scales_of(nodes[0])
            if len(nodes) > 1:
                factors, targets = self._scales_of(nodes[-1])
                known = self._scales[nodes[0]][0]
                known += [f for f in factors if not is_in(f, known)]
                self._scales[nodes[0]][1].extend(targets)
        return self._scales[nodes[0]]

    def _scales_of(self, node: int, *, itself: bool = False) -> tuple[list[float], list[int]]:
        found: list[float] = []
        targets: list[int] = []
        queue = [node] if itself else list(self.graph[node].inputs)
        seen: set[int] = set()
        while queue and len(seen) < _MOST_SEEN and len(found) < MOST_SCALES:
            index = queue.pop(0)
            if index in seen or index not in self.carrying:
                continue
            seen.add(index)
            factors = self.explained.factors(np.asarray(self.graph[index].value, float))
            for target, factor in factors:
                targets.append(target)
                if not is_in(factor, found):
                    found.append(factor)
            if not factors and index not in self.adjoints:
                queue += self.graph[index].inputs
        return found[:MOST_SCALES], targets

    def sources(self, node: int) -> dict[int, tuple[int, float]]:
        """The derivatives that a value is made of: expression → by which of its results, factor."""
        if node not in self._sources:
            found: dict[int, tuple[int, float]] = {}
            for index in self.graph[node].inputs:
                if index in self.carrying and index not in self.adjoints:
                    value = np.asarray(self.graph[index].value, float)
                    for target, factor in self.explained.factors(value, singles=True):
                        found.setdefault(self.graph[target].node_id, (target, factor))
            self._sources[node] = found
        return self._sources[node]

    def pulled_back(self, node: int, slot: int) -> np.ndarray | None:
        """What the derivative by a value contributes to that by one of its operands."""
        inputs = self.graph[node].inputs
        if slot >= len(inputs):
            return None
        parts = pulled_back(self.graph, self.graph[node], self.adjoints[node]) or {}
        return parts.get(inputs[slot])

    @cached_property
    def depths(self) -> dict[int, dict[int, int]]:
        """Cache of `above`."""
        return {}

    def above(self, target: int) -> dict[int, int]:
        """The nodes that a target was made from, within a few operations, with their number."""
        if target not in self.depths:
            found, layer = {target: 0}, {target}
            for depth in range(1, FAR + 1):
                layer = {i for node in layer for i in self.graph[node].inputs} - set(found)
                found.update(dict.fromkeys(layer, depth))
            self.depths[target] = found
        return self.depths[target]

    def distance(self, value: int, node: int) -> tuple[int, int]:
        """How far below what a value is made of some node of the forward pass stands.

        In operations; where it does not stand below it, in the order in which all were made.
        """
        sources = self._scales_of(value)[1]
        known = [self.above(source).get(node, FAR + 1) for source in sources]
        return min(known, default=FAR + 1), min((abs(s - node) for s in sources), default=0)


def with_keys(reading: Reading, keys: set[Key]) -> set[int]:
    """The nodes of a reading that have some keys."""
    return {reading.keyed[key] for key in keys if key in reading.keyed}


def is_in(value: float, known: Sequence[float]) -> bool:
    """Whether a factor is one of those known, but for rounding."""
    return any(abs(value - item) <= 1e-9 * abs(item) for item in known)

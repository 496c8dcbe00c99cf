"""One recorded iteration, to be computed again with values of its backward pass replaced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from nndiag.program.graph.adjoints import ancestors
from nndiag.program.graph.nodes import Node, evaluated
from nndiag.program.location.families import Explained, families_of
from nndiag.program.roles.losses import Key, Loss
from nndiag.program.roles.reading import Reading, has_signal

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
    ) -> None:
        self.number, self.carrying = number, carrying
        self.reading, self.graph = reading, reading.graph
        self.adjoints, self.gradients = adjoints, gradients
        self.heads = [head for item in reading.parameters for head in item.heads]
        self.families = families_of(self.graph, adjoints, self.heads)
        self._scales: dict[int, tuple[list[float], list[int]]] = {}
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
        return {node_id: tuple(nodes) for node_id, nodes in found.items()}

    def again(self, given: Mapping[int, Any]) -> dict[int, Any] | None:
        """All values that change with some that are given; None where that cannot be computed."""
        changed = dict(given)
        try:
            with np.errstate(all="ignore"):
                for node in self._behind(given):
                    changed[node.index] = evaluated(node, lambda i: self._value(changed, i))
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
        parts = [np.ravel(self.adjoints.get(head, np.zeros(1))) for head in item.heads]
        return np.concatenate(parts).astype(float)

    @property
    def is_finite(self) -> bool:
        """Whether all derivatives are numbers, as they are not where a run has diverged."""
        return all(np.isfinite(self.due(name)).all() for name in self.gradients)

    def feels(self, names: Sequence[str], loss: Loss) -> bool:
        """Whether the loss feels some parameters here, beyond rounding."""
        items = [item for item in self.reading.parameters if item.name in names]
        return all(
            item.name in self.gradients
            and has_signal(self.reading, loss, self.due(item.name), item)
            for item in items
        )

    def scales(self, nodes: Sequence[int]) -> tuple[list[float], list[int]]:
        """The derivatives that the first of some values is made of: their factors and targets."""
        if nodes[0] not in self._scales:
            self._scales[nodes[0]] = self._scales_of(nodes[0])
            if len(nodes) > 1:
                factors, targets = self._scales_of(nodes[-1])
                known = self._scales[nodes[0]][0]
                known += [f for f in factors if not is_in(f, known)]
                self._scales[nodes[0]][1].extend(targets)
        return self._scales[nodes[0]]

    def _scales_of(self, node: int) -> tuple[list[float], list[int]]:
        found: list[float] = []
        targets: list[int] = []
        queue = list(self.graph[node].inputs)
        seen: set[int] = set()
        while queue and len(seen) < _MOST_SEEN and len(found) < MOST_SCALES:
            index = queue.pop(0)
            if index in seen or index in self.adjoints or index not in self.carrying:
                continue
            seen.add(index)
            factors = self.explained.factors(np.asarray(self.graph[index].value, float))
            for target, factor in factors:
                targets.append(target)
                if not is_in(factor, found):
                    found.append(factor)
            if not factors:
                queue += self.graph[index].inputs
        return found[:MOST_SCALES], targets

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

    def distance(self, value: int, node: int) -> int:
        """How far below what a value is made of some node of the forward pass stands."""
        known = [self.above(source).get(node, FAR + 1) for source in self._scales_of(value)[1]]
        return min(known, default=FAR + 1)


def with_keys(reading: Reading, keys: set[Key]) -> set[int]:
    """The nodes of a reading that have some keys."""
    return {reading.keyed[key] for key in keys if key in reading.keyed}


def is_in(value: float, known: Sequence[float]) -> bool:
    """Whether a factor is one of those known, but for rounding."""
    return any(abs(value - item) <= 1e-9 * abs(item) for item in known)

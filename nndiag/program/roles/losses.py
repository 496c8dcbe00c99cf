"""Which numbers of an iteration may be its loss: those it computes, and those its residuals imply.

A number that the parameters act on and that leads to no update is computed for somebody to look at:
it may be the loss. A *residual* is a difference between something that the parameters act on and
something that they do not, an output and its target; it implies half its sum of squares, and where
outputs and targets look like probabilities their cross-entropy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Optional

import numpy as np

from nndiag.program.graph.adjoints import Adjoints, adjoints_from, ancestors
from nndiag.program.graph.derivatives import unbroadcast
from nndiag.program.graph.nodes import Graph, Node, Ref
from nndiag.program.graph.operations import WRITES

_LABEL = 0.1  # how far from 0 and 1 a label may be, for targets such as 0.01 and 0.99
_TINY = 1e-300
_ENTRYWISE = frozenset({"sub", "subtract", "add", "mul", "multiply", "truediv", "divide"})
_ROUNDED = 1e-10  # a probability below, or above 1 less it, that has lost its digits

Key = tuple[int, Optional[int], int]
"""Identifies a node in any recording of the same iteration: its node_id, and which one of these."""


@dataclass(frozen=True, eq=False)
class Loss:
    """A number that may be the loss, or several whose sum is.

    Attributes:
        kind: `own`, `squares`, `absolute error`, `binary cross-entropy` or `cross-entropy`.
        terms: The keys that each term is computed from: its own, or those of output and residual.
        node_id: Of the expression that it is, or that implies it.
        shown: Whether the program prints or keeps it.
        sign: −1 where it is a likelihood, which training raises, or where the residual that implies
            it is target minus output; 1 elsewhere.
        behind: Whether the program computes it behind the loop only.
        multiplied: Whether it is told only times a number, in a sum behind the loop.
        others: What is the loss in iterations that do not compute it: those of other branches.
    """

    kind: str
    terms: tuple[tuple[Key, ...], ...]
    node_id: int
    shown: bool = False
    sign: float = 1.0
    behind: bool = False
    multiplied: bool = False
    others: tuple[Loss, ...] = ()

    @property
    def own(self) -> bool:
        """Whether the program computes it."""
        return self.kind == "own"

    def of_values(self, output: np.ndarray, residual: np.ndarray) -> float:
        """An implied loss, by an output and a residual as the program has it."""
        return _IMPLIED[self.kind](output, self.sign * residual)[0]

    def is_blind(self, graph: Graph, keyed: dict[Key, int]) -> bool:
        """Whether it is implied, and outputs are rounded to the opposite of what they should be.

        Their probability is 0 then, and its derivative by the parameters with it: what the loss
        makes of that is lost.
        """
        if self.own or self.kind in ("squares", "absolute error"):
            return False
        for keys in self.terms:
            if all(key in keyed for key in keys):
                output, residual = (np.asarray(graph[keyed[key]].value, float) for key in keys)
                target = np.clip(output - self.sign * residual, 0.0, 1.0)
                lost = (output < _ROUNDED) & (target > 0)
                if self.kind == "binary cross-entropy":
                    lost |= (output > 1 - _ROUNDED) & (target < 1)
                if np.any(lost):
                    return True
        return False

    def value(self, graph: Graph, keyed: dict[Key, int]) -> float | None:
        """The loss in a recording; None where it was not computed."""
        terms = self._terms_of_any(graph, keyed)
        return None if terms is None else sum(value for _, value, _ in terms)

    def adjoints(self, graph: Graph, keyed: dict[Key, int], within: set[int]) -> Adjoints | None:
        """Its derivatives by all that it is made from; None where it was not computed."""
        terms = self._terms_of_any(graph, keyed)
        if terms is None:
            return None
        seeds: dict[int, np.ndarray] = {}
        for node, _, seed in terms:
            seeds[node] = seeds[node] + seed if node in seeds else seed
        return adjoints_from(graph, seeds, within=within)

    def _terms_of_any(
        self, graph: Graph, keyed: dict[Key, int]
    ) -> list[tuple[int, float, np.ndarray]] | None:
        """Its terms, or those of the branch that was taken."""
        found = (loss._terms(graph, keyed) for loss in (self, *self.others))
        return next((terms for terms in found if terms is not None), None)

    def _terms(
        self, graph: Graph, keyed: dict[Key, int]
    ) -> list[tuple[int, float, np.ndarray]] | None:
        """For each term the node that it is computed from, its value and its derivative by that."""
        found = []
        for keys in self.terms:
            if any(key not in keyed for key in keys):
                return None
            values = [np.asarray(graph[keyed[key]].value, float) for key in keys]
            if self.own:
                value, seed = (
                    self.sign * float(values[0].sum()),
                    self.sign * np.ones_like(values[0]),
                )
            else:
                value, seed = _IMPLIED[self.kind](values[0], self.sign * values[1])
                seed = unbroadcast(seed, values[0].shape)
            found.append((keyed[keys[0]], value, seed))
        return found


def _squares(output: np.ndarray, residual: np.ndarray) -> tuple[float, np.ndarray]:
    return 0.5 * float(np.sum(residual**2)), residual


def _absolute(output: np.ndarray, residual: np.ndarray) -> tuple[float, np.ndarray]:
    return float(np.sum(np.abs(residual))), np.sign(residual)


def _binary(output: np.ndarray, residual: np.ndarray) -> tuple[float, np.ndarray]:
    target = np.clip(output - residual, 0.0, 1.0)
    with np.errstate(all="ignore"):
        inside = np.clip(output, _TINY, 1.0)
        outside = np.maximum(1 - output, _TINY)
        value = -float(np.sum(target * np.log(inside) + (1 - target) * np.log(outside)))
        slope = residual / (output * (1 - output))  # none where an output is 0 or 1 and wrong
        return value, np.where(residual == 0, 0.0, slope)


def _categorical(output: np.ndarray, residual: np.ndarray) -> tuple[float, np.ndarray]:
    target = np.clip(output - residual, 0.0, 1.0)
    with np.errstate(all="ignore"):
        inside = np.clip(output, _TINY, 1.0)
        return -float(np.sum(target * np.log(inside))), -target / inside


_IMPLIED: dict[str, Callable[[np.ndarray, np.ndarray], tuple[float, np.ndarray]]] = {
    "squares": _squares,
    "absolute error": _absolute,
    "binary cross-entropy": _binary,
    "cross-entropy": _categorical,
}
"""Value and derivative by the output of the losses that a residual `output − target` implies."""


def keys_of(graph: Graph) -> dict[Key, int]:
    """The nodes of a recording by their keys."""
    counts: dict[int, int] = {}
    found: dict[Key, int] = {}
    for node in graph:
        if node.node_id < 0:
            continue
        count = counts.get(node.node_id, 0)
        counts[node.node_id] = count + 1
        found[(node.node_id, node.part, count)] = node.index
    return found


@dataclass(frozen=True)
class Residual:
    """A difference between an output and its target.

    Attributes:
        node: The difference.
        output: The operand that the parameters act on.
        sign: 1 where it is output minus target, −1 where it is target minus output.
    """

    node: int
    output: int
    sign: float


def residuals_in(graph: Graph, acted: set[int], literal: frozenset[int]) -> list[Residual]:
    """The differences between outputs and targets, in order.

    Args:
        graph: The iteration.
        acted: The nodes that the parameters act on.
        literal: Serials of operations with a literal number: `1 - a` has no target in it.
    """
    found = [
        item
        for node in graph
        if node.index in acted and node.node_id not in literal
        for item in (_difference(graph, node, acted), _shifted_class(graph, node, acted))
        if item is not None
    ]
    shifts = [graph[item.node] for item in found if graph[item.node].operation == "with_item"]
    picked = {index for node in shifts for index in node.inputs}  # `p[range(n), labels] - 1` itself
    return [item for item in found if item.node not in picked]


def _difference(graph: Graph, node: Node, acted: set[int]) -> Residual | None:
    """`output − target`, or the other way round."""
    if node.operation not in ("sub", "subtract") or len(node.arguments) < 2:
        return None
    acts = [isinstance(item, Ref) and item.node in acted for item in node.arguments[:2]]
    if acts[0] == acts[1]:
        return None
    place = 0 if acts[0] else 1
    output, other = node.arguments[place], node.arguments[1 - place]
    shape = graph[other.node].shape if isinstance(other, Ref) else np.shape(other)
    if int(np.prod(shape)) not in (graph[output.node].size, 1):
        return None  # as many of both may make a table, which is a residual, though a wrong one
    return Residual(node.index, output.node, 1.0 if place == 0 else -1.0)


def _shifted_class(graph: Graph, node: Node, acted: set[int]) -> Residual | None:
    """`p[range(n), labels] −= 1`: probabilities minus one at the right class."""
    if node.operation != "with_item" or not isinstance(node.arguments[0], Ref):
        return None
    before = node.arguments[0].node
    if before not in acted or graph[before].shape != node.shape:
        return None
    target = np.asarray(graph[before].value, float) - np.asarray(node.value, float)
    if not np.isin(target, (0.0, 1.0)).all() or not target.any():
        return None
    return Residual(node.index, before, 1.0)


def implied_losses(graph: Graph, residuals: list[Residual], keys: dict[int, Key]) -> Iterator[Loss]:
    """The losses that residuals imply; one for all examples that a loop goes through.

    Args:
        graph: The iteration.
        residuals: Its residuals.
        keys: Node → key.
    """
    families: dict[int, list[Residual]] = {}
    users = graph.users()
    for residual in residuals:
        if residual.node in keys and residual.output in keys:
            families.setdefault(graph[residual.node].node_id, []).append(residual)
    for node_id, family in families.items():
        terms = tuple((keys[item.output], keys[item.node]) for item in family)
        sign = family[0].sign
        outputs = [np.asarray(graph[item.output].value, float) for item in family]
        targets = [
            output - sign * np.asarray(graph[item.node].value, float)
            for output, item in zip(outputs, family)
        ]
        for kind in _kinds(outputs, targets):
            yield Loss(kind, terms, node_id, sign=sign)
        if all(_has_sign_taken(graph, users[item.node]) for item in family):
            yield Loss("absolute error", terms, node_id, sign=sign)


def _has_sign_taken(graph: Graph, users: list[int]) -> bool:
    """Whether the sign of an error is taken: the derivative of its size."""
    return any(graph[user].operation == "sign" for user in users)


def _kinds(outputs: list[np.ndarray], targets: list[np.ndarray]) -> Iterator[str]:
    yield "squares"
    output = np.concatenate([item.ravel() for item in outputs])
    target = np.concatenate([item.ravel() for item in targets])
    if output.size == 0 or output.min() < 0 or output.max() > 1:
        return
    if not ((np.abs(target) <= _LABEL) | (np.abs(target - 1) <= _LABEL)).all():
        return
    yield "binary cross-entropy"
    first = outputs[0]
    if first.ndim >= 1 and any(
        first.shape[axis] > 1 and np.allclose(first.sum(axis=axis), 1.0)
        for axis in range(first.ndim)
    ):
        yield "cross-entropy"


def own_losses(
    graph: Graph, acted: set[int], leading: set[int], keys: dict[int, Key]
) -> Iterator[Loss]:
    """The numbers that an iteration computes and that lead to no update, or are shown.

    One that the same expression gives before and behind the updates is two: the loss, and that of
    validation data, say. Of several values of one expression each is a part, or the last is all, or
    those that are shown are: others may be differences that the program checks its gradient by.

    Args:
        graph: The iteration.
        acted: The nodes that the parameters act on, but for running averages.
        leading: The nodes that some update was made from.
        keys: Node → key.
    """
    users = graph.users()
    families: dict[tuple[int, bool], list[int]] = {}
    last = max(leading, default=-1)
    for node in graph:
        if node.index not in acted or node.size != 1 or node.index not in keys:
            continue
        if graph.is_behind(node.index) and not _is_of_iteration(graph, node.index, acted):
            continue
        shown = node.index in graph.shown
        if not shown and (node.index in leading or _is_operand(graph, users[node.index], acted)):
            continue
        if any(
            graph[user].operation in WRITES and not graph[user].is_real
            for user in users[node.index]
        ):
            continue  # cut to a whole number
        goes_on = any(
            graph[user].size == 1
            and graph[user].is_real
            and user in acted
            and user not in leading
            and not _is_told_behind(graph, node.index, user, acted, users)
            for user in users[node.index]
        )
        if shown or node.index in graph.kept or not goes_on:
            families.setdefault((node.node_id, node.index > last), []).append(node.index)
    for (node_id, _), family in families.items():
        shown = any(index in graph.shown and not graph.is_behind(index) for index in family)
        behind = all(graph.is_behind(index) for index in family)
        told = [user for index in family for user in users[index] if user in acted]
        times = any(graph[user].operation in ("mul", "multiply") for user in told)
        loss = Loss(
            "own", ((keys[family[-1]],),), node_id, shown=shown, behind=behind, multiplied=times
        )
        yield loss
        seen = [i for i in family if i in graph.shown and not graph.is_behind(i)]
        for some in [family] if len(seen) in (0, len(family)) else [family, seen]:
            if len(family) > 1 and some != family[-1:]:
                yield replace(loss, terms=tuple((keys[index],) for index in some))


def _is_operand(graph: Graph, users: list[int], acted: set[int]) -> bool:
    """Whether arrays are computed from a number, as a softmax is from the largest of its inputs."""
    return any(
        graph[user].size > 1 and graph[user].operation in _ENTRYWISE and user in acted
        for user in users
    )


def _is_told_behind(
    graph: Graph, index: int, user: int, acted: set[int], users: list[list[int]]
) -> bool:
    """Whether a number of an iteration is only added to a sum that is told behind the loop.

    It may be multiplied before that: a mean over a batch by the number of its examples, say.
    """
    if graph.is_behind(index):
        return False
    if graph.is_behind(user):
        return True
    node, further = graph[user], users[user]
    if sum(x in acted for x in node.inputs) != 1 or not further:
        return False
    if node.operation in ("mul", "multiply"):
        return all(_is_told_behind(graph, user, x, acted, users) for x in further)
    return node.operation in ("add", "iadd") and all(map(graph.is_behind, further))


def _is_of_iteration(graph: Graph, index: int, acted: set[int]) -> bool:
    """Whether what is told behind a loop is made from its outputs, not from others."""
    made = {item for item in ancestors(graph, index) if graph.is_behind(item) and item in acted}
    return not any(
        graph[item].operation in ("matmul", "dot", "einsum", "tensordot") for item in made
    )

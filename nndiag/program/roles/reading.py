"""A program's iteration as it was understood at one point: parameters, chains, losses."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nndiag.program.gradients.laboratory import Laboratory, Point
from nndiag.program.graph.adjoints import Adjoints, ancestors, descendants
from nndiag.program.graph.nodes import Graph, filled
from nndiag.program.roles.guards import is_guarded
from nndiag.program.roles.losses import (
    Key,
    Loss,
    Residual,
    implied_losses,
    keys_of,
    own_losses,
    residuals_in,
)
from nndiag.program.roles.multiples import factor_between
from nndiag.program.roles.parameters import (
    Chain,
    Parameter,
    chain_to,
    derivative_by,
    parameters_in,
    step_factor,
)
from nndiag.program.roles.penalty import penalty_adjoints
from nndiag.program.roles.recording import Iteration, recorded

_NOTHING = 1e-9  # of the loss, by which the whole length of a parameter would change it
_SMALL = 1e-2  # the least length of a parameter: some start at zero


@dataclass(eq=False)
class Reading:
    """One recorded iteration.

    Attributes:
        point: Where.
        iteration: Its graph.
        parameters: Its parameters.
        undone: The same iteration with each update undone behind it: what is computed there is
            computed from the same parameters. The same graph where nothing is.
        literal: Serials of operations with a literal number.
    """

    point: Point
    iteration: Iteration
    parameters: list[Parameter]
    undone: Iteration
    literal: frozenset[int]

    @property
    def graph(self) -> Graph:
        """The values of the iteration."""
        return self.iteration.graph

    @property
    def forward(self) -> Graph:
        """The values of the iteration, with its updates undone."""
        return self.undone.graph

    @cached_property
    def acted(self) -> set[int]:
        """The nodes that the parameters act on, and these."""
        heads = [node for parameter in self.parameters for node in parameter.heads]
        return descendants(self.graph, heads)

    @cached_property
    def acted_forward(self) -> set[int]:
        """The same with the updates undone."""
        if self.undone is self.iteration:
            return self.acted
        heads = [node for item in self.parameters for node in self.undone.head_of(item.tensor)]
        return descendants(self.forward, heads)

    @cached_property
    def leading(self) -> set[int]:
        """The nodes that some update was made from."""
        return _leading(self.graph, [end for item in self.parameters for end in item.ends])

    @cached_property
    def leading_forward(self) -> frozenset[Key]:
        """Their keys, for the graph with the updates undone."""
        return frozenset(key for key, node in self.keyed.items() if node in self.leading)

    @cached_property
    def users(self) -> list[list[int]]:
        """For each node the nodes that were made from it."""
        return self.graph.users()

    @cached_property
    def with_data(self) -> set[int]:
        """The nodes that are made from parameters and from data."""
        heads = [node for item in self.parameters for node in item.heads]
        touched = descendants(self.graph, heads, real=False)
        found: set[int] = set()
        for node in self.graph:
            if node.index in self.acted and any(
                item in found or (item not in touched and self.graph[item].size > 0)
                for item in node.inputs
            ):
                found.add(node.index)
        return found

    @cached_property
    def keyed(self) -> dict[Key, int]:
        """The nodes by their keys."""
        return keys_of(self.graph)

    @cached_property
    def keys(self) -> dict[int, Key]:
        """The keys of the nodes."""
        return {node: key for key, node in self.keyed.items()}

    @cached_property
    def keyed_forward(self) -> dict[Key, int]:
        """The nodes with the updates undone by their keys."""
        return self.keyed if self.undone is self.iteration else keys_of(self.forward)

    @cached_property
    def chains(self) -> dict[str, Chain]:
        """Parameter → what may be its gradient."""
        return {
            parameter.name: chain_to(self.graph, parameter, self.acted)
            for parameter in self.parameters
        }

    @cached_property
    def residuals(self) -> list[Residual]:
        """Its differences between outputs and targets."""
        return residuals_in(self.forward, self.acted_forward, self.literal)

    @cached_property
    def losses(self) -> list[Loss]:
        """What may be its loss."""
        keys = {node: key for key, node in self.keyed_forward.items()}
        leading = {
            self.keyed_forward[key] for key in self.leading_forward if key in self.keyed_forward
        }
        return [
            *own_losses(self.forward, self.acted_forward, leading, keys),
            *implied_losses(self.forward, self.residuals, keys),
        ]

    @cached_property
    def at_kink(self) -> bool:
        """Whether some entry stands exactly on the kink of a rectifier or an absolute value."""
        return any(_has_tie(self.forward, node) for node in self.acted_forward)

    @cached_property
    def is_guarded(self) -> bool:
        """Whether a guard of some loss of its own decides: outputs are saturated."""
        own = [self.adjoints(loss) for loss in self.losses if loss.own]
        return any(
            adjoints is not None and is_guarded(self.forward, adjoints, self.acted_forward)
            for adjoints in own
        )

    def adjoints(self, loss: Loss) -> Adjoints | None:
        """The derivatives of a loss by the nodes of `forward`."""
        return loss.adjoints(self.forward, self.keyed_forward, self.acted_forward)

    def derivatives(self, loss: Loss) -> dict[str, np.ndarray | None]:
        """Parameter → derivative of a loss by it, flat; None where it is unknown."""
        return self._by_parameters(self.adjoints(loss))

    def penalties(self, loss: Loss) -> dict[str, np.ndarray | None]:
        """Parameter → the part of that derivative that does not come from data; None without."""
        adjoints = self.adjoints(loss)
        if not loss.own or adjoints is None:
            return self._by_parameters(None)
        heads = {node for item in self.parameters for node in self.undone.head_of(item.tensor)}
        acted = self.acted_forward
        return self._by_parameters(
            penalty_adjoints(self.forward, adjoints, heads=heads, acted=acted)
        )

    def _by_parameters(self, adjoints: Adjoints | None) -> dict[str, np.ndarray | None]:
        return {
            item.name: None
            if adjoints is None
            else derivative_by(self.undone.head_of(item.tensor), item, adjoints, self.forward)
            for item in self.parameters
        }


def _has_tie(graph: Graph, index: int) -> bool:
    node = graph[index]
    if node.operation in ("maximum", "minimum", "fmax", "fmin"):
        one, other = (filled(item, lambda i: graph[i].value) for item in node.arguments[:2])
        return bool(np.any(np.equal(one, other)))
    if node.operation in ("abs", "absolute", "fabs"):
        return bool(np.any(np.equal(node.value, 0)))
    return False


def _leading(graph: Graph, ends: Iterable[int | None]) -> set[int]:
    found: set[int] = set()
    for end in ends:
        if end is not None and end not in found:
            found |= ancestors(graph, end)
    return found


def read_iteration(
    lab: Laboratory, point: Point, *, updates: frozenset[int], forced: frozenset[int]
) -> Reading:
    """Records the iteration at a point, and says what its parameters are.

    Args:
        lab: Runs the step.
        point: Where.
        updates: Serials of the statements that change parameters.
        forced: Serials of the `if` statements whose body always runs.

    Raises:
        StepFailedError: The iteration failed.
    """
    iteration = recorded(lab, point, forced=forced)
    parameters = parameters_in(iteration, lab.tensors)
    undone = iteration
    if _goes_on_after_updates(iteration, parameters):
        undone = recorded(lab, point, resets=updates, forced=forced)
    return Reading(point, iteration, parameters, undone, literal_serials(lab.nodes))


def _goes_on_after_updates(iteration: Iteration, parameters: list[Parameter]) -> bool:
    """Whether updated parameters act on something that leads to no update."""
    graph = iteration.graph
    heads = {node for item in parameters for node in item.heads}
    ends = {end for item in parameters for end in item.ends if end is not None} - heads
    after = descendants(graph, ends)
    return bool(after - ends)


def literal_serials(nodes: Mapping[int, ast.AST]) -> frozenset[int]:
    """The differences with a literal number in them."""
    return frozenset(
        serial
        for serial, node in nodes.items()
        if isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Sub)
        and (isinstance(node.left, ast.Constant) or isinstance(node.right, ast.Constant))
    )


def has_signal(
    reading: Reading, loss: Loss, derivative: np.ndarray | None, parameter: Parameter
) -> bool:
    """Whether the loss feels a parameter, beyond the rounding of its own value.

    Args:
        reading: Where.
        loss: The loss.
        derivative: Its derivative by the parameter.
        parameter: The parameter.
    """
    value = loss.value(reading.forward, reading.keyed_forward)
    if derivative is None or value is None or not np.isfinite(derivative).all():
        return False
    start = reading.undone.values_at(reading.undone.head_of(parameter.tensor))
    size = max(float(np.linalg.norm(start)), _SMALL)
    return float(np.linalg.norm(derivative)) * size > _NOTHING * abs(value)


@dataclass(frozen=True)
class Fit:
    """How well a loss explains the updates of an iteration.

    Attributes:
        matched: Parameters whose chain has a multiple of the derivative.
        telling: Parameters of several numbers that have a derivative at all.
    """

    matched: frozenset[str]
    telling: frozenset[str]
    factors: tuple[float, ...]

    @property
    def explains(self) -> bool:
        """Whether it explains all that can tell."""
        return bool(self.telling) and self.telling <= self.matched and bool(self.factors)


def fit_of(reading: Reading, loss: Loss) -> Fit:
    """Compares the derivatives of a loss with what leads to the updates."""
    matched, telling = set(), set()
    common: set[float] | None = None
    derivatives, penalties = reading.derivatives(loss), reading.penalties(loss)
    for parameter in reading.parameters:
        derivative, penalty = derivatives[parameter.name], penalties[parameter.name]
        if derivative is None or not has_signal(reading, loss, derivative, parameter):
            continue
        chain, shape = reading.chains[parameter.name], parameter.tensor.shape
        found = chain.multiples(derivative, shape)
        step = step_factor(parameter, derivative)
        if not found and step is None and penalty is not None and np.any(penalty):
            found = chain.multiples(derivative - penalty, shape)  # a decay that is wrong
        factors = {*found.values(), *(() if step is None else (step,))}
        if parameter.tensor.size > 1:
            telling.add(parameter.name)
            if factors:
                matched.add(parameter.name)
        common = factors if common is None else _shared(common, factors)
    if not telling:
        telling = {item.name for item in reading.parameters if item.moves}
        matched = telling if common else set()
    return Fit(frozenset(matched), frozenset(telling), tuple(common or ()))


def _shared(first: set[float], second: set[float]) -> set[float]:
    """The factors that stand in both sets, but for rounding."""
    return {one for one in first if any(abs(one - two) <= 1e-4 * abs(one) for two in second)}


def is_even(reading: Reading, loss: Loss) -> bool:
    """Whether a loss grows with each error's size: a mean of errors, say, does not."""
    adjoints = reading.adjoints(loss)
    if adjoints is None:
        return False
    for residual in reading.residuals:
        value = np.asarray(reading.forward[residual.node].value, float)
        slope = adjoints.get(residual.node)
        if slope is not None and slope.shape == value.shape and np.any(slope):
            size = float(np.max(np.abs(slope * value), initial=0.0))
            if np.any(slope * value < -1e-9 * size):
                return False
    return True


def chosen_loss(readings: Sequence[Reading]) -> Loss | None:
    """The loss that the updates belong to, or that the program states; None where there is none."""
    first = readings[0]
    losses = [loss for loss in first.losses if not _only_decides(first, loss)]
    fits = {loss: _common_fit(readings[:2], loss) for loss in losses}
    own = [loss for loss in fits if loss.own and is_even(first, loss)]
    implied = [loss for loss in fits if not loss.own]
    stated = {loss: _kinds_of(first, loss, implied) for loss in own}
    explaining_own = [loss for loss in own if fits[loss].explains]
    if explaining_own:
        return max(explaining_own, key=_prominence)
    explaining = [loss for loss in implied if fits[loss].explains]
    rivals = [loss for loss in own if stated[loss]]
    if explaining:
        best = explaining[0]
        if rivals and best.kind not in stated[rivals[0]]:
            return max(rivals, key=_prominence)
        return best
    likely = rivals or own
    if likely:
        return max(likely, key=lambda loss: (len(fits[loss].matched), *_prominence(loss)))
    return max(implied, key=lambda loss: len(fits[loss].matched), default=None)


def _only_decides(reading: Reading, loss: Loss) -> bool:
    """Whether an own number is compared with something, and neither shown nor kept."""
    nodes = [reading.keyed_forward[key] for term in loss.terms for key in term]
    graph = reading.forward
    return loss.own and all(
        node in graph.compared and node not in graph.shown | graph.kept for node in nodes
    )


def _common_fit(readings: Sequence[Reading], loss: Loss) -> Fit:
    """How well a loss explains the updates at several points."""
    fits = [fit_of(reading, loss) for reading in readings]
    telling = frozenset().union(*(fit.telling for fit in fits))
    missed = frozenset().union(*(fit.telling - fit.matched for fit in fits))
    factors = min((fit.factors for fit in fits if fit.telling), key=len, default=())
    return Fit(telling - missed, telling, factors)


def _prominence(loss: Loss) -> tuple[bool, int, int]:
    return (loss.shown, -len(loss.terms), loss.serial)


def _kinds_of(reading: Reading, loss: Loss, implied: Sequence[Loss]) -> frozenset[str]:
    """The kinds of implied losses that an own one is a multiple of."""
    found = set()
    penalties = reading.penalties(loss)
    own = {
        name: whole if whole is None or penalties[name] is None else whole - penalties[name]
        for name, whole in reading.derivatives(loss).items()
    }
    for other in implied:
        theirs = reading.derivatives(other)
        pairs = [(own[name], theirs[name]) for name in own]
        telling = [(a, b) for a, b in pairs if a is not None and b is not None and a.size > 1]
        telling = [(a, b) for a, b in telling if np.any(a) or np.any(b)] or [
            (a, b) for a, b in pairs if a is not None and b is not None
        ]
        if telling and all((factor_between(a, b) or 0) > 0 for a, b in telling):
            found.add(other.kind)
    return frozenset(found)

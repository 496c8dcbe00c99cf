"""A program's iteration as it was understood at one point: parameters, chains, losses."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nndiag.program.execution.snapshot import Leaf
from nndiag.program.graph.adjoints import Adjoints, ancestors, descendants
from nndiag.program.graph.nodes import Graph, filled
from nndiag.program.graph.operations import WRITES
from nndiag.program.loop.step_evaluator import Point, StepEvaluator
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
from nndiag.program.roles.parameters import (
    Chain,
    Parameter,
    chain_to,
    derivative_by,
    parameters_in,
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
        updating: Serials of the updates, which are no errors and no losses.
    """

    point: Point
    iteration: Iteration
    parameters: list[Parameter]
    undone: Iteration
    literal: frozenset[int]
    updating: frozenset[int]

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
        """Its differences between outputs and targets; a step of a variable is none."""
        found = residuals_in(self.forward, self.acted_forward, self.literal | self.updating)
        steps = self._steps
        return [item for item in found if item.node >= self.undone.start and item.node not in steps]

    @property
    def _steps(self) -> set[int]:
        """What variables hold behind the iteration that is made from what they held before."""
        heads, graph = self.undone.heads, self.forward
        return {
            written
            for leaf, ends in self.undone.ends.items()
            for head, end in zip(heads.get(leaf, ()), ends)
            if end is not None and head in graph[written := _written(graph, end)].inputs
        }

    @cached_property
    def losses(self) -> list[Loss]:
        """What may be its loss."""
        keys = {node: key for key, node in self.keyed_forward.items()}
        acted = {index for index in self.acted_forward if index >= self.undone.start}
        acted -= self._averages
        leading = {
            self.keyed_forward[key] for key in self.leading_forward if key in self.keyed_forward
        }
        own = own_losses(self.forward, acted, leading, keys)
        return [
            *(loss for loss in own if loss.node_id not in self.updating),
            *implied_losses(self.forward, self.residuals, keys),
        ]

    @property
    def _averages(self) -> set[int]:
        """The running averages, made from a part of what they held before, and the new part."""
        graph, found = self.forward, set[int]()
        for leaf, heads in self.undone.heads.items():
            ends = self.undone.ends.get(leaf, ())
            if len(heads) != 1 or len(ends) != 1 or ends[0] is None or ends == heads:
                continue
            end = graph[ends[0]]
            shares = [i for i in end.inputs if graph[i].operation in ("mul", "multiply")]
            if end.size == 1 and any(heads[0] in graph[share].inputs for share in shares):
                found.update((end.index, *shares))
        return found

    @cached_property
    def at_kink(self) -> bool:
        """Whether some entry stands exactly on the kink of a rectifier or an absolute value."""
        felt = set().union(*map(self.made_from, self.losses))
        return any(_has_tie(self.forward, node) for node in self.acted_forward & felt)

    def made_from(self, loss: Loss) -> set[int]:
        """The nodes of `forward` that a loss is computed from."""
        ends = {self.keyed_forward[key] for keys in loss.terms for key in keys}
        return set().union(*(ancestors(self.forward, end) for end in ends))

    @cached_property
    def is_guarded(self) -> bool:
        """Whether a guard of some loss of its own decides: outputs are saturated."""
        own = [self.adjoints(loss) for loss in self.losses if loss.own]
        return any(
            adjoints is not None and is_guarded(self.forward, adjoints, self.acted_forward)
            for adjoints in own
        )

    def feels(self, loss: Loss, leaves: Iterable[Leaf]) -> bool:
        """Whether a loss is computed from what some variables held: a recurrent network's state."""
        heads = {head for leaf in leaves for head in self.undone.heads.get(leaf, ())}
        known = all(key in self.keyed_forward for keys in loss.terms for key in keys)
        return known and bool(heads & self.made_from(loss))

    def adjoints(self, loss: Loss) -> Adjoints | None:
        """The derivatives of a loss by the nodes of `forward`."""
        key = loss.kind, loss.terms
        if key not in self._adjoints:
            self._adjoints[key] = loss.adjoints(
                self.forward, self.keyed_forward, self.acted_forward
            )
        return self._adjoints[key]

    @cached_property
    def _adjoints(self) -> dict[tuple[str, tuple[tuple[Key, ...], ...]], Adjoints | None]:
        return {}

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


def _written(graph: Graph, end: int) -> int:
    """The value that was written where a parameter is."""
    while graph[end].operation in WRITES and graph[end].inputs:
        end = graph[end].inputs[-1]
    return end


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
    lab: StepEvaluator, point: Point, *, updates: frozenset[int], forced: frozenset[int]
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
    parameters = parameters_in(iteration, lab.tensors, lab.held)
    undone = iteration
    if _goes_on_after_updates(iteration, parameters):
        undone = recorded(lab, point, resets=updates, forced=forced)
    literal, updating = literal_node_ids(lab.nodes), _made_by(updates, lab.nodes)
    return Reading(point, iteration, parameters, undone, literal, updating)


def _goes_on_after_updates(iteration: Iteration, parameters: list[Parameter]) -> bool:
    """Whether updated parameters act on something that leads to no update."""
    graph = iteration.graph
    heads = {node for item in parameters for node in item.heads}
    new = (end for item in parameters for end in iteration.end_of(item.tensor))
    ends = {end for end in new if end is not None} - heads
    after = descendants(graph, ends)
    return bool(after - ends)


def literal_node_ids(nodes: Mapping[int, ast.AST]) -> frozenset[int]:
    """The differences with a literal number in them."""
    return frozenset(
        node_id
        for node_id, node in nodes.items()
        if isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Sub)
        and (isinstance(node.left, ast.Constant) or isinstance(node.right, ast.Constant))
    )


def _made_by(updates: frozenset[int], nodes: Mapping[int, ast.AST]) -> frozenset[int]:
    """The statements that change parameters, and what they assign."""
    values = (getattr(nodes.get(node_id), "value", None) for node_id in updates)
    made = (getattr(value, "node_id", None) for value in values)
    return updates | {node_id for node_id in made if node_id is not None}


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
    start = parameter.of(reading.undone.values_at(reading.undone.head_of(parameter.tensor)))
    size = max(float(np.linalg.norm(start)), _SMALL)
    return float(np.linalg.norm(derivative)) * size > _NOTHING * abs(value)

"""The parameters in an iteration's graph, and what leads to their updates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from nndiag.program.execution.runner import StepFailedError
from nndiag.program.graph.adjoints import Adjoints
from nndiag.program.graph.nodes import Graph
from nndiag.program.loop.tensors import Tensor
from nndiag.program.roles.multiples import TOLERANCE, factor_between, multiple_of
from nndiag.program.roles.recording import Iteration

_REDUCED = frozenset({"sum", "mean", "average", "max", "amax", "min", "amin", "prod", "nansum"})


@dataclass(frozen=True, eq=False)
class Parameter:
    """One parameter in one iteration.

    Attributes:
        tensor: The parameter.
        heads: Its nodes before the iteration.
        ends: Its nodes behind it, as many, or one None where it was not found any more.
        step: What the iteration takes off it, flat; the gradient itself where that is held.
        is_held: Whether `ends` hold its gradient, which the user names.
        entries: Which of a variable's numbers it is, where it is a part; None for all.
    """

    tensor: Tensor
    heads: tuple[int, ...]
    ends: tuple[int | None, ...]
    step: np.ndarray
    is_held: bool = False
    entries: tuple[int, ...] | None = None

    @property
    def name(self) -> str:
        """The parameter, as the program writes it."""
        return self.tensor.name

    @property
    def moves(self) -> bool:
        """Whether the iteration changes it."""
        return bool(np.any(self.step != 0))

    def of(self, whole: np.ndarray) -> np.ndarray:
        """Its numbers among those of the whole variable, flat."""
        return whole if self.entries is None else whole[list(self.entries)]

    def start(self, iteration: Iteration) -> np.ndarray:
        """Its numbers before the iteration, flat."""
        whole = iteration.values_at(self.heads)
        return self.of(whole[: whole.size // self.tensor.copies])


def derivative_by(
    heads: Iterable[int], parameter: Parameter, adjoints: Adjoints, graph: Graph
) -> np.ndarray | None:
    """The derivative of the loss by a parameter, flat; None where some of it is unknown.

    Args:
        heads: The parameter's nodes in the graph of the adjoints.
        parameter: The parameter.
        adjoints: The derivatives by nodes.
        graph: The graph that they belong to.
    """
    parts = []
    for node in heads:
        if node in adjoints.unknown:
            return None
        part = adjoints.values.get(node)
        parts.append(np.zeros(graph[node].size) if part is None else np.ravel(part))
    whole = parameter.of(np.concatenate(parts) if parts else np.empty(0))
    copies = parameter.tensor.copies
    return whole if copies == 1 else whole.reshape(copies, -1).sum(axis=0)


def parameters_in(
    iteration: Iteration, tensors: Iterable[Tensor], held: Mapping[str, str]
) -> list[Parameter]:
    """The parameters that an iteration has, with their steps.

    Args:
        iteration: The iteration.
        tensors: The parameters.
        held: Parameter → the key of the expression for its gradient, where the user names one.
    """
    found = []
    for tensor in tensors:
        heads, ends = iteration.head_of(tensor), iteration.end_of(tensor)
        start = iteration.values_at(heads)
        if start.size == 0:
            continue
        if tensor.name in held:
            found.append(_with_gradient(iteration, tensor, heads, held[tensor.name]))
            continue
        end = iteration.values_at(ends)
        whole = None not in ends and end.size == start.size
        step = start - end if whole else np.full(start.size, np.nan)
        step = step[: step.size // tensor.copies]  # its copies move alike
        found.append(Parameter(tensor, heads, ends if whole else (None,), step))
    return found


def _with_gradient(
    iteration: Iteration, tensor: Tensor, heads: tuple[int, ...], key: str
) -> Parameter:
    """A parameter whose gradient the user names, which is compared in the place of its step.

    Raises:
        StepFailedError: The gradient has another shape.
    """
    nodes = iteration.held.get(key, ())
    values = iteration.values_at(nodes)
    if None in nodes or values.size != tensor.size or len(nodes) not in (1, len(heads)):
        shape = iteration.graph[nodes[0]].shape if len(nodes) == 1 and nodes[0] is not None else ()
        raise StepFailedError(
            f"{key} has not the parameter's shape {tensor.shape}, but {shape or values.shape}"
        )
    return Parameter(tensor, heads, nodes, values, is_held=True)


@dataclass(frozen=True, eq=False)
class Chain:
    """The values between the backward pass and one parameter's update: its gradient is among them.

    Attributes:
        vectors: Serial → the flat values that its expression had last on the way to each entry.
        nodes: Serial → the nodes of these values.
    """

    vectors: dict[int, np.ndarray]
    nodes: dict[int, tuple[int, ...]]

    def multiples(self, derivative: np.ndarray, shape: tuple[int, ...]) -> dict[int, float]:
        """Serial → factor, of the expressions that are multiples of a derivative, in order."""
        wanted = derivative.reshape(shape) if derivative.size == int(np.prod(shape)) else derivative
        found = {}
        for node_id, vector in self.vectors.items():
            factor = multiple_of(vector, wanted, tolerance=TOLERANCE, turned=False)
            if factor is not None:
                found[node_id] = factor
        return found


def _kept_on_the_way(graph: Graph, end: int) -> set[int]:
    """What a value is made of, but for what is summed up to fewer numbers on every way to it."""
    found = {end}
    for index in range(end, -1, -1):
        node = graph[index]
        if index in found and not (node.operation in _REDUCED and node.size < graph[end].size):
            found.update(node.inputs)
    return found


def chain_to(graph: Graph, parameter: Parameter, acted: set[int]) -> Chain:
    """The values on the way to a parameter's update that have as many numbers as it has.

    Args:
        graph: The iteration.
        parameter: One that is there at the end.
        acted: The nodes that the parameters act on.
    """
    if None in parameter.ends:
        return Chain({}, {})
    per_end: list[dict[int, int]] = []
    heads = set(parameter.heads)
    for end in parameter.ends:
        assert end is not None
        size = graph[end].size
        last: dict[int, int] = {}
        for index in sorted(_kept_on_the_way(graph, end)):
            node = graph[index]
            if node.node_id >= 0 and index in acted and node.size == size and index not in heads:
                last[node.node_id] = index
        per_end.append(last)
    common = [node_id for node_id in per_end[0] if all(node_id in last for last in per_end[1:])]
    vectors, nodes = {}, {}
    for node_id in common:
        found = tuple(last[node_id] for last in per_end)
        values = [np.asarray(graph[index].value, float) for index in found]
        vectors[node_id] = (
            values[0] if len(values) == 1 else np.concatenate([v.ravel() for v in values])
        )
        nodes[node_id] = found
    return Chain(vectors, nodes)


def step_factor(parameter: Parameter, derivative: np.ndarray) -> float | None:
    """How many times the gradient a step is; None where it is no multiple of it."""
    scale = float(np.max(np.abs(parameter.step), initial=0.0))
    if not np.isfinite(scale) or scale == 0:
        return None
    return factor_between(parameter.step, derivative, tolerance=10 * TOLERANCE)

"""A cut of all entries of a gradient at one size, on its way to the update."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from nndiag.program.graph.nodes import Graph
from nndiag.program.roles.parameters import Chain
from nndiag.program.roles.replay import replayed

_EXACT = 1e-9
_SMALL = 1e-9  # what a gradient is shrunk by so that no clip acts on it
_LARGER = 1.001


@dataclass(frozen=True)
class Clip:
    """A cut of all entries at one size.

    Attributes:
        node_id: The expression that cuts.
        limit: The largest size that is left.
        cut: How many entries are cut.
        entries: Of how many that are not zero.
    """

    node_id: int
    limit: float
    cut: int
    entries: int


def clip_in(
    graph: Graph, chain: Chain, known: Collection[int], gradient: np.ndarray
) -> Clip | None:
    """The cut on the way of a gradient to its update; None where there is none, or it cuts nothing.

    What cuts leaves a small gradient alone, and gives the same for a larger one. That tells it from
    a sign, from a root and from what bends.

    Args:
        graph: The iteration.
        chain: The values that lead to the update.
        known: The values that are multiples of the gradient, or of it with a decay.
        gradient: The derivative of the loss by the parameter.
    """
    before: tuple[np.ndarray, tuple[int, ...]] | None = None
    for node_id, vector in chain.vectors.items():
        if vector.size != gradient.size:
            continue
        nodes = chain.nodes[node_id]
        if before is not None:
            clip = _cut(vector, before[0].reshape(vector.shape), node_id)
            if clip is not None and _cuts_hard(graph, before[1], nodes):
                return clip
        if node_id in known:
            before = np.asarray(vector, float), nodes
    return None


def _cut(value: np.ndarray, whole: np.ndarray, node_id: int) -> Clip | None:
    limit = float(np.max(np.abs(value), initial=0.0))
    cut = np.abs(whole) > limit * (1 + _EXACT)
    same = np.allclose(value, np.clip(whole, -limit, limit), rtol=_EXACT, atol=0)
    if not np.any(cut) or not same:
        return None
    return Clip(node_id, limit, int(cut.sum()), int(np.count_nonzero(whole)))


def _cuts_hard(graph: Graph, sources: Sequence[int], wanted: Sequence[int]) -> bool:
    """Whether small values pass as they are, and larger ones than now change nothing."""
    whole = {node: np.asarray(graph[node].value, float) for node in sources}
    small = {node: value * _SMALL for node, value in whole.items()}
    passed = replayed(graph, small, wanted)
    pressed = replayed(graph, {n: v * _LARGER for n, v in whole.items()}, wanted)
    if passed is None or pressed is None:
        return False
    for source, node, value, more in zip(sources, wanted, passed, pressed):
        now = np.asarray(graph[node].value, float)
        cut = np.abs(whole[source].reshape(now.shape)) > np.abs(now) * (1 + _EXACT)
        spared = np.allclose(value, small[source].reshape(np.shape(value)), rtol=1e-6, atol=0)
        if not spared or not np.array_equal(more[cut], now[cut]):
            return False
    return True

"""A softmax that is taken over the examples instead of the classes."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import numpy as np

from nndiag.program.graph.adjoints import ancestors
from nndiag.program.judging.facts import Facts
from nndiag.program.judging.fault import Edits, Explains, ProgramFault
from nndiag.program.roles.losses import Residual
from nndiag.program.roles.status import Status
from nndiag.program.text.edits import Change

_NEAR = 8  # nodes between a softmax's sum and its output
_TURNED = (("axis=0", "axis=1"), ("axis=1", "axis=0"), ("axis=-1", "axis=0"))


def softmax_over_examples(facts: Facts) -> Iterator[ProgramFault]:
    """The outputs that sum up to 1 along another axis than their targets do."""
    if any(_is_turned(facts, residual) for residual in facts.readings[0].residuals):
        residual = next(r for r in facts.readings[0].residuals if _is_turned(facts, r))
        yield _over_examples(facts, residual.output)


def _is_turned(facts: Facts, residual: Residual) -> bool:
    graph = facts.readings[0].forward
    output = np.asarray(graph[residual.output].value, float)
    target = output - residual.sign * np.asarray(graph[residual.node].value, float)
    if output.ndim != 2 or output.shape != target.shape or min(output.shape) < 2:
        return False
    return any(
        np.allclose(output.sum(axis=axis), 1.0)
        and np.allclose(target.sum(axis=1 - axis), 1.0)
        and not np.allclose(target.sum(axis=axis), 1.0)
        for axis in (0, 1)
    )


def _over_examples(facts: Facts, output: int) -> ProgramFault:
    graph = facts.readings[0].forward
    sums = [
        graph[index]
        for index in sorted(ancestors(graph, output))
        if graph[index].operation == "sum" and index > output - _NEAR
    ]
    node_id = sums[-1].node_id if sums else graph[output].node_id
    call = facts.nodes.get(node_id)
    text = ast.unparse(call) if isinstance(call, ast.Call) else ""
    turned = [text.replace(old, new) for old, new in _TURNED if old in text]
    if sums and sums[-1].function is sum and isinstance(call, ast.Call):
        turned = [f"np.sum({ast.unparse(call.args[0])}, axis=1, keepdims=True)"]
    edits: Edits = [(Change(node_id, new),) for new in turned[:1]]
    names = [item.name for item in facts.comparisons if item.status is not Status.RIGHT]
    return ProgramFault(
        "softmax-wrong-axis", names, node_id, edits=edits, explains=Explains.GRADIENT
    )

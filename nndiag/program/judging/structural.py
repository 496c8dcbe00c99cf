"""Structural findings: what is wrong, or unusual, whatever the gradient is.

Shapes that cannot be meant, a shown number that is no loss, a decay that the loss leaves out, a
clip that always acts.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import numpy as np

from nndiag.finding import Severity
from nndiag.program.graph.nodes import Node, Ref, filled
from nndiag.program.judging.facts import Facts
from nndiag.program.judging.fault import Explains, ProgramFault
from nndiag.program.judging.softmax_axis import softmax_over_examples
from nndiag.program.roles.loss_text import loss_text, text_of
from nndiag.program.roles.losses import Loss
from nndiag.program.roles.parameters import Parameter
from nndiag.program.roles.reading import Reading
from nndiag.program.roles.understanding import Understanding
from nndiag.program.roles.ways import update_node_id
from nndiag.program.text.edits import Change
from nndiag.program.text.instrument import node_id_of

_SHARE = 1e-8  # of a parameter, that a decay takes off at least
_CLIPS = frozenset({"clip", "minimum", "maximum", "fmin", "fmax"})


def standing_faults(facts: Facts) -> list[ProgramFault]:
    """The structural findings of a program whose loss is known."""
    found = facts.found
    return [
        *_broadcast(found),
        *_bias_per_example(found),
        *_not_the_objective(found),
        *softmax_over_examples(facts),
    ]


# Shapes.


def _broadcast(found: Understanding) -> Iterator[ProgramFault]:
    """Differences that have an entry for each pair of an output and a target."""
    reading = found.readings[0]
    changes: dict[Change, None] = {}
    first: tuple[int, str] | None = None
    for node, is_turned in _tables(reading):
        output, target = _sides(reading, node)[:: -1 if is_turned else 1]
        first = first or (node.node_id, f"{output} against {target} gives {node.shape}")
        syntax = found.nodes.get(node.node_id)
        if isinstance(syntax, ast.BinOp):
            one, other = (syntax.left, syntax.right)[:: -1 if is_turned else 1]
            shape = ast.unparse(ast.Attribute(one, "shape", ast.Load()))
            text = f"np.reshape({ast.unparse(other)}, {shape})"
            changes[Change(node_id_of(other), text)] = None
    if first is not None:
        names = [item.name for item in reading.parameters if item.moves]
        edits = [tuple(changes)] if changes else []
        yield ProgramFault(
            "mismatched-shapes", names, first[0], first[1], edits, explains=Explains.ALL
        )


def _tables(reading: Reading) -> Iterator[tuple[Node, bool]]:
    """The differences that are tables, and whether it is the target minus the output."""
    for node in reading.forward:
        if node.operation not in ("sub", "subtract") or node.node_id in reading.literal:
            continue
        acts = [
            isinstance(item, Ref) and item.node in reading.acted_forward
            for item in node.arguments[:2]
        ]
        sizes = {int(np.prod(side)) for side in _sides(reading, node)}
        if sum(acts) == 1 and len(sizes) == 1 and node.size > max(sizes) > 1:
            yield node, acts[1]


def _sides(reading: Reading, node: Node) -> list[tuple[int, ...]]:
    """The shapes of what a difference is made from."""
    return [
        np.shape(filled(item, lambda index: reading.forward[index].value))
        for item in node.arguments[:2]
    ]


def _bias_per_example(found: Understanding) -> Iterator[ProgramFault]:
    """Parameters of which each row, or each column, is added to one example."""
    reading = found.readings[0]
    for item in reading.parameters:
        tensor = item.tensor
        shape = (tensor.copies, *tensor.shape) if tensor.copies > 1 else tensor.shape
        if tensor.copies == 1 and not _adds_to_each_example(reading, item):
            continue
        rows = "×".join(map(str, shape))
        yield ProgramFault(
            "bias-per-example",
            [item.name],
            update_node_id(reading, item.name),
            f"its shape is {rows}; give it one row, and sum its gradient over the examples",
            severity=Severity.ERROR if tensor.copies == 1 else Severity.NOTE,
        )


def _adds_to_each_example(reading: Reading, item: Parameter) -> bool:
    """Whether a parameter is only added to a layer's sums, and has a row for each example there."""
    graph, shape = reading.graph, item.tensor.shape
    if len(shape) != 2 or len(item.heads) != 1:
        return False
    users = [graph[user] for user in reading.users[item.heads[0]] if user in reading.acted]
    used = [node for node in users if node.index not in item.ends]
    return bool(used) and all(_is_sum_per_example(reading, node, shape) for node in used)


def _is_sum_per_example(reading: Reading, node: Node, shape: tuple[int, ...]) -> bool:
    """Whether a node is data times weights, and something of the same shape."""
    graph = reading.graph
    if node.operation not in ("add", "iadd") or node.shape != shape:
        return False
    heads = {head for item in reading.parameters for head in item.heads}
    for index in node.inputs:
        product = graph[index]
        if product.shape == shape and product.operation in ("matmul", "dot"):
            sides = [
                side.node in heads or bool(heads & set(graph[side.node].inputs))
                for side in product.arguments[:2]
                if isinstance(side, Ref)
            ]
            if sides == [False, True] and shape[0] > 1:
                return True
            if sides == [True, False] and shape[1] > 1:
                return True
    return False


# The loss.


def _not_the_objective(found: Understanding) -> Iterator[ProgramFault]:
    """A number that is shown as the loss, and in which errors of opposite sign cancel."""
    reading = found.readings[0]
    for loss in reading.losses:
        if (
            loss.own
            and loss is not found.loss
            and _is_told(reading, loss)
            and _cancels(reading, loss)
        ):
            yield ProgramFault(
                "loss-is-not-the-objective",
                [text_of(found, loss)],
                loss.node_id,
                f"the step belongs to {loss_text(found)}",
                severity=Severity.WARNING,
            )
            return


def _is_told(reading: Reading, loss: Loss) -> bool:
    """Whether a person gets to see a number, now or later."""
    node = reading.keyed_forward[loss.terms[0][0]]
    return node in reading.forward.shown | reading.forward.kept


def _cancels(reading: Reading, loss: Loss) -> bool:
    """Whether a number sums errors with their signs."""
    adjoints = reading.adjoints(loss)
    if adjoints is None:
        return False
    for residual in reading.residuals:
        slope = adjoints.get(residual.node)
        value = np.asarray(reading.forward[residual.node].value, float)
        if slope is None or slope.shape != value.shape or np.count_nonzero(slope) < 2:
            continue
        if np.ptp(slope) <= 1e-9 * np.abs(slope).max() and np.ptp(np.sign(value)) > 0:
            return True
    return False

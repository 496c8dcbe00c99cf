"""What must be known of a program to train it under watch: its loop, loss and parameters."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Optional

import numpy as np

from nndiag.program.loop.step_evaluator import Recording
from nndiag.program.loop.tensors import Tensor
from nndiag.program.roles.losses import Loss
from nndiag.program.roles.understanding import Understanding
from nndiag.program.text.instrument import node_id_of
from nndiag.program.text.settings import CodeSettings
from nndiag.program.text.source import Source


@dataclass(frozen=True, eq=False)
class Trainable:
    """A program that can be trained, and whose loss can be read in each iteration.

    Attributes:
        source: The program.
        settings: What the user says about it.
        loop: Key of its training loop.
        node_ids: The expressions to watch.
        value: Reads the loss from what they came to; None where the iteration did not compute it.
        entropy: Whether the loss is a cross-entropy.
        forced: Serials of the `if` statements whose body always runs.
        tensors: Its parameters.
    """

    source: Source
    settings: CodeSettings
    loop: tuple[int, int]
    node_ids: frozenset[int]
    value: Callable[[Recording], float | None]
    entropy: bool
    forced: frozenset[int]
    tensors: tuple[Tensor, ...]

    @classmethod
    def of_understanding(cls, found: Understanding, source: Source) -> Trainable | None:
        """A program as it was understood; None where its loss cannot be read by itself.

        Functions that only give gradients train nothing.
        """
        read = reader_of(found)
        if read is None or any(item.is_held for item in found.readings[0].parameters):
            return None
        node_ids, value = read
        assert found.loss is not None
        return cls(
            source=source,
            settings=found.settings,
            loop=found.watched.loop.key,
            node_ids=node_ids,
            value=value,
            entropy=found.loss.kind.endswith("entropy"),
            forced=found.forced,
            tensors=found.lab.tensors,
        )


Reader = tuple[frozenset[int], Callable[[Recording], Optional[float]]]


def reader_of(found: Understanding) -> Reader | None:  # noqa: PLR0911 - one kind after the other
    """The expressions that a loss is read from, and how."""
    loss = found.loss
    if loss is None:
        return None
    node = found.nodes.get(loss.node_id)
    if loss.own:
        if isinstance(node, ast.AugAssign):
            return _summed(node_id_of(node.value), loss.sign, behind=_behind(found, loss))
        if not isinstance(node, (ast.BinOp, ast.UnaryOp, ast.Call)):
            return None
        behind = _behind(found, loss)
        if len(loss.terms) > 1:
            return _summed(loss.node_id, loss.sign, behind=behind)
        last = partial(_last, node_id=loss.node_id, sign=loss.sign, behind=behind)
        return frozenset({loss.node_id}), last
    if not isinstance(node, ast.BinOp):
        return None
    output = node_id_of(node.left if loss.sign > 0 else node.right)

    def implied(recording: Recording) -> float | None:
        errors = recording.values.get(loss.node_id)
        outputs = recording.values.get(output)
        if not errors or not outputs or len(errors) != len(outputs):
            return None
        total = 0.0
        for error, out in zip(errors, outputs):
            if np.size(error) % max(np.size(out), 1):
                return None  # an expression that has come to something else since
            total += loss.of_values(np.asarray(out, float), np.asarray(error, float))
        return total

    return frozenset({loss.node_id, output}), implied


def _behind(found: Understanding, loss: Loss) -> int:
    """How many more values its expression has in an iteration behind those that are the loss.

    They are losses of other data, such as those of validation.
    """
    counts = [key[2] for key in found.readings[0].keyed_forward if key[0] == loss.node_id]
    own = [key[2] for term in loss.terms for key in term if key[0] == loss.node_id]
    return max(counts) - max(own) if own and counts else 0


def _summed(node_id: int, sign: float, *, behind: int) -> Reader:
    def value(recording: Recording) -> float | None:
        values = recording.values.get(node_id) or []
        values = values[: len(values) - behind]
        return None if not values else sign * float(sum(np.sum(item) for item in values))

    return frozenset({node_id}), value


def _last(recording: Recording, *, node_id: int, sign: float, behind: int) -> float | None:
    values = recording.values.get(node_id) or []
    return None if len(values) <= behind else sign * float(np.ravel(values[-1 - behind])[0])

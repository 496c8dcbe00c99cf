"""One factor that the steps of all parameters have over what the program's rate and loss give."""

from __future__ import annotations

import ast
from dataclasses import dataclass

import numpy as np

from nndiag.program.judging.judgement import Judgement
from nndiag.program.roles.rates import Rate

_SAME = 1e-3


@dataclass(frozen=True)
class Uniform:
    """A factor that all steps share.

    Attributes:
        problem: The bug that it is.
        factor: The step over the rate times the gradient.
        grave: Whether it cannot be taken for a convention.
        told: What it comes from, in words.
        line: Where the factor comes in, as far as that is known.
    """

    problem: str
    factor: float
    grave: bool
    told: str
    line: int | None


def uniform_factor(judgement: Judgement, rate: Rate) -> Uniform | None:
    """The factor of all steps, where it is one of a few that mean something; None elsewhere.

    Only judged where the program itself computes the loss. Adaptive steps have no factor.
    """
    loss = judgement.found.loss
    rates = [item.rate for item in judgement.comparisons if item.rate is not None]
    if loss is None or not loss.own or not rates or len(rates) < len(judgement.comparisons):
        return None
    factor = float(np.median(rates)) / rate.value
    if max(rates) - min(rates) > _SAME * max(rates) or abs(factor - 1) <= 10 * _SAME:
        return None
    fitting = [name for name in _names(judgement) if abs(factor - name[0]) <= 10 * _SAME * name[0]]
    if not fitting:
        return None
    _, problem, _, told = fitting[0]
    return Uniform(problem, factor, all(name[2] for name in fitting), told, _line(judgement))


def _names(judgement: Judgement) -> list[tuple[float, str, bool, str]]:
    """Factors, with the bug, whether it is grave, and how it is told."""
    names = [
        (2.0, "wrong-constant-factor", False, "twice"),
        (0.5, "wrong-constant-factor", False, "half"),
    ]
    residuals = judgement.found.readings[0].residuals
    graph = judgement.found.readings[0].forward
    sizes = {size for item in residuals for size in graph[item.node].shape} | {len(residuals)}
    for size in sorted(size for size in sizes if size > 2):
        summed = "summed-instead-of-averaged"
        names.append((float(size), summed, True, "summed over the examples"))
        names.append((1.0 / size, summed, True, "averaged over the examples"))
        for scale in (2.0, 0.5):
            names.append((scale * size, summed, False, "summed over the examples"))
            names.append((scale / size, summed, False, "averaged over the examples"))
    return names


def _line(judgement: Judgement) -> int | None:
    """The line of the first value of the backward pass that has a factor of its own."""
    item = judgement.comparisons[0]
    table = next(iter(item.factors.values()), {})
    for serial, value in table.items():
        if abs(abs(value) - 1) > _SAME:
            node = judgement.found.nodes.get(serial)
            return node.lineno if isinstance(node, (ast.expr, ast.stmt)) else None
    return None

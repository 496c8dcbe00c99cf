"""Parameters that are updated though the loss does not depend on them: a forward pass is broken."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nndiag.program.graph.nodes import Node
from nndiag.program.judging.facts import Facts
from nndiag.program.judging.fault import Explains, ProgramFault
from nndiag.program.location.structure import carried
from nndiag.program.roles.multiples import factor_between
from nndiag.program.roles.parameters import Parameter
from nndiag.program.roles.reading import Reading
from nndiag.program.roles.status import FINE, Status

_PRODUCTS = frozenset({"matmul", "dot", "einsum", "tensordot", "mul", "multiply", "inner"})


def unfelt_parameters(facts: Facts) -> Iterator[ProgramFault]:
    """The parameters that only ever meet zeros, and whose backward pass knows better.

    Such is a recurrent network whose state is not carried on: other gradients are then held against
    a loss that is not the one meant, so that nothing else is told.
    """
    reading = facts.readings[0]
    for item in facts.comparisons:
        if item.status is not Status.NO_SIGNAL or not item.zero:
            continue
        parameter = next(p for p in reading.parameters if p.name == item.name)
        product = _product_with_zeros(reading, parameter)
        if product is None or not _steps(reading, parameter):
            continue
        wrong = [c.name for c in facts.comparisons if c.status not in FINE]
        yield ProgramFault(
            "broken-chain-rule",
            [item.name, *wrong],
            product.node_id,
            f"{item.name} is updated, but only ever multiplied with zeros: the loss does not "
            "depend on it, so it is the forward pass that does not hand on what it should",
            [(change,) for change in carried(facts.lines, facts.found.watched.loop.node)],
            explains=Explains.ALL,
        )


def _product_with_zeros(reading: Reading, parameter: Parameter) -> Node | None:
    """The first product of a parameter in the forward pass, where all of them are with zeros."""
    graph, heads = reading.forward, set(reading.undone.head_of(parameter.tensor))
    found = [
        node
        for node in graph
        if node.operation in _PRODUCTS
        and heads & set(node.inputs)
        and node.index in reading.acted_forward
        and node.index not in reading.leading - _felt(reading)
    ]
    zeros = [node for node in found if not np.any(node.value)]
    return zeros[0] if zeros and len(zeros) == len(found) else None


def _felt(reading: Reading) -> set[int]:
    """The nodes that some loss is made from."""
    every = [reading.adjoints(loss) for loss in reading.losses]
    return set().union(*(found.values for found in every if found is not None))


def _steps(reading: Reading, parameter: Parameter) -> bool:
    """Whether a step moves a parameter by more than a decay."""
    start = reading.iteration.values_at(parameter.heads)
    step = parameter.step
    return bool(np.any(step)) and factor_between(step, start[: step.size]) is None

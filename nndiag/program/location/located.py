"""The expressions at fault, one after the other, until no wrong gradient is left unexplained."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping

from nndiag.program.location.aims import Aims
from nndiag.program.location.evidence import Evidence
from nndiag.program.location.gradient_place import GradientPlace
from nndiag.program.location.substitution import Search, Substitution
from nndiag.program.location.tape import Tape, with_keys
from nndiag.program.text.instrument import node_id_of


def located_faults(aims: Aims, expressions: Collection[int]) -> Iterator[list[Substitution]]:
    """The expressions at fault, with the wrong parameters that each explains; either of several.

    Args:
        aims: What the gradients ought to be.
        expressions: The node_ids in whose place another expression may be written.
    """
    while aims.wrong:
        found = Search(aims).best()
        if not found and aims.exact:
            rescaled = Search(aims).rescaled(expressions)
            found = [] if rescaled is None else [rescaled]
        if not found:
            return
        yield found
        aims.without(found[0].mends)


def tapes_of(evidence: Evidence, nodes: Mapping[int, ast.AST]) -> list[Tape]:
    """The readings, each to be computed again with values of its backward pass replaced.

    Args:
        evidence: The values at several points.
        nodes: The syntax tree by node_id.
    """
    summands = {
        node_id: node_id_of(node.value)
        for node_id, node in nodes.items()
        if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add)
        if isinstance(node.value, (ast.Name, ast.Attribute, ast.Subscript))
    }
    keys = evidence.readings[0].keys
    carrying = {keys[node] for node in evidence.carrying if node in keys}
    errors = {keys[node] for node in evidence.errors if node in keys}
    return [
        Tape(
            number,
            reading,
            adjoints,
            _gradient_nodes(evidence, number),
            with_keys(reading, carrying),
            with_keys(reading, errors),
            summands,
        )
        for number, (reading, adjoints) in enumerate(zip(evidence.readings, evidence.adjoints))
    ]


def _gradient_nodes(evidence: Evidence, number: int) -> dict[str, list[int]]:
    """Parameter → the values that its update takes for the gradient, in one of the readings."""
    one = Evidence([evidence.readings[number]], evidence.loss)
    place = GradientPlace(one)
    found = {}
    for item in evidence.readings[number].parameters:
        size = item.tensor.size * item.tensor.copies
        nodes = [
            end if end is None or item.is_held else place.gradient_node(end, size)
            for end in item.ends
        ]
        known = [node for node in nodes if node is not None]
        if known and len(known) == len(nodes):
            found[item.name] = known
    return found

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
            one.adjoints[0],
            _gradient_nodes(one),
            with_keys(reading, carrying) | one.carrying,  # a sequence may be longer than the first
            with_keys(reading, errors) | one.errors,
            summands,
            reading.penalties(evidence.loss),
        )
        for number, reading in enumerate(evidence.readings)
        for one in [Evidence([reading], evidence.loss)]
    ]


def _gradient_nodes(one: Evidence) -> dict[str, list[int]]:
    """Parameter → the values that its update takes for the gradient, in a reading."""
    place = GradientPlace(one)
    found = {}
    for item in one.readings[0].parameters:
        size = item.tensor.size * item.tensor.copies
        nodes = [
            end if end is None or item.is_held else place.gradient_node(end, size)
            for end in item.ends
        ]
        known = [node for node in nodes if node is not None]
        if known and len(known) == len(nodes):
            found[item.name] = known
    return found

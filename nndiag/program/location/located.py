"""The expressions at fault, one after the other, until no wrong gradient is left unexplained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nndiag.program.location.evidence import Evidence
from nndiag.program.location.gradient_place import GradientPlace
from nndiag.program.location.substitution import Search, Substitution


def located_faults(
    evidence: Evidence, wrong: Sequence[str], right: Sequence[str]
) -> Iterator[list[Substitution]]:
    """The expressions at fault, with the wrong parameters that each explains; either of several."""
    if not wrong:
        return
    gradients = [gradient_nodes(evidence, number) for number in range(len(evidence.readings))]
    left = list(wrong)
    while left:
        found = Search(evidence, gradients, left, right).best()
        if not found:
            return
        yield found
        left = [name for name in left if name not in found[0].mends]


def gradient_nodes(evidence: Evidence, number: int) -> dict[str, list[int]]:
    """Parameter → the values that its update takes for the gradient, in one of the readings."""
    one = Evidence([evidence.readings[number]], evidence.loss)
    place = GradientPlace(one)
    found = {}
    for item in evidence.readings[number].parameters:
        nodes = [None if end is None else place.gradient_node(end) for end in item.ends]
        known = [node for node in nodes if node is not None]
        if known and len(known) == len(nodes):
            found[item.name] = known
    return found

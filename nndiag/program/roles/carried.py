"""Outputs that an iteration takes over from the one before, computed anew for other parameters.

Some loops go backward, update, and then forward for the next iteration: the outputs at their head
belong to the parameters there. A variable is such an output where its old value leads to an
update, and its new value is made from the new parameters, but not from its own old value. The
iteration is then recorded behind another one whose updates are undone, which computes it.
"""

from __future__ import annotations

from nndiag.program.execution.snapshot import Leaf
from nndiag.program.graph.adjoints import ancestors, descendants
from nndiag.program.roles.recording import Iteration


def carried_leaves(iteration: Iteration, assigned: list[Leaf]) -> tuple[list[Leaf], list[Leaf]]:
    """The outputs that are carried over, and the variables that are made from their old values.

    Args:
        iteration: One iteration.
        assigned: The variables that hold another node at its end than at its head.
    """
    renewed = [leaf for leaf in assigned if _is_made_from_itself(iteration, leaf, assigned)]
    after = descendants(iteration.graph, _ends(iteration, renewed))
    leading: set[int] = set()
    for end in _ends(iteration, renewed):
        leading |= ancestors(iteration.graph, end)
    carried = [
        leaf
        for leaf in assigned
        if leaf not in renewed
        and any(head in leading for head in iteration.heads[leaf])
        and all(end in after for end in iteration.ends[leaf])
    ]
    return carried, renewed


def _ends(iteration: Iteration, leaves: list[Leaf]) -> list[int]:
    return [end for leaf in leaves for end in iteration.ends[leaf] if end is not None]


def _is_made_from_itself(iteration: Iteration, leaf: Leaf, assigned: list[Leaf]) -> bool:
    """Whether a variable's new value is made from its old one, not only by way of another's."""
    own = {end for end in iteration.ends[leaf] if end is not None}
    others = set(_ends(iteration, [item for item in assigned if item is not leaf])) - own
    reached = set(iteration.heads[leaf])
    for node in iteration.graph:
        if node.index not in others and any(item in reached for item in node.inputs):
            reached.add(node.index)
    return bool(own & reached)

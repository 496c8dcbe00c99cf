"""Clips that act at every step: the gradient is right, and hardly anything of it arrives."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from nndiag.finding import Severity
from nndiag.program.roles.comparison import Comparison
from nndiag.program.roles.update_fault import UpdateFault
from nndiag.program.text.edits import Change

_ALWAYS = 0.9  # of the entries, at every point: a guard against spikes acts rarely


def clip_faults(
    comparisons: Sequence[Comparison], nodes: Mapping[int, ast.AST]
) -> Iterator[UpdateFault]:
    """The clips that cut nearly all entries at every point.

    Args:
        nodes: The program's syntax tree by node_id.
        comparisons: The parameters, compared with the derivative of the loss.
    """
    for item in comparisons:
        clips = list(item.clips.values())
        if not clips or len(clips) < len(item.points):
            continue
        if all(clip.cut >= _ALWAYS * clip.entries for clip in clips):
            says = f"all its entries are cut at ±{clips[0].limit:g}, at every point tried"
            node_id = clips[0].node_id
            yield UpdateFault(
                item.name,
                "clipped-gradient",
                says,
                node_id,
                tuple(_edits(node_id, nodes.get(node_id))),
                Severity.WARNING,
            )


def _edits(node_id: int, node: ast.AST | None) -> Iterator[tuple[Change, ...]]:
    """The gradient without its clip: `np.clip(g, …)` and `g.clip(…)` become `g`."""
    if isinstance(node, ast.Call):
        own = [node.func.value] if isinstance(node.func, ast.Attribute) else []
        inner = node.args[:1] if len(node.args) > 2 else own
        yield from ((Change(node_id, ast.unparse(item)),) for item in inner)

"""Clips that act at every step: the gradient is right, and hardly anything of it arrives."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nndiag.finding import Severity
from nndiag.program.judging.facts import Facts
from nndiag.program.judging.fault import ProgramFault
from nndiag.program.text.edits import Change

_ALWAYS = 0.9  # of the entries of all points: a guard against spikes acts rarely


def clip_faults(facts: Facts) -> Iterator[ProgramFault]:
    """The clips that cut nearly all entries at every point."""
    for item in facts.comparisons:
        clips = list(item.clips.values())
        if not clips or len(clips) < len(item.points):
            continue
        cut, entries = sum(clip.cut for clip in clips), sum(clip.entries for clip in clips)
        if cut >= _ALWAYS * entries:
            says = f"{cut} of {entries} entries are cut at ±{clips[0].limit:g}, at all points tried"
            node_id = clips[0].node_id
            edits = list(_edits(node_id, facts.nodes.get(node_id)))
            yield ProgramFault(
                "clipped-gradient", [item.name], node_id, says, edits, severity=Severity.WARNING
            )


def _edits(node_id: int, node: ast.AST | None) -> Iterator[tuple[Change, ...]]:
    """The gradient without its clip: `np.clip(g, …)` and `g.clip(…)` become `g`."""
    if isinstance(node, ast.Call):
        own = [node.func.value] if isinstance(node.func, ast.Attribute) else []
        inner = node.args[:1] if len(node.args) > 2 else own
        yield from ((Change(node_id, ast.unparse(item)),) for item in inner)

"""A program's loss in words."""

from __future__ import annotations

import ast

from nndiag.program.roles.losses import Loss
from nndiag.program.roles.understanding import Understanding


def loss_text(found: Understanding) -> str:
    """The loss, as the program writes it or as it is assumed."""
    assert found.loss is not None
    return found.settings.loss or text_of(found, found.loss)


def text_of(found: Understanding, loss: Loss) -> str:
    """A number that may be the loss, as the program writes it or as it is assumed."""
    node = found.nodes.get(loss.node_id)
    text = "" if node is None else ast.unparse(node)
    if loss.own:
        if isinstance(node, ast.AugAssign):
            text = ast.unparse(node.target)
        total = f"sum of {text}" if len(loss.terms) > 1 else text
        texts = [total, *(text_of(found, other) for other in loss.others)]
        total = " or ".join(dict.fromkeys(texts))
        return total if loss.sign > 0 else f"-({total})"
    if loss.kind == "squares":
        return f"half the sum of squares of {text}"
    return f"{loss.kind} of the output in {text}"

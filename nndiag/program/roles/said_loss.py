"""The loss that the user names."""

from __future__ import annotations

from collections.abc import Sequence

from nndiag.errors import Problem, UserCodeError
from nndiag.program.roles.losses import Loss
from nndiag.program.roles.reading import Reading


def said_loss(readings: Sequence[Reading], text: str) -> Loss | None:
    """The loss that the user names.

    Raises:
        UserCodeError: It is not one number, or no parameter acts on it.
    """
    if not readings:
        return None
    reading = readings[0]
    nodes = reading.undone.held.get("loss", ())
    node = nodes[0] if len(nodes) == 1 else None
    if node is None or reading.forward[node].size != 1:
        shapes = [() if item is None else reading.forward[item].shape for item in nodes]
        raise UserCodeError(
            Problem(
                f"code.loss: {text!r} is not one number",
                got=str(shapes[0]) if len(shapes) == 1 else f"{len(shapes)} numbers",
            )
        )
    keys = {index: key for key, index in reading.keyed_forward.items()}
    if node not in reading.acted_forward or node not in keys:
        raise UserCodeError(
            Problem(
                f"code.loss: {text!r} does not change with the parameters",
                hint="write it with variables that one iteration computes from them",
            )
        )
    return Loss("own", ((keys[node],),), reading.forward[node].node_id, shown=True)

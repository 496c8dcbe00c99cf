"""Between a normalised network as it is trained and the ordinary one as which it is evaluated."""

import numpy as np

from nndiag.nn.calls import Array, now
from nndiag.nn.network import Architecture, Examples, forward, workspace


def raised(shape: Architecture, parameters: Array, *, gain: float = 1.0) -> Array:
    """Parameters (…, P) in the form that steps train, with every γ at `gain`."""
    trained = shape.in_training
    result = np.full((*parameters.shape[:-1], trained.size), gain)
    for before, after in zip(shape.matrices(parameters), trained.matrices(result), strict=True):
        after[..., : before.shape[-1]] = before
    return result


def folded(shape: Architecture, trained: Array, data: Examples) -> Array:
    """What is evaluated, (…, P), of networks in the form that steps train.

    Args:
        shape: The network as it is evaluated.
        trained: Its parameters in the other form, (…, P′).
        data: All training examples, whose statistics are taken.
    """
    form = shape.in_training
    if form is shape:
        return trained
    result, matrices = np.empty((*trained.shape[:-1], shape.size)), form.matrices(trained)
    space = workspace(form, data, stack=trained.shape[:-1])
    with np.errstate(all="ignore"):
        forward(now, form, matrices, space)
        for normal, matrix, out in zip(space.normal, matrices, shape.matrices(result), strict=True):
            if normal is None:
                out[...] = matrix
            else:
                normal.folded(matrix, out)
    return result


def evaluated_start(shape: Architecture, drawn: Array, data: Examples) -> Array:
    """Drawn parameters (…, P) as they are evaluated before the first step."""
    return folded(shape, raised(shape, drawn), data) if shape.normalises else drawn

"""What a user tells of the data, as facts."""

from dataclasses import replace
from typing import Any, get_args

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.errors import ConfigError, Problem, UserCodeError
from nndiag.pytree import as_array
from nndiag.trace import Facts


def examples(values: Any, what: str) -> FloatArray:
    """A copy of data as (B, columns)."""
    try:
        array = np.array(as_array(values))
    except (TypeError, ValueError) as error:
        raise UserCodeError(Problem(f"{what} are not numbers", got=str(error))) from error
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or not array.size:
        raise UserCodeError(
            Problem(f"{what} have not the shape (examples, columns)", got=str(array.shape))
        )
    return array


def completed(facts: Facts) -> Facts:
    """With what follows from the data: batches of all examples, the mean baseline's loss."""
    inputs, targets = facts.inputs, facts.targets
    if inputs is not None and targets is not None and len(inputs) != len(targets):
        raise UserCodeError(
            Problem(
                "inputs and targets have not the same number of examples",
                got=f"{inputs.shape} and {targets.shape}",
                hint="examples are rows: transpose them",
            )
        )
    if inputs is not None and facts.batch_size is None:
        facts = replace(facts, batch_size=len(inputs))
    if facts.loss is None or targets is None or facts.baseline_loss is not None:
        return facts
    from nndiag.nn.losses import LOSSES, baseline  # noqa: PLC0415 (only where it is asked for)

    allowed = get_args(LOSSES.options(facts.loss)["reduction"].annotation)
    if facts.reduction not in allowed:
        problem = f"{facts.loss} has no such reduction"
        raise ConfigError(Problem(problem, got=repr(facts.reduction), allowed=", ".join(allowed)))
    function = LOSSES.get(facts.loss)(reduction=facts.reduction)
    return replace(facts, baseline_loss=float(baseline(function, targets.T)))

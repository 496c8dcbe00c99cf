"""What the arguments of an assertion mean."""

import functools
import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from nndiag.errors import Problem, UserCodeError
from nndiag.testing.functions import of_function
from nndiag.testing.objects import LOSSES, method, of_object
from nndiag.testing.target import Target


def target_of(
    loss: Any,
    parameters: Any,
    gradients: Any,
    *,
    arguments: Sequence[Any],
    examples: int | None,
) -> Target:
    """What is meant by the arguments of `assert_gradients_correct`.

    Raises:
        UserCodeError: They do not say what the loss, the parameters and the gradients are.
    """
    if examples is None and arguments and np.ndim(arguments[0]):
        examples = len(arguments[0])
    plain = inspect.isroutine(loss) or isinstance(loss, functools.partial)
    found = None if plain else method(loss, LOSSES)
    if found is not None:
        return of_object(loss, found, parameters, gradients, (tuple(arguments), examples))
    if callable(loss):
        return of_function(loss, parameters, gradients, (tuple(arguments), examples))
    allowed = "a function, or an object with " + ", ".join(f"{name}()" for name in LOSSES)
    name = type(loss).__name__
    raise UserCodeError(Problem("there is no loss to compute", got=name, allowed=allowed))

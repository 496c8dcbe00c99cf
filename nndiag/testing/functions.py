"""A loss that is a function: of its parameters, or of nothing, reading them where they are."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nndiag.errors import Problem, UserCodeError
from nndiag.pytree import tensors_of
from nndiag.testing.calls import wants_more, with_parameters
from nndiag.testing.target import Target, copied, matched, parted


def of_function(
    loss: Callable[..., Any],
    parameters: Any,
    gradients: Any,
    data: tuple[tuple[Any, ...], int | None],
) -> Target:
    """A function: of the parameters, or of nothing, reading them where they are."""
    arguments, examples = data
    if parameters is None:
        hint = "assert_gradients_correct(loss, {'W': W}, {'W': dW})"
        raise UserCodeError(Problem("the parameters are missing", hint=hint))
    live = not wants_more(loss, arguments)
    if live and not isinstance(parameters, Mapping | list | tuple) and not _is_floats(parameters):
        hint = "let the loss take it: loss(w)"
        name = type(parameters).__name__
        raise UserCodeError(Problem("the parameter cannot be moved in place", got=name, hint=hint))
    root = parameters if live else _changeable(parameters)
    tensors = tensors_of(root, what="parameters")

    def call(function: Callable[..., Any], root: Any) -> Any:
        if not wants_more(function, arguments):
            return function(*arguments)
        return with_parameters(function, root, arguments)

    before = Target(loss, root, tensors, (), examples=examples).theta
    if gradients is None:
        gradients = _second(call(loss, root))
    elif callable(gradients):
        gradients = call(gradients, root)
    own, unmatched = matched(tensors, copied(gradients))
    target = Target(
        lambda root: call(loss, root),
        root,
        tensors,
        own,
        examples=examples,
        unmatched=unmatched,
    )
    target.put_back(before)
    return target


def _second(result: Any) -> Any:
    """The gradients in (loss, gradients) or (loss, gradient, gradient, …)."""
    if not isinstance(result, tuple) or len(result) < 2:
        hint = "give them, or let the loss return (loss, gradients)"
        raise UserCodeError(Problem("the gradients are missing", hint=hint))
    gradients = parted(result)[1:]
    return gradients[0] if len(gradients) == 1 else list(gradients)


def _changeable(value: Any) -> Any:
    """A copy whose tensors can be moved: float arrays in lists and dicts."""
    if isinstance(value, Mapping):
        return {key: _changeable(item) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_changeable(item) for item in value))
    if isinstance(value, list | tuple):
        return [_changeable(item) for item in value]
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiu":
        return value.astype(np.float64)
    return value


def _is_floats(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.ndim > 0

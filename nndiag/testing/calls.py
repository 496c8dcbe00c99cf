"""How a function of the user's is to be called, by its signature."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np


def wants_more(function: Callable[..., Any], arguments: tuple[Any, ...]) -> bool:
    """Whether a function is called with the parameters besides the arguments.

    `loss(x, y, decay=0)` with two arguments is not, `loss(p, x=X, y=Y)` is.
    """
    required, room = _required(function)
    if required is None or len(required) > len(arguments):
        return True
    return len(required) < len(arguments) < room


def with_parameters(function: Callable[..., Any], root: Any, arguments: tuple[Any, ...]) -> Any:
    """Call a function with the parameters: by their names, one by one, or as they are."""
    required = _required(function)[0] or []
    room = len(required) - len(arguments)
    if isinstance(root, Mapping) and room == len(root) and set(required[:room]) == set(root):
        return function(*(root[name] for name in required[:room]), *arguments)
    if isinstance(root, list | tuple) and room == len(root) > 1:
        return function(*root, *arguments)
    return function(root, *arguments)


def bound(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """As many of the arguments as a method asks for."""
    required = _required(function)[0]
    return arguments if required is None else arguments[: len(required)]


def _required(function: Callable[..., Any]) -> tuple[list[str] | None, float]:
    """Names of the positional parameters without a default, None where that is not known.

    Also how many positional arguments there is room for.
    """
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None, np.inf
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    own = [x for x in parameters if x.kind in positional]
    any_number = any(x.kind is inspect.Parameter.VAR_POSITIONAL for x in parameters)
    return [x.name for x in own if x.default is x.empty], np.inf if any_number else len(own)

"""A loss that is a method of an object, whose tensors and gradients go by the usual names."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.errors import Problem, UserCodeError
from nndiag.pytree import Path, TensorLocation, as_array, tensors_of
from nndiag.registry import suggestion
from nndiag.testing.calls import bound
from nndiag.testing.target import GRADIENT_OF, Target, copied, matched, parted

LOSSES = ("loss", "cost", "compute_loss", "compute_cost", "objective", "loss_and_gradients")
BACKWARD = ("gradients", "gradient", "grad", "backward", "backprop", "backpropagate")
_PARAMETERS = ("params", "parameters")
_GRADIENTS = ("grads", "gradients", "grad")


def of_object(
    network: Any,
    loss: Callable[..., Any],
    parameters: Any,
    gradients: Any,
    data: tuple[tuple[Any, ...], int | None],
) -> Target:
    """An object: its loss, its parameters and its gradients by the names that are usual."""
    arguments, examples = data
    result = loss(*arguments)
    if gradients is None:
        gradients = _gradients_of(network, result, arguments)
    elif isinstance(gradients, str):
        gradients = getattr(network, gradients)
        gradients = gradients(*bound(gradients, arguments)) if callable(gradients) else gradients
    container = parameters if not _are_names(parameters) else None
    if container is None and not _are_names(parameters):
        container = _attribute(network, _PARAMETERS)
    if container is not None and gradients is not None:
        tensors = tensors_of(container, what="parameters")
        own, unmatched = matched(tensors, copied(gradients))
        return Target(
            lambda _: loss(*arguments),
            container,
            tensors,
            own,
            examples=examples,
            unmatched=unmatched,
        )
    root = _view(network)
    pairs = list(_pairs(root, (), gradients, names=parameters))
    if parameters is not None:
        _refuse_unknown(network, parameters, known=[tensor.path[-1] for tensor, _ in pairs])
    if not pairs:
        hint = "assert_gradients_correct(lambda: net.loss(x, y), {'W': net.W}, {'W': net.dW})"
        name = type(network).__name__
        allowed = "attributes such as W1 with dW1, or params with grads"
        raise UserCodeError(Problem(f"{name} has no gradients", allowed=allowed, hint=hint))
    return Target(
        lambda _: loss(*arguments),
        root,
        [tensor for tensor, _ in pairs],
        [None if gradient is None else np.array(gradient) for _, gradient in pairs],
        examples=examples,
    )


def method(thing: Any, names: Sequence[str]) -> Callable[..., Any] | None:
    """The first of these methods that an object has; None where it has none."""
    return next((x for name in names if callable(x := getattr(thing, name, None))), None)


def _refuse_unknown(network: Any, names: Sequence[str], *, known: Sequence[str]) -> None:
    """Raise a UserCodeError if a name is that of no tensor."""
    for name in names:
        if name not in known:
            message = f"{type(network).__name__} has no tensor {name!r}"
            tensors = [key for key, value in vars(network).items() if _is_tensor(value)]
            allowed = ", ".join(tensors) or None
            raise UserCodeError(Problem(message, allowed=allowed, hint=suggestion(name, tensors)))


def _gradients_of(network: Any, result: Any, arguments: tuple[Any, ...]) -> Any:
    """The container of gradients that an object gives; None where they are attributes."""
    if isinstance(result, tuple) and len(result) == 2:
        return parted(result)[1]
    backward = method(network, BACKWARD)
    if backward is not None:
        given = backward(*bound(backward, arguments))
        if isinstance(given, Mapping | list | tuple) and len(given):
            return given
    return _attribute(network, _GRADIENTS)


def _pairs(
    view: Any, path: Path, gradients: Any, *, names: Sequence[str] | None
) -> Iterator[tuple[TensorLocation, FloatArray | None]]:
    """Tensors among attributes, with the attribute or the entry that holds their gradient."""
    if isinstance(view, list):
        for index, item in enumerate(view):
            yield from _pairs(item, (*path, index), gradients, names=names)
        return
    if not isinstance(view, Mapping):
        return
    for key, value in view.items():
        if not _is_tensor(value):
            yield from _pairs(value, (*path, key), gradients, names=names)
            continue
        given = isinstance(gradients, Mapping)
        found = _gradient_named(key, gradients if given else view, bare=given)
        if isinstance(found, str):
            found = view.get(found)
        if key in names if names is not None else found is not None:
            array = None if found is None else as_array(found)
            yield TensorLocation((*path, key), np.shape(value)), array


def _gradient_named(name: str, container: Mapping[Any, Any], *, bare: bool) -> Any:
    """What a container holds as the gradient of a name; None where it holds none."""
    if bare and name in container:
        return container[name]
    return next(
        (container[x] for form in GRADIENT_OF if (x := form.format(name)) in container), None
    )


def _view(thing: Any, depth: int = 0) -> Any:
    """An object's own attributes, and those of the objects in its lists, as live dicts."""
    if isinstance(thing, list | tuple) and depth < 5:
        return [_view(item, depth + 1) for item in thing]
    attributes = getattr(thing, "__dict__", None)
    if attributes is None or depth >= 5 or (callable(thing) and depth):
        return thing
    for key, value in list(attributes.items()):
        if isinstance(value, list | tuple) and any(hasattr(item, "__dict__") for item in value):
            return _Opened(attributes, {key: _view(value, depth + 1)})
    return attributes


class _Opened(dict[str, Any]):
    """A live dict of attributes in which some are seen opened."""

    def __init__(self, attributes: dict[str, Any], opened: dict[str, Any]) -> None:
        super().__init__({**attributes, **opened})
        self._attributes = attributes

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        self._attributes[key] = value


def _is_tensor(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, np.ndarray | np.generic | float):
        return False
    return np.asarray(value).dtype.kind == "f"


def _are_names(parameters: Any) -> bool:
    return isinstance(parameters, list | tuple) and all(isinstance(x, str) for x in parameters)


def _attribute(thing: Any, names: Sequence[str]) -> Any:
    """The first attribute of these names that is a container with something in it."""
    found = (getattr(thing, name, None) for name in names)
    return next((x for x in found if isinstance(x, Mapping | list | tuple) and len(x)), None)

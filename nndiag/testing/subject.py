"""What is checked: a loss that can be computed at moved parameters, its tensors, their gradients.

Functions, objects, arrays, lists and dicts come in; a `Subject` goes on.
"""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from nndiag.errors import Problem, UserCodeError
from nndiag.nested import FloatArray, Path, Tensor, as_array, tensor_at, tensors_of

LOSSES = ("loss", "cost", "compute_loss", "compute_cost", "objective", "loss_and_gradients")
BACKWARD = ("gradients", "gradient", "grad", "backward", "backprop", "backpropagate")
_PARAMETERS = ("params", "parameters")
_GRADIENTS = ("grads", "gradients", "grad")
_OF = ("d{}", "grad_{}", "{}_grad", "d_{}", "grad{}", "{}_gradient", "gradient_{}", "g{}", "g_{}")
"""How programs call the gradient of a tensor."""

Call = Callable[[Callable[..., Any]], Any]


class Subject:
    """A loss with the tensors that it depends on; they are moved one entry at a time.

    Args:
        loss: Gives the loss for the container as it stands.
        root: The container of the parameters.
        tensors: Where they stand in it.
        gradients: The gradient of each; None where there is none.
        examples: Number of examples behind the loss; None where that is not known.
    """

    def __init__(
        self,
        loss: Callable[[Any], Any],
        root: Any,
        tensors: Sequence[Tensor],
        gradients: Sequence[FloatArray | None],
        *,
        examples: int | None,
    ) -> None:
        self.tensors, self.gradients, self.examples = tuple(tensors), tuple(gradients), examples
        self._loss, self._root = loss, root

    def loss(self) -> float:
        """The loss at the parameters as they stand.

        Raises:
            UserCodeError: It is not one number.
        """
        value = self._loss(self._root)
        return one_number(value[0] if isinstance(value, tuple) and value else value)

    def value(self, tensor: Tensor) -> FloatArray:
        """A tensor as it stands, flat."""
        return as_array(tensor_at(self._root, tensor.path)).ravel()

    def precision(self, tensor: Tensor) -> float:
        """Relative precision of a tensor's numbers."""
        kind = np.asarray(tensor_at(self._root, tensor.path)).dtype
        return float(np.finfo(kind if kind.kind == "f" else np.float64).eps)

    def moved(self, tensor: Tensor, entry: int, distance: float) -> float:
        """The loss with one entry of a tensor moved; everything is put back afterwards.

        Raises:
            UserCodeError: The tensor cannot be changed.
        """
        value = tensor_at(self._root, tensor.path)
        if isinstance(value, np.ndarray) and value.ndim and value.dtype.kind == "f":
            return self._moved_in_place(value, tensor, entry, distance)
        number = as_array(value).ravel()
        number[entry] += distance
        shaped = number.reshape(tensor.shape)
        changed: Any = shaped if isinstance(value, np.ndarray) else shaped.tolist()
        self._put(tensor, changed)
        try:
            return self.loss()
        finally:
            self._put(tensor, value)

    def _moved_in_place(
        self, array: FloatArray, tensor: Tensor, entry: int, distance: float
    ) -> float:
        index = np.unravel_index(entry, array.shape)
        before = array[index]
        try:
            array[index] = before + distance
        except ValueError as error:
            hint = "give a copy: W.copy()"
            raise UserCodeError(Problem(f"{tensor.name!r} is read-only", hint=hint)) from error
        try:
            return self.loss()
        finally:
            array[index] = before

    def _put(self, tensor: Tensor, value: Any) -> None:
        if not tensor.path:
            self._root = value
            return
        try:
            tensor_at(self._root, tensor.path[:-1])[tensor.path[-1]] = value
        except TypeError as error:
            hint = "keep parameters in float arrays, lists or dicts"
            raise UserCodeError(Problem(f"{tensor.name!r} cannot be changed", hint=hint)) from error


def subject_of(
    loss: Any,
    parameters: Any,
    gradients: Any,
    *,
    arguments: Sequence[Any],
    examples: int | None,
) -> Subject:
    """What is meant by the arguments of `assert_gradients_correct`.

    Raises:
        UserCodeError: They do not say what the loss, the parameters and the gradients are.
    """
    if examples is None and arguments and np.ndim(arguments[0]):
        examples = len(arguments[0])
    plain = inspect.isroutine(loss) or isinstance(loss, functools.partial)
    method = None if plain else _method(loss, LOSSES)
    if method is not None:
        return _of_object(loss, method, parameters, gradients, (tuple(arguments), examples))
    if callable(loss):
        return _of_function(loss, parameters, gradients, (tuple(arguments), examples))
    allowed = "a function, or an object with " + ", ".join(f"{name}()" for name in LOSSES)
    name = type(loss).__name__
    raise UserCodeError(Problem("there is no loss to compute", got=name, allowed=allowed))


def one_number(value: Any) -> float:
    """A loss as a float.

    Raises:
        UserCodeError: It is not one number.
    """
    try:
        array = as_array(value)
    except (TypeError, ValueError):
        array = np.empty(0)
    if array.size == 1:
        return float(array.reshape(()))
    got = f"shape {array.shape}" if array.size else type(value).__name__
    hint = "return one number: loss.mean() or loss.sum()"
    raise UserCodeError(Problem("the loss is not one number", got=got, hint=hint))


def _of_function(
    loss: Callable[..., Any],
    parameters: Any,
    gradients: Any,
    data: tuple[tuple[Any, ...], int | None],
) -> Subject:
    """A function: of the parameters, or of nothing, reading them where they are."""
    arguments, examples = data
    if parameters is None:
        hint = "assert_gradients_correct(loss, {'W': W}, {'W': dW})"
        raise UserCodeError(Problem("the parameters are missing", hint=hint))
    live = not _wants_more(loss, arguments)
    root = parameters if live else _changeable(parameters)

    def call(function: Callable[..., Any], root: Any) -> Any:
        if not _wants_more(function, arguments):
            return function(*arguments)
        return _with_parameters(function, root, arguments)

    if gradients is None:
        gradients = _second(call(loss, root))
    elif callable(gradients):
        gradients = call(gradients, root)
    tensors = tensors_of(root, what="parameters")
    return Subject(
        lambda root: call(loss, root),
        root,
        tensors,
        _matched(tensors, _copied(gradients)),
        examples=examples,
    )


def _of_object(
    network: Any,
    loss: Callable[..., Any],
    parameters: Any,
    gradients: Any,
    data: tuple[tuple[Any, ...], int | None],
) -> Subject:
    """An object: its loss, its parameters and its gradients by the names that are usual."""
    arguments, examples = data
    result = loss(*arguments)
    if gradients is None:
        gradients = _gradients_of(network, result, arguments)
    elif isinstance(gradients, str):
        gradients = getattr(network, gradients)
        gradients = gradients(*_bound(gradients, arguments)) if callable(gradients) else gradients
    container = parameters if not _are_names(parameters) else None
    if container is None and not _are_names(parameters):
        container = _attribute(network, _PARAMETERS)
    if container is not None and gradients is not None:
        tensors = tensors_of(container, what="parameters")
        matched = _matched(tensors, _copied(gradients))
        return Subject(lambda _: loss(*arguments), container, tensors, matched, examples=examples)
    root = _view(network)
    pairs = list(_pairs(root, (), gradients, names=parameters))
    if not pairs:
        hint = "assert_gradients_correct(lambda: net.loss(x, y), {'W': net.W}, {'W': net.dW})"
        name = type(network).__name__
        allowed = "attributes such as W1 with dW1, or params with grads"
        raise UserCodeError(Problem(f"{name} has no gradients", allowed=allowed, hint=hint))
    return Subject(
        lambda _: loss(*arguments),
        root,
        [tensor for tensor, _ in pairs],
        [None if gradient is None else np.array(gradient) for _, gradient in pairs],
        examples=examples,
    )


def _gradients_of(network: Any, result: Any, arguments: tuple[Any, ...]) -> Any:
    """The container of gradients that an object gives; None where they are attributes."""
    if isinstance(result, tuple) and len(result) == 2:
        return result[1]
    backward = _method(network, BACKWARD)
    if backward is not None:
        given = backward(*_bound(backward, arguments))
        if isinstance(given, Mapping | list | tuple) and len(given):
            return given
    return _attribute(network, _GRADIENTS)


def _pairs(
    view: Any, path: Path, gradients: Any, *, names: Sequence[str] | None
) -> Iterator[tuple[Tensor, FloatArray | None]]:
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
            yield Tensor((*path, key), np.shape(value)), array


def _gradient_named(name: str, container: Mapping[Any, Any], *, bare: bool) -> Any:
    """What a container holds as the gradient of a name; None where it holds none."""
    if bare and name in container:
        return container[name]
    return next((container[x] for form in _OF if (x := form.format(name)) in container), None)


def _matched(tensors: Sequence[Tensor], gradients: Any) -> list[FloatArray | None]:
    """The gradient of each tensor, from a container like theirs.

    Raises:
        UserCodeError: No tensor has one.
    """
    given = tensors_of(gradients, what="gradients")
    paths = {tensor.path: as_array(tensor_at(gradients, tensor.path)) for tensor in given}
    names = {".".join(map(str, path)): array for path, array in paths.items()}
    found: list[FloatArray | None] = []
    for tensor in tensors:
        *outer, own = (*map(str, tensor.path),) or ("",)
        forms = (".".join((*outer, form.format(own))) for form in _OF)
        by_name = next((names[form] for form in forms if form in names), None)
        found.append(paths.get(tensor.path, by_name))
    if all(array is None for array in found) and len(given) == len(tensors):
        return list(paths.values())
    if all(array is None for array in found):
        raise UserCodeError(
            Problem(
                "no parameter has a gradient",
                got=f"parameters {_names(tensors)}; gradients {_names(given)}",
                hint="give both in containers of one form: {'W': W} and {'W': dW}",
            )
        )
    return found


def _names(tensors: Sequence[Tensor]) -> str:
    return ", ".join(tensor.name for tensor in tensors) or "none"


def _second(result: Any) -> Any:
    """The gradients in (loss, gradients) or (loss, gradient, gradient, …)."""
    if not isinstance(result, tuple) or len(result) < 2:
        hint = "give them, or let the loss return (loss, gradients)"
        raise UserCodeError(Problem("the gradients are missing", hint=hint))
    return result[1] if len(result) == 2 else list(result[1:])


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


def _wants_more(function: Callable[..., Any], arguments: tuple[Any, ...]) -> bool:
    """Whether a function is called with the parameters besides the arguments.

    `loss(x, y, decay=0)` with two arguments is not, `loss(p, x=X, y=Y)` is.
    """
    required, room = _required(function)
    if required is None or len(required) > len(arguments):
        return True
    return len(required) < len(arguments) < room


def _with_parameters(function: Callable[..., Any], root: Any, arguments: tuple[Any, ...]) -> Any:
    """Call a function with the parameters: by their names, one by one, or as they are."""
    required = _required(function)[0] or []
    room = len(required) - len(arguments)
    if isinstance(root, Mapping) and room == len(root) and set(required[:room]) == set(root):
        return function(*(root[name] for name in required[:room]), *arguments)
    if isinstance(root, list | tuple) and room == len(root) > 1:
        return function(*root, *arguments)
    return function(root, *arguments)


def _bound(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """As many of the arguments as a method asks for."""
    required = _required(function)[0]
    return arguments if required is None else arguments[: len(required)]


def _changeable(value: Any) -> Any:
    """A copy whose tensors can be moved: float arrays in lists and dicts."""
    if isinstance(value, Mapping):
        return {key: _changeable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_changeable(item) for item in value]
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiu":
        return value.astype(np.float64)
    return value


def _copied(gradients: Any) -> Any:
    """Gradients that later calls do not write over."""
    if isinstance(gradients, Mapping):
        return {key: _copied(item) for key, item in gradients.items()}
    if isinstance(gradients, list | tuple):
        return [_copied(item) for item in gradients]
    return gradients.copy() if isinstance(gradients, np.ndarray) else gradients


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


def _method(thing: Any, names: Sequence[str]) -> Callable[..., Any] | None:
    return next((x for name in names if callable(x := getattr(thing, name, None))), None)


def _attribute(thing: Any, names: Sequence[str]) -> Any:
    """The first attribute of these names that is a container with something in it."""
    found = (getattr(thing, name, None) for name in names)
    return next((x for x in found if isinstance(x, Mapping | list | tuple) and len(x)), None)

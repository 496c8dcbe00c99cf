"""Numbers as people keep them: arrays, numbers, lists and dicts of them, nested.

A tensor is one array or number in there; a list of numbers, or a table of them as a list of lists,
is one too. May import `errors` only.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Number
from typing import Any, TypeAlias

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.errors import Problem, UserCodeError

Path: TypeAlias = tuple[Any, ...]

_DEEPEST = 20
_ROLES = (
    "weights", "weight", "kernel", "coefs", "w", "theta",
    "biases", "bias", "intercepts", "intercept", "b",
)  # fmt: skip
_GRADIENT = re.compile(
    r"^(grad(ient)?s?[_.]?|dL_?d_?(?=[WwBb])|d_?(?=[A-Z]|[wb]\d*$))|[_.]?grad(ient)?s?$"
)
_ROLE = re.compile(rf"(^|(?<=[_.\d ]))({'|'.join(_ROLES)})(?=$|[_.\d ])", re.IGNORECASE)
_NUMBERED = re.compile(r"^\D*?(\d+)$")


@dataclass(frozen=True)
class TensorLocation:
    """Where one tensor stands.

    Attributes:
        path: Keys and indices that lead to it from the outermost container.
        shape: Its shape.
    """

    path: Path
    shape: tuple[int, ...]

    @property
    def name(self) -> str:
        """The path as a person writes it: "W1", "layers[0].weights"; "value" for a bare array."""
        text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in self.path)
        return text.removeprefix(".") or "value"


def tensors_of(value: object, *, what: str) -> tuple[TensorLocation, ...]:
    """All tensors in a container, in its order; entries that are None are left out.

    Args:
        value: Arrays, numbers, lists and dicts of them.
        what: What to call it in messages: "gradients".

    Raises:
        UserCodeError: Something in there is neither a number nor a container.
    """
    return tuple(TensorLocation(path, array.shape) for path, array in _walk(value, (), what))


def tensor_at(value: Any, path: Path) -> Any:
    """What stands at a path.

    Raises:
        LookupError, TypeError: Nothing does.
    """
    for key in path:
        value = value[key]
    return value


def as_array(value: Any) -> FloatArray:
    """An array of a number, an array, a list of numbers, or a tensor of PyTorch.

    Raises:
        TypeError, ValueError: It holds no numbers.
    """
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{type(value).__name__} of {array.dtype} holds no real numbers")
    return array.astype(np.float64, copy=False)


def one_number(loss: Any) -> float:
    """A loss as a float.

    Raises:
        UserCodeError: It is not one number.
    """
    try:
        array = as_array(loss)
    except (TypeError, ValueError):
        array = None
    if array is not None and array.size == 1:
        return float(array.reshape(()))
    got = type(loss).__name__ if array is None else f"an array of shape {array.shape}"
    hint = "reduce it: loss.mean() or loss.sum()"
    raise UserCodeError(Problem("the loss is not one number", got=got, hint=hint))


def layers_of(tensors: Sequence[TensorLocation]) -> dict[str, tuple[TensorLocation, ...]]:
    """The tensors of each layer, from the input side.

    Nested containers say themselves what belongs together: the innermost one is a layer. In a flat
    dict the names say it (`W1` and `b1`, `hidden_weights` and `hidden_bias`, also `dW1`), in a flat
    list the shapes (a bias follows its weights). Numbered layers are sorted by their numbers, as
    backward passes fill their dicts from the last layer on; others stay in the order given.

    Other ways of naming leave each tensor a layer of its own; nesting the container cures that.
    """
    if all(len(tensor.path) == 1 and isinstance(tensor.path[0], int) for tensor in tensors):
        paired = _paired_by_shape(tensors)
        return {f"layer{number}": group for number, group in enumerate(paired, start=1)}
    groups: dict[str, list[TensorLocation]] = {}
    for tensor, key in zip(tensors, _layer_keys(tensors), strict=True):
        groups.setdefault(key, []).append(tensor)
    if len(groups) == len(tensors):
        groups = {_layer_key(group[0]): list(group) for group in _paired_by_shape(tensors)}
    keys = list(groups)
    if all(_NUMBERED.match(key) for key in groups):
        keys.sort(key=lambda key: int(re.findall(r"\d+", key)[-1]))
    return {_layer_name(key, place): tuple(groups[key]) for place, key in enumerate(keys, start=1)}


def _walk(value: Any, path: Path, what: str) -> Iterator[tuple[Path, FloatArray]]:
    if value is None:
        return
    if len(path) > _DEEPEST:
        raise UserCodeError(Problem(f"{what} are nested more than {_DEEPEST} deep"))
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _walk(item, (*path, key), what)
        return
    if isinstance(value, list | tuple) and not _is_table(value):
        for index, item in enumerate(value):
            yield from _walk(item, (*path, index), what)
        return
    try:
        yield path, as_array(value)
    except (TypeError, ValueError) as error:
        place = TensorLocation(path, ()).name
        raise UserCodeError(
            Problem(
                f"{what} hold something that is no tensor: {place}",
                got=str(error) if isinstance(value, np.ndarray) else type(value).__name__,
                allowed="arrays, numbers, lists and dicts of them",
            )
        ) from error


def _is_table(value: Sequence[Any]) -> bool:
    """Whether a list is one tensor: numbers, or rows of numbers of one length."""
    if not value:
        return False
    if all(isinstance(item, Number) for item in value):
        return True
    rows = [item for item in value if isinstance(item, list) and item]
    return (
        len(rows) == len(value)
        and len({len(row) for row in rows}) == 1
        and all(isinstance(item, Number) for row in rows for item in row)
    )


def _paired_by_shape(tensors: Sequence[TensorLocation]) -> list[tuple[TensorLocation, ...]]:
    """Weights with their bias: the next one in the list, or as far on in its second half."""
    half = len(tensors) // 2
    halves = list(zip(tensors[:half], tensors[half:], strict=False))
    if len(tensors) == 2 * half and all(_is_bias_of(b.shape, a.shape) for a, b in halves):
        return list(halves)
    pairs: list[tuple[TensorLocation, ...]] = []
    place = 0
    while place < len(tensors):
        pair = tensors[place : place + 2]
        paired = len(pair) == 2 and _is_bias_of(pair[1].shape, pair[0].shape)
        pairs.append(tuple(pair if paired else pair[:1]))
        place += 1 + paired
    return pairs


def _is_bias_of(shape: tuple[int, ...], weights: tuple[int, ...]) -> bool:
    """Whether a shape is that of a bias: one number per unit, laid out as the outputs are.

    A row (1, H) goes with weights (inputs, H), a column (H, 1) with weights (H, inputs).
    """
    if len(weights) < 2:
        return shape == () and weights in ((), (1,))
    if len(shape) < 2:
        return shape in ((), (weights[0],), (weights[-1],))
    return shape in ((1, weights[-1]), (weights[0], 1))


def _layer_keys(tensors: Sequence[TensorLocation]) -> list[str]:
    """What names the layer of each tensor; `wh` and `bh` are one where both are there."""
    keys = [_layer_key(tensor) for tensor in tensors]
    known = {key.lower() for key in keys}
    return [
        key[1:] if {f"w{key[1:].lower()}", f"b{key[1:].lower()}"} <= known else key for key in keys
    ]


def _layer_key(tensor: TensorLocation) -> str:
    """What names a tensor's layer: its container, or its own name without its role."""
    own = str(tensor.path[-1]) if tensor.path else ""
    if len(tensor.path) > 1:
        outer = ".".join(map(str, tensor.path[:-1]))
        root = _GRADIENT.sub("", outer) or outer
        if root.lower() in _ROLES and isinstance(tensor.path[-1], int):
            return str(tensor.path[-1] + 1)  # {"weights": [...], "biases": [...]}: by position
        return outer
    bare = _GRADIENT.sub("", own) or own
    bare = re.sub(r"^[WwBb](?=\d+$)", "", bare)
    return _ROLE.sub("", bare).strip("_. ") or "network"


def _layer_name(key: str, place: int) -> str:
    """What only has a number becomes "layer1"; otherwise it is the user's own name."""
    return f"layer{place}" if key.isdigit() else key

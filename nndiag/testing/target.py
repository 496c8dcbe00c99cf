"""What is checked: a loss that can be computed at any parameters, and their gradients."""

from collections.abc import Callable, Mapping, Sequence
from numbers import Number
from typing import Any

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.errors import Problem, UserCodeError
from nndiag.pytree import TensorLocation, as_array, one_number, tensor_at, tensors_of

GRADIENT_OF = (
    "d{}",
    "grad_{}",
    "{}_grad",
    "d_{}",
    "grad{}",
    "{}_gradient",
    "gradient_{}",
    "g{}",
    "g_{}",
)
"""How programs call the gradient of a tensor."""


class Target:
    """A loss with the tensors that it depends on, in whatever containers they are kept.

    Args:
        loss: Gives the loss for the container as it stands.
        root: The container of the parameters.
        tensors: Where they stand in it.
        gradients: The gradient of each; None where there is none.
        unmatched: Names of gradients that belong to no tensor.
        examples: Number of examples behind the loss; None where that is not known.
    """

    def __init__(
        self,
        loss: Callable[[Any], Any],
        root: Any,
        tensors: Sequence[TensorLocation],
        gradients: Sequence[FloatArray | None],
        *,
        examples: int | None,
        unmatched: Sequence[str] = (),
    ) -> None:
        self.tensors, self.gradients, self.examples = tuple(tensors), tuple(gradients), examples
        self.unmatched = tuple(unmatched)
        self._loss, self._root = loss, root
        self._moved: set[str] = set()

    @property
    def theta(self) -> dict[str, FloatArray]:
        """A copy of each tensor as it stands, in its own precision where that is a float's."""
        return {tensor.name: self._value(tensor) for tensor in self.tensors}

    def loss(self) -> float:
        """The loss at the parameters as they stand.

        Raises:
            UserCodeError: It is not one number.
        """
        value = self._loss(self._root)
        return one_number(parted(value)[0] if isinstance(value, tuple) and value else value)

    def loss_at(self, theta: Mapping[str, FloatArray], base: Mapping[str, FloatArray]) -> float:
        """The loss with tensors moved away from a base point, which all others are at.

        Args:
            theta: Name → array; arrays that are those of `base` themselves have not moved.
            base: The point at which the tensors stood.

        Raises:
            UserCodeError: A tensor cannot be changed.
        """
        moved = {name for name, array in theta.items() if array is not base[name]}
        for tensor in self.tensors:
            if tensor.name in moved:
                self._put(tensor, theta[tensor.name])
            elif tensor.name in self._moved:
                self._put(tensor, base[tensor.name])
        self._moved = moved
        return self.loss()

    def put_back(self, theta: Mapping[str, FloatArray]) -> list[str]:
        """Give each tensor its former value; the names of those that had changed."""
        changed = []
        for tensor in self.tensors:
            before = theta[tensor.name]
            if not np.array_equal(self._value(tensor), before, equal_nan=True):
                changed.append(tensor.name)
                self._put(tensor, before)
        self._moved = set()
        return changed

    def _value(self, tensor: TensorLocation) -> FloatArray:
        value = tensor_at(self._root, tensor.path)
        kept = isinstance(value, np.ndarray) and value.dtype.kind == "f"
        return value.copy() if kept else as_array(value).copy()

    def _put(self, tensor: TensorLocation, array: FloatArray) -> None:
        """Write an array where a tensor stands: in place, as the loss may hold on to it."""
        place = tensor_at(self._root, tensor.path)
        if isinstance(place, np.ndarray) and place.ndim and place.dtype.kind == "f":
            try:
                place[...] = array
            except ValueError as error:
                hint = "give a copy: W.copy()"
                raise UserCodeError(Problem(f"{tensor.name!r} is read-only", hint=hint)) from error
        elif isinstance(place, list):
            _write(place, array)
        else:
            self._replace(tensor, array if isinstance(place, np.ndarray) else array.tolist())

    def _replace(self, tensor: TensorLocation, value: Any) -> None:
        if not tensor.path:
            self._root = value
            return
        try:
            tensor_at(self._root, tensor.path[:-1])[tensor.path[-1]] = value
        except TypeError as error:
            hint = "keep parameters in float arrays, lists or dicts"
            raise UserCodeError(Problem(f"{tensor.name!r} cannot be changed", hint=hint)) from error


def _write(rows: list[Any], array: FloatArray) -> None:
    """Write the entries of an array into a list, or into the lists in it."""
    for place, row in enumerate(rows):
        if isinstance(row, list):
            _write(row, array[place])
        else:
            rows[place] = float(array[place])


def parted(result: tuple[Any, ...]) -> tuple[Any, ...]:
    """What a loss returned, the number first: some return (gradients, loss)."""
    if len(result) == 2 and isinstance(result[1], Number) and _is_container(result[0]):
        return result[::-1]
    return result


def matched(
    tensors: Sequence[TensorLocation], gradients: Any
) -> tuple[list[FloatArray | None], list[str]]:
    """The gradient of each tensor, from a container like theirs.

    Returns:
        The gradients, None where there is none, and the names of those that belong to no tensor.

    Raises:
        UserCodeError: No tensor has one.
    """
    given = tensors_of(gradients, what="gradients")
    paths = {tensor.path: as_array(tensor_at(gradients, tensor.path)) for tensor in given}
    names = {".".join(map(str, path)): array for path, array in paths.items()}
    found: list[FloatArray | None] = []
    for tensor in tensors:
        *outer, own = (*map(str, tensor.path),) or ("",)
        forms = (".".join((*outer, form.format(own))) for form in GRADIENT_OF)
        by_name = next((names[form] for form in forms if form in names), None)
        found.append(paths.get(tensor.path, by_name))
    used = {id(array) for array in found}
    unmatched = [name for name, array in names.items() if id(array) not in used]
    if len(unmatched) == len(names) == len(tensors):
        return list(paths.values()), []
    if len(unmatched) == len(names):
        raise UserCodeError(
            Problem(
                "no parameter has a gradient",
                got=f"parameters {_names(tensors)}; gradients {_names(given)}",
                hint="give both in containers of one form: {'W': W} and {'W': dW}",
            )
        )
    return found, unmatched


def copied(gradients: Any) -> Any:
    """Gradients that later calls do not write over."""
    if isinstance(gradients, Mapping):
        return {key: copied(item) for key, item in gradients.items()}
    if isinstance(gradients, list | tuple):
        return [copied(item) for item in gradients]
    return gradients.copy() if isinstance(gradients, np.ndarray) else gradients


def _is_container(value: Any) -> bool:
    return isinstance(value, Mapping | list | tuple) or np.size(value) > 1


def _names(tensors: Sequence[TensorLocation]) -> str:
    return ", ".join(tensor.name for tensor in tensors) or "none"

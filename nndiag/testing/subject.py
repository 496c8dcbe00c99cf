"""What is checked: a loss that can be computed at moved parameters, and their gradients."""

from collections.abc import Callable, Mapping, Sequence
from numbers import Number
from typing import Any

import numpy as np

from nndiag.errors import Problem, UserCodeError
from nndiag.nested import FloatArray, Tensor, as_array, tensor_at, tensors_of

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


class Subject:
    """A loss with the tensors that it depends on; they are moved one entry at a time.

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
        tensors: Sequence[Tensor],
        gradients: Sequence[FloatArray | None],
        *,
        examples: int | None,
        unmatched: Sequence[str] = (),
    ) -> None:
        self.tensors, self.gradients, self.examples = tuple(tensors), tuple(gradients), examples
        self.unmatched = tuple(unmatched)
        self._loss, self._root = loss, root

    def loss(self) -> float:
        """The loss at the parameters as they stand.

        Raises:
            UserCodeError: It is not one number.
        """
        value = self._loss(self._root)
        return one_number(parted(value)[0] if isinstance(value, tuple) and value else value)

    def values(self) -> list[FloatArray]:
        """Copies of all tensors as they stand, flat."""
        return values_of(self._root, self.tensors)

    def put_back(self, values: Sequence[FloatArray]) -> list[str]:
        """Give each tensor its former values, flat; the names of those that had changed."""
        changed = []
        for tensor, before in zip(self.tensors, values, strict=True):
            if not np.array_equal(self.value(tensor), before, equal_nan=True):
                changed.append(tensor.name)
                place = tensor_at(self._root, tensor.path)
                if isinstance(place, np.ndarray):
                    place[...] = before.reshape(place.shape)
                else:
                    self._put(tensor, before.reshape(tensor.shape).tolist())
        return changed

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
        if isinstance(value, list):
            return self._moved_in_list(value, tensor, entry, distance)
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

    def _moved_in_list(self, rows: list[Any], tensor: Tensor, entry: int, distance: float) -> float:
        *outer, last = (int(place) for place in np.unravel_index(entry, tensor.shape))
        row = tensor_at(rows, tuple(outer))
        before = row[last]
        row[last] = before + distance
        try:
            return self.loss()
        finally:
            row[last] = before

    def _put(self, tensor: Tensor, value: Any) -> None:
        if not tensor.path:
            self._root = value
            return
        try:
            tensor_at(self._root, tensor.path[:-1])[tensor.path[-1]] = value
        except TypeError as error:
            hint = "keep parameters in float arrays, lists or dicts"
            raise UserCodeError(Problem(f"{tensor.name!r} cannot be changed", hint=hint)) from error


def values_of(root: Any, tensors: Sequence[Tensor]) -> list[FloatArray]:
    """Copies of the tensors as they stand, flat."""
    return [as_array(tensor_at(root, tensor.path)).flatten() for tensor in tensors]


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


def parted(result: tuple[Any, ...]) -> tuple[Any, ...]:
    """What a loss returned, the number first: some return (gradients, loss)."""
    if len(result) == 2 and isinstance(result[1], Number) and _is_container(result[0]):
        return result[::-1]
    return result


def matched(tensors: Sequence[Tensor], gradients: Any) -> tuple[list[FloatArray | None], list[str]]:
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


def _names(tensors: Sequence[Tensor]) -> str:
    return ", ".join(tensor.name for tensor in tensors) or "none"

"""What is checked: a loss that can be computed at moved parameters, and their gradients."""

from collections.abc import Callable, Mapping, Sequence
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


def matched(tensors: Sequence[Tensor], gradients: Any) -> list[FloatArray | None]:
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
        forms = (".".join((*outer, form.format(own))) for form in GRADIENT_OF)
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


def copied(gradients: Any) -> Any:
    """Gradients that later calls do not write over."""
    if isinstance(gradients, Mapping):
        return {key: copied(item) for key, item in gradients.items()}
    if isinstance(gradients, list | tuple):
        return [copied(item) for item in gradients]
    return gradients.copy() if isinstance(gradients, np.ndarray) else gradients


def _names(tensors: Sequence[Tensor]) -> str:
    return ", ".join(tensor.name for tensor in tensors) or "none"

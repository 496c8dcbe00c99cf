"""A tape: the tensor operations of one iteration, with who takes what, and the script's lines.

A value is one state of one tensor: an operation that works in place makes a new value of the same
tensor.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

_MOST_OPS = 4000
_MOST_BYTES = 2**28  # of tensors that are kept alive by a tape
_SILENT = frozenset(
    [
        "dim",
        "size",
        "stride",
        "numel",
        "ndimension",
        "is_floating_point",
        "is_complex",
        "__len__",
        "__repr__",
        "__format__",
        "storage_offset",
        "is_contiguous",
        "data_ptr",
        "element_size",
        "nelement",
        "requires_grad_",
        "__hash__",
    ]
)
_SWITCH = "_set_grad_enabled"  # torch 2.0 does not tell of it
LEAVES_TORCH = frozenset(
    ["item", "tolist", "numpy", "__float__", "__int__", "__array__", "__bool__"]
)
"""Operations whose result is no tensor: no gradient flows through them."""


@dataclass(frozen=True, eq=False)
class Value:
    """One state of a tensor.

    Attributes:
        tensor: The tensor, which may have been changed since.
        op: Number of the operation that made it; None for a leaf.
        tracked: Whether gradients flow into it; a view cannot be asked any more once its base has
            been changed.
    """

    tensor: Any
    op: int | None
    tracked: bool


@dataclass(frozen=True, eq=False)
class Ref:
    """Stands for a value in the arguments of an operation."""

    value: int


@dataclass(frozen=True, eq=False)
class Op:
    """One operation.

    Attributes:
        function: What was called.
        name: Its name.
        args: Its arguments, with `Ref` for tensors.
        kwargs: Its named arguments, likewise.
        inputs: The values that it takes, in order.
        outputs: The values that it gives.
        line: The line of the script that it comes from; 0 where there is none.
        with_grad: Whether gradients were being tracked.
    """

    function: Callable[..., Any]
    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    line: int
    with_grad: bool


@dataclass(eq=False)
class Tape:
    """The operations of a stretch of a script.

    Attributes:
        ops: The operations, in order.
        values: The values, by number.
        kept: Whether what is there must stay: where more comes, that is left out instead.
    """

    file: str
    ops: list[Op] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)
    kept: bool = False
    _current: dict[int, int] = field(default_factory=dict)
    _bytes: int = 0

    def record(
        self, function: Callable[..., Any], args: Any, kwargs: dict[str, Any], result: Any
    ) -> None:
        """Take one operation, after it was made."""
        name = getattr(function, "__name__", "")
        if name in _SILENT or (name == "__get__" and not isinstance(result, torch.Tensor)):
            return
        if len(self.ops) >= _MOST_OPS or self._bytes > _MOST_BYTES:
            if self.kept:
                return
            self.restart()
        inputs: list[int] = []
        own_args, own_kwargs = self._referred(args, inputs), self._referred(kwargs, inputs)
        number = len(self.ops)
        made = [self._made(tensor, number) for tensor in tensors_in(result)]
        if name in {"__setitem__", "__delitem__"}:
            made = [self._made(args[0], number)]
        self.ops.append(
            Op(
                function,
                name,
                own_args,
                own_kwargs,
                tuple(inputs),
                tuple(made),
                line_in(self.file),
                torch.is_grad_enabled(),
            )
        )

    def restart(self) -> None:
        """Forget everything."""
        self.ops.clear()
        self.values.clear()
        self._current.clear()
        self._bytes = 0

    def value_of(self, tensor: Any) -> int:
        """The number of a tensor's last value."""
        known = self._current.get(id(tensor))
        if known is None:
            return self._made(tensor, None)
        if not self.values[known].tracked and tensor.requires_grad:  # it has been told to since
            self.values[known] = replace(self.values[known], tracked=True)
        return known

    @property
    def taken(self) -> set[int]:
        """The tensors, by identity, that something is computed of which gradients flow into."""
        found: set[int] = set()
        for op in self.ops:
            made = [self.values[x].tensor for x in op.outputs if self.values[x].tracked]
            inputs = [self.values[x].tensor for x in op.inputs] if made else []
            found.update(id(x) for x in inputs if any(y is not x for y in made))
        return found

    @property
    def differentiated_by(self) -> set[int]:
        """The tensors, by identity, that `torch.autograd.grad` is asked for the derivative by."""
        asked = [op for op in self.ops if op.function is torch.autograd.grad]
        given = [op.kwargs.get("inputs", op.args[1] if len(op.args) > 1 else ()) for op in asked]
        found: set[int] = set()
        mapped(given, Ref, lambda ref: found.add(id(self.values[ref.value].tensor)))
        return found

    def producer(self, value: int) -> Op | None:
        """The operation that made a value."""
        number = self.values[value].op
        return None if number is None else self.ops[number]

    def switched_off(self, op: Op) -> int:
        """The line that switched gradients off before an operation; 0 where none did."""
        made = reversed(self.ops[: self.ops.index(op)])
        return 0 if op.with_grad else next((x.line for x in made if x.name == _SWITCH), 0)

    def ancestors(self, value: int) -> list[int]:
        """Numbers of the operations that a value comes from, in order."""
        seen: set[int] = set()
        waiting = [value]
        while waiting:
            number = self.values[waiting.pop()].op
            if number is not None and number not in seen:
                seen.add(number)
                waiting.extend(self.ops[number].inputs)
        return sorted(seen)

    def _made(self, tensor: Any, op: int | None) -> int:
        self.values.append(Value(tensor, op, tensor.requires_grad))
        self._current[id(tensor)] = len(self.values) - 1
        if op is not None:  # what was there before stays there anyhow
            self._bytes += tensor.numel() * tensor.element_size()
        return len(self.values) - 1

    def _referred(self, item: Any, inputs: list[int]) -> Any:
        def refer(tensor: Any) -> Ref:
            inputs.append(self.value_of(tensor))
            return Ref(inputs[-1])

        return mapped(item, torch.Tensor, refer)


def mapped(item: Any, kind: type, change: Callable[[Any], Any]) -> Any:
    """A nest of tuples, lists and dicts with what is of a kind replaced."""
    if isinstance(item, kind):
        return change(item)
    if isinstance(item, (list, tuple)):
        parts = [mapped(part, kind, change) for part in item]
        if isinstance(item, tuple):
            return tuple(parts) if type(item) is tuple else type(item)(parts)
        return parts
    if isinstance(item, dict):
        return {key: mapped(part, kind, change) for key, part in item.items()}
    return item


def tensors_in(item: Any) -> Iterator[Any]:
    """The tensors of a nest."""
    if isinstance(item, torch.Tensor):
        yield item
    elif isinstance(item, (list, tuple)):
        for part in item:
            yield from tensors_in(part)
    elif isinstance(item, dict):
        for part in item.values():
            yield from tensors_in(part)


def line_in(file: str) -> int:
    """The line of a file that is being run; 0 where it is not."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename == file:
            return frame.f_lineno
        frame = frame.f_back  # type: ignore[assignment]
    return 0


class TapeMode(TorchFunctionMode):
    """Records every operation while it is active."""

    def __init__(self, tape: Tape) -> None:
        super().__init__()
        self.tape: Tape | None = tape
        self.paused = False

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Make the operation and record it."""
        result = func(*args, **(kwargs or {}))
        if self.tape is not None and not self.paused:
            self.tape.record(func, args, kwargs or {}, result)
        return result

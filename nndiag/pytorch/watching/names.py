"""What a script calls its parameters: the path of each in its module, or the variable it is in."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

_MOST = 400  # items of a list or dictionary that are looked through


def variables_of(file: str) -> dict[str, Any]:
    """The variables that the running code of a file can see, outer ones first."""
    found: list[Mapping[str, Any]] = []
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename == file:
            found += [frame.f_locals, frame.f_globals]
        frame = frame.f_back  # type: ignore[assignment]
    together: dict[str, Any] = {}
    for names in reversed(found):
        together.update({name: item for name, item in names.items() if not name.startswith("__")})
    return together


def modules_in(variables: Mapping[str, Any]) -> dict[str, Any]:
    """The outermost modules of some variables, by their expression."""
    found: dict[str, Any] = {}
    for name, item in _reachable(variables):
        if isinstance(item, torch.nn.Module) and not any(item is x for x in found.values()):
            found[name] = item
    inner = {id(x) for item in found.values() for x in item.modules() if x is not item}
    return {name: item for name, item in found.items() if id(item) not in inner}


def names_of(variables: Mapping[str, Any]) -> dict[int, str]:
    """The names of tensors by identity."""
    roots = {
        name: module
        for name, module in modules_in(variables).items()
        if any(True for _ in module.parameters())
    }
    names: dict[int, str] = {}
    for root, module in roots.items():
        for path, tensor in [*module.named_parameters(), *module.named_buffers()]:
            plain = path.partition(".")[0]
            bare = len(roots) == 1 and "." in path and not plain.isdigit()
            names.setdefault(id(tensor), path if bare else f"{root}.{path}")
    for name, item in _reachable(variables):
        if isinstance(item, torch.Tensor):
            names.setdefault(id(item), name)
    return names


def arrays_in(variables: Mapping[str, Any]) -> dict[str, Any]:
    """The variables that are arrays of numbers."""
    arrays = {name: x for name, x in variables.items() if isinstance(x, np.ndarray)}
    return {name: x for name, x in arrays.items() if x.dtype.kind == "f" and x.ndim}


def optimizer_names(variables: Mapping[str, Any]) -> dict[int, str]:
    """What optimizers are called, by identity."""
    found: dict[int, str] = {}
    for name, item in _reachable(variables):
        if isinstance(item, torch.optim.Optimizer):
            found.setdefault(id(item), name)
    return found


def _reachable(variables: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Variables, and what is in the lists, dictionaries and objects that they hold."""
    for name, item in variables.items():
        yield name, item
        if isinstance(item, (torch.nn.Module, torch.Tensor, type)):
            continue
        if isinstance(item, (list, tuple)):
            yield from ((f"{name}[{i}]", part) for i, part in enumerate(item[:_MOST]))
        elif isinstance(item, dict):
            yield from ((f"{name}[{key!r}]", x) for key, x in list(item.items())[:_MOST])
        elif type(item).__module__ == "__main__" and hasattr(item, "__dict__"):
            yield from ((f"{name}.{key}", x) for key, x in vars(item).items())

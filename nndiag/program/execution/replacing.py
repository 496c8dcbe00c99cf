"""Functions of the system replaced wherever modules keep them, in a process that is the program's.

Many modules took a function over when they were imported (`from os import open`), some keep it in
a class: to replace it in the module that it comes from would not be enough.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Mapping
from typing import Any

_OWN = "nndiag."


def replace_everywhere(replacements: Mapping[Any, Any]) -> None:
    """Put others in the place of functions in all modules that are imported, and in their classes.

    nndiag's own modules keep what they have.

    Args:
        replacements: What stands for what.
    """
    by_identity = {id(old): new for old, new in replacements.items()}
    for name, module in list(sys.modules.items()):
        if isinstance(module, types.ModuleType) and not name.startswith(_OWN):
            _replace_in(module, by_identity)


def _replace_in(owner: Any, by_identity: Mapping[int, Any]) -> None:
    for name, value in list(vars(owner).items()):
        kept = value.__func__ if isinstance(value, staticmethod) else value
        if id(kept) in by_identity:
            new = by_identity[id(kept)]
            inside_class = isinstance(owner, type) and isinstance(new, types.FunctionType)
            setattr(owner, name, staticmethod(new) if inside_class else new)
        elif isinstance(value, type) and value.__module__ == getattr(owner, "__name__", None):
            _replace_in_class(value, by_identity)


def _replace_in_class(kind: type, by_identity: Mapping[int, Any]) -> None:
    if kind.__flags__ & _HEAP_TYPE:
        _replace_in(kind, by_identity)


_HEAP_TYPE = 1 << 9  # a class written in Python, whose attributes can be set

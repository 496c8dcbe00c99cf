"""A place to run a program in without its output, windows, prompts and pauses."""

from __future__ import annotations

import builtins
import contextlib
import copyreg
import io
import math
import pickle
import random
import sys
import time
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nndiag.program.execution.attributes import replaced
from nndiag.program.execution.stubs import REPLACED, StandInFinder

_SEED = 0
_REMOVED_FROM_NUMPY: dict[str, Any] = {
    "mat": np.asmatrix,
    "math": math,
    "float": float,
    "int": int,
    "bool": np.bool_,
    "object": object,
    "str": str,
    "float_": np.float64,
    "product": np.prod,
    "cumproduct": np.cumprod,
    "alltrue": np.all,
    "sometrue": np.any,
    "in1d": np.isin,
    "trapz": getattr(np, "trapezoid", None),
    "row_stack": np.vstack,
    "Inf": np.inf,
    "infty": np.inf,
    "NaN": np.nan,
}
"""Names that programs written for an older numpy use; given back while they are checked."""


class _Silence(io.TextIOBase):
    """A stream that forgets what is written to it."""

    def write(self, text: str) -> int:
        return len(text)

    def writable(self) -> bool:
        return True


def _prompt(*_: object) -> str:
    """The answer to each prompt."""
    return "1"


def _silent(*_: object, **__: object) -> None:
    """Stands for `print`, `time.sleep` and what a notebook shows."""


def program_builtins(**hooks: Any) -> dict[str, Any]:
    """The builtins that a program sees.

    Args:
        hooks: Functions that the instrumented program calls, by name.
    """
    own = dict(vars(builtins))
    own.update(print=_silent, input=_prompt, raw_input=_prompt, xrange=range, unicode=str)
    own.update(get_ipython=_Shell, display=_silent, **hooks)
    return own


class _Shell:
    """What `get_ipython()` gives in a notebook; its magics do nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return _silent


def _seeded_generators(real: Callable[..., Any]) -> Callable[..., Any]:
    """`numpy.random.default_rng` whose unseeded generators are the same in every run."""
    count = iter(range(sys.maxsize))

    def default_rng(seed: Any = None) -> Any:
        return real(_SEED + next(count) if seed is None else seed)

    return default_rng


@contextlib.contextmanager
def sandbox(path: Path) -> Iterator[None]:
    """Runs what is inside as `python path` would, but silent, unattended and repeatable.

    Args:
        path: The program's file; its folder is searched for modules first.
    """
    finder = StandInFinder()
    before = dict(sys.modules)
    for name in before:
        if _is_replaced(name):
            del sys.modules[name]
    sys.meta_path.insert(0, finder)
    sys.modules.setdefault("cPickle", pickle)  # as Python 2 calls it
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
            for patch in _patches(path):
                stack.enter_context(patch)
            stack.enter_context(contextlib.redirect_stdout(_Silence()))
            stack.enter_context(contextlib.redirect_stderr(_Silence()))
            stack.enter_context(np.errstate(all="ignore"))
            stack.enter_context(_random_state_kept())
            yield
    finally:
        sys.meta_path.remove(finder)
        sys.modules.pop("cPickle", None)
        sys.modules.update(before)  # a program may have forgotten some, or all
        _forget_modules(set(before), path)


def _is_replaced(name: str) -> bool:
    return name.partition(".")[0] in REPLACED


def _forget_modules(before: set[str], path: Path) -> None:
    """Removes stand-ins and the program's own modules from the list of imported modules."""
    folder = str(path.resolve().parent)
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None) or ""
        if _is_replaced(name) or (file.startswith(folder) and "site-packages" not in file):
            del sys.modules[name]


def _patches(path: Path) -> Iterator[contextlib.AbstractContextManager[Any]]:
    yield replaced(sys, "argv", [str(path)])
    yield replaced(sys, "path", [str(path.resolve().parent), *sys.path])
    yield replaced(builtins, "input", _prompt)
    yield replaced(time, "sleep", _silent)
    yield replaced(sys, "stdin", io.StringIO("1\n" * 1000))
    yield replaced(np.random, "default_rng", _seeded_generators(np.random.default_rng))
    yield _copied_iterators()
    for name, value in _REMOVED_FROM_NUMPY.items():
        if value is not None and name not in np.__dict__:
            yield replaced(np, name, value)


@contextlib.contextmanager
def _copied_iterators() -> Iterator[None]:
    """Lets `copy.deepcopy` copy numpy's iterators."""
    before = dict(copyreg.dispatch_table)
    copyreg.dispatch_table[np.nditer] = lambda item: (item.copy, ())
    try:
        yield
    finally:
        copyreg.dispatch_table.clear()
        copyreg.dispatch_table.update(before)


@contextlib.contextmanager
def _random_state_kept() -> Iterator[None]:
    """Seeds both global generators for the program and gives the caller's state back."""
    state = random.getstate(), np.random.get_state()  # noqa: NPY002
    random.seed(_SEED)
    np.random.seed(_SEED)  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(state[0])
        np.random.set_state(state[1])  # noqa: NPY002


def fresh_module(path: Path, hooks: dict[str, Any]) -> types.ModuleType:
    """An empty `__main__` for a program, with the builtins of `program_builtins`."""
    module = types.ModuleType("__main__")
    module.__dict__.update(
        __file__=str(path), __builtins__=program_builtins(**hooks), __annotations__={}
    )
    sys.modules["__main__"] = module  # where pickle looks for the program's classes
    return module

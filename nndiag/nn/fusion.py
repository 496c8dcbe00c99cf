"""Element-wise calls of a plan that follow each other, compiled into one pass over their arrays.

Where numba is installed (the extra `fast`), a run of calls such as the four of a sigmoid, or the
three that multiply by 1 − a², becomes one loop; the formulas are those that `scalar` translates.
Without it, or where a run is too short for it, tanh may come from a table.
What is compiled lies in the cache folder, and this processor's rates with it, so that a run is
planned the same way each time. Values differ from numpy's by rounding only: of an exponential, by
4e-16 of it.

What it assumes: no call of a plan has effects besides its `out`.
"""

import importlib.util
import sys
import timeit
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.array_utils import byte_bounds

from nndiag.kept import fingerprint, folder, kept, write
from nndiag.nn.calls import Array, Call
from nndiag.nn.scalar import FORMULAS
from nndiag.nn.table_tanh import TableTanh

_LEAST = 2_000  # elements from which on a pass takes longer than its call
_SECONDS = 1.0  # what has to be saved: numba's import and that of what is compiled take 0.7
_TIMED = 20_000  # elements
_LEAST_TABLED = 6_000  # elements from which on sixteen passes are worth their calls
_WORTH_A_LOOK = 2e7  # elements in all; looking at the rates takes as long as some millions
_CLEARLY = 1.2  # how many times as fast the table must be
_EXPONENTIALS: dict[Any, float] = {
    np.exp: 5.0,
    np.expm1: 5.0,
    np.tanh: 5.0,
}  # passes of a compiled one
_PASSES = FORMULAS.keys() - _EXPONENTIALS.keys() - {np.log1p}
_SOURCE = """from math import sqrt

from numba import njit

from nndiag.nn.exponentials import exp, expm1, tanh


@njit("void({types})", cache=True, nogil=True, error_model="numpy")
def fused({names}):
    for i in range({size}.size):
        {lines}
"""
_Place: TypeAlias = tuple[int, int]


def fused(plan: list[Call], *, slots: int, steps: int) -> list[Call]:
    """The plan with faster passes, where they save more than they cost; else as it is.

    Args:
        plan: Calls of `slots` steps.
        slots: Steps in it, which differ in their arrays only.
        steps: Steps that will be made.
    """
    return _compiled(plan, slots=slots, steps=steps) or _tabled(plan, slots=slots, steps=steps)


def _tabled(plan: list[Call], *, slots: int, steps: int) -> list[Call]:
    """The plan with tanh from a table, where that is faster."""
    large = [_is_large_tanh(call) for call in plan]
    numbers = sum(call[1][1].size for call, chosen in zip(plan, large, strict=True) if chosen)
    if numbers / slots * steps < _WORTH_A_LOOK:
        return plan
    rates: dict[str, float] = kept("rates", _measured)
    if rates["table"] * _CLEARLY > rates["tanh"]:
        return plan
    tanh = TableTanh()
    return [
        one
        for call, chosen in zip(plan, large, strict=True)
        for one in (_by_network(tanh, call[1]) if chosen else [call])
    ]


def _is_large_tanh(call: Call) -> bool:
    function, arguments = call
    if function is not np.tanh or not all(_fits(x, arguments[1].shape) for x in arguments):
        return False
    return all(_piece(x).size >= _LEAST_TABLED for x in arguments)


def _by_network(function: Callable[..., None], arrays: Sequence[Array]) -> list[Call]:
    """Calls of a function on all elements; one for each network of a stack, if need be."""
    if all(x.flags.c_contiguous for x in arrays):
        return [(function, tuple(x.reshape(-1) for x in arrays))]
    networks = max(len(x) for x in arrays if x.ndim)
    return [
        (function, tuple((x[k] if x.ndim else x).reshape(-1) for x in arrays))
        for k in range(networks)
    ]


def _compiled(plan: list[Call], *, slots: int, steps: int) -> list[Call] | None:
    """The plan with compiled passes; None where they are not to be had, or not worth it."""
    if importlib.util.find_spec("numba") is None:
        return None
    runs = _runs(plan)
    if not any(run.arrays for run in runs):
        return None
    rates: dict[str, float] = kept("rates", _measured)
    gains = [run.gain(rates) for run in runs]
    worth = sum(gain for gain in gains if gain > 0) / slots * steps >= _SECONDS
    if not worth or not _available():
        return None
    pairs = zip(runs, gains, strict=True)
    return list(chain.from_iterable(x.compiled() if gain > 0 else x.calls for x, gain in pairs))


@dataclass
class _Run:
    """Calls that follow each other on arrays of one shape; or a single one that is none of these.

    Attributes:
        calls: The calls.
        arrays: What they read and write, by the bounds of its memory.
        lines: What is computed at each element.
        values: The name of the present value at each place.
        written: Places that were written to.
    """

    calls: list[Call] = field(default_factory=list)
    arrays: dict[_Place, Array] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    values: dict[_Place, str] = field(default_factory=dict)
    written: dict[_Place, None] = field(default_factory=dict)

    def takes(self, call: Call) -> bool:
        """Add a call, if it can be part of this run."""
        function, arguments = call
        if function not in _PASSES and function not in _EXPONENTIALS:
            return False
        *inputs, out = arguments[::-1] if function is np.copyto else arguments
        shape = next((x.shape for x in self.arrays.values() if x.ndim), np.shape(out))
        if not np.ndim(out) or not all(_fits(x, shape) for x in (*inputs, out)):
            return False
        places = [byte_bounds(x) for x in (*inputs, out)]
        if any(_overlap(one, other) for one in places for other in (*places, *self.arrays)):
            return False
        self.calls.append(call)
        for place, array in zip(places, (*inputs, out), strict=True):
            self.arrays.setdefault(place, array)
        values = [self._value(place) for place in places[:-1]]
        self.values[places[-1]] = self._line(FORMULAS[function].format(*values))
        self.written[places[-1]] = None
        return True

    def _value(self, place: _Place) -> str:
        if place not in self.values:
            index = "i" if self.arrays[place].ndim else "0"
            self.values[place] = self._line(f"{self._name(place)}[{index}]")
        return self.values[place]

    def _line(self, formula: str) -> str:
        self.lines.append(f"v{len(self.lines)} = {formula}")
        return f"v{len(self.lines) - 1}"

    def _name(self, place: _Place) -> str:
        return f"a{list(self.arrays).index(place)}"

    def gain(self, rates: dict[str, float]) -> float:
        """Seconds that the compiled pass saves each time."""
        if not self.arrays:
            return 0.0
        unit = rates["multiply"]
        saved = sum(rates.get(function.__name__, unit) for function, _ in self.calls)
        spent = unit * (1 + sum(_EXPONENTIALS.get(function, 0.0) for function, _ in self.calls))
        return (saved - spent) * max(x.size for x in self.arrays.values())

    def compiled(self) -> list[Call]:
        """The calls that do the same; one for each network of a stack."""
        stores = [f"{self._name(place)}[i] = {self.values[place]}" for place in self.written]
        source = _SOURCE.format(
            types=", ".join(["float64[::1]"] * len(self.arrays)),
            names=", ".join(map(self._name, self.arrays)),
            size=self._name(next(iter(self.written))),
            lines="\n        ".join(self.lines + stores),
        )
        function, arrays = _function(source), self.arrays.values()
        if function is None:
            return self.calls
        return _by_network(function, list(arrays))


def _runs(plan: Sequence[Call]) -> list[_Run]:
    runs = [_Run()]
    for call in plan:
        if runs[-1].takes(call):
            continue
        runs.append(_Run())
        if not runs[-1].takes(call):
            runs[-1].calls.append(call)
            runs.append(_Run())
    return runs


def _fits(array: Any, shape: tuple[int, ...]) -> bool:
    """Whether an argument is a number, or has this shape in pieces that are large enough."""
    if not isinstance(array, np.ndarray) or array.dtype != np.float64:
        return False
    if not array.ndim:
        return True
    piece = _piece(array)
    return array.shape == shape and piece.size >= _LEAST and piece.flags.c_contiguous


def _piece(array: Array) -> Array:
    """The part of an array that is one network's."""
    piece: Array = array[0] if array.ndim == 3 else array
    return piece


def _overlap(one: _Place, other: _Place) -> bool:
    return one != other and one[0] < other[1] and other[0] < one[1]


@cache
def _function(source: str) -> Callable[..., None] | None:
    """The function of a module, which is written into the cache folder; None if it cannot be."""
    name = f"nndiag_fused_{zlib.crc32((fingerprint() + source).encode()):08x}"
    path = folder() / f"{name}.py"
    if not path.exists():
        write(path, source)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.exists():
        return None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)  # numba looks it up there
    spec.loader.exec_module(module)
    function: Callable[..., None] = module.fused
    return function


@cache
def _available() -> bool:
    """Whether numba is there, and goes with this numpy."""
    try:
        import numba  # noqa: F401, PLC0415 (an extra)
    except ImportError:
        return False
    return True


def _measured() -> dict[str, float]:
    """Seconds of numpy's functions on an element, and of a pass that only multiplies."""
    values, out = np.linspace(-2.0, 2.0, _TIMED), np.empty(_TIMED)
    found = {x.__name__: _seconds(partial(x, values, out)) for x in _EXPONENTIALS}
    found["table"] = _seconds(partial(TableTanh(), values, out))
    return found | {"multiply": _seconds(partial(np.multiply, values, values, out))}


def _seconds(call: Callable[[], Any]) -> float:
    return min(timeit.repeat(call, number=3, repeat=5)) / 3 / _TIMED

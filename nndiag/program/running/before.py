"""What is wrong with a program's numbers before its training: NaN in the data, whole weights."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from nndiag.errors import UserCodeError
from nndiag.program.child.agent import Send
from nndiag.program.child.plain import from_plain
from nndiag.program.execution import clock
from nndiag.program.execution.host import CellReader, Host, OutOfTime, StopProgram
from nndiag.program.execution.sandbox import sandbox
from nndiag.program.text.instrument import Instruments, node_id_of
from nndiag.program.text.settings import CodeSettings
from nndiag.program.text.source import read_source

_LARGEST = 2_000_000  # numbers of an array that is looked at
_SECONDS = 10.0


def look(request: Mapping[str, Any], _: Send) -> dict[str, Any]:
    """Run a program up to its first loop, and look at what its expressions come to.

    Args:
        request: `settings`.

    Returns:
        `nan`: an array with NaN: its name, the line and the text of the expression that made it,
        its columns with NaN, and whether they were divided by 0; None where there is none.
        `integers`: names of arrays of whole numbers at the first loop.
    """
    settings = from_plain(CodeSettings, request["settings"])
    assert settings.path is not None
    with sandbox(settings.path), np.errstate(all="ignore"):
        host = Host(read_source(settings.path), settings.functions)
        looker = _Looker(host)
        host.hooks.probe, host.hooks.head = looker.probe, looker.head
        host.hooks.deadline = clock.now() + _SECONDS
        with contextlib.suppress(UserCodeError, OutOfTime):
            host.run(Instruments(probes=None))
    return {"nan": looker.nan, "integers": looker.integers}


class _Looker:
    """Looks at the values of a program as it runs."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._last: dict[int, Any] = {}
        self._born: list[tuple[int, Any, bool]] = []
        self._loop: tuple[int, int] | None = None
        self.nan: dict[str, Any] | None = None
        self.integers: list[str] = []

    def probe(self, node_id: int, value: Any) -> Any:
        """For each expression: remember where NaN comes from, and what it was divided by."""
        node = self._host.nodes[node_id]
        numeric = isinstance(value, np.ndarray) and value.dtype.kind == "f"
        if numeric and 0 < value.size <= _LARGEST:
            self._last[node_id] = value
            operation = isinstance(node, (ast.BinOp, ast.Call))
            if operation and value.ndim > 0 and np.isnan(value).any():
                by_zero = isinstance(node, ast.BinOp) and self._has_zero(node)
                self._born.append((node_id, value, by_zero))
        return value

    def _has_zero(self, node: ast.BinOp) -> bool:
        divisor = self._last.get(node_id_of(node.right))
        return isinstance(node.op, ast.Div) and divisor is not None and bool(np.any(divisor == 0))

    def head(self, loop: tuple[int, int], _: CellReader) -> None:
        """At the first loop: arrays with NaN, and arrays that an iteration leaves whole numbers."""
        if loop != (self._loop or loop):
            return
        arrays = [
            (name, value)
            for name, value in self._host.namespace.items()
            if isinstance(value, np.ndarray) and 0 < value.size <= _LARGEST and value.ndim > 0
        ]
        whole = [name for name, value in arrays if value.dtype.kind in "iu"]
        if self._loop is not None:
            self.integers = [name for name in self.integers if name in whole]
            raise StopProgram
        self._loop, self.integers = loop, whole
        for name, value in arrays:
            if value.dtype.kind == "f" and np.isnan(value).any():
                self.nan = self.nan or self._told(name, value)

    def _told(self, name: str, value: Any) -> dict[str, Any] | None:
        """An array with NaN and where they come from; None where that was not seen."""
        for node_id, born, by_zero in self._born:
            if born.shape == value.shape and np.array_equal(np.isnan(born), np.isnan(value)):
                node = self._host.nodes[node_id]
                bad = np.isnan(value.reshape(len(value), -1)).any(axis=0)
                return {
                    "name": name,
                    "line": getattr(node, "lineno", 0),
                    "text": ast.unparse(node),
                    "columns": [int(x) + 1 for x in np.flatnonzero(bad)],
                    "by_zero": by_zero,
                }
        return None

"""Loops where they stand: `%%nndiag` above a notebook's cell, `with nndiag.watch():` around a loop.

Both run what was entered so far once more, in a process of its own, and show what is wrong with its
training. A script is run from its file. There the watch itself does nothing.
"""

import functools
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from nndiag.errors import ConfigError, Problem
from nndiag.program.child.process import WATCHED
from nndiag.verbs.doctor import doctor
from nndiag.verbs.fix import fix
from nndiag.verbs.gradcheck import gradcheck
from nndiag.verbs.result import Result
from nndiag.verbs.sweep_lr import sweep_lr
from nndiag.verbs.train import train

if TYPE_CHECKING:
    from nndiag.trace import Trace

_REDRAWN = 0.5  # seconds between two pictures of a run that goes on

_VERBS: dict[str, Any] = {
    "train": train,
    "doctor": doctor,
    "fix": fix,
    "gradcheck": gradcheck,
    "sweep-lr": sweep_lr,
}


def load_ipython_extension(shell: Any) -> None:
    """Let a notebook's cells begin with `%%nndiag`, or `%%nndiag fix`; for `%load_ext nndiag`.

    Args:
        shell: IPython's.
    """

    def magic(line: str, cell: str) -> Result:
        shell.run_cell(cell)
        before = list(shell.user_ns.get("In", ()))[:-1]
        return _looked_at([*before, cell], line.strip() or "train")

    shell.register_magic_function(magic, "cell", "nndiag")


class watch:  # noqa: N801 - used as a function
    """Watches the loops in a `with` block, and shows what is wrong with their training behind it.

    Args:
        verb: What is done: "train", "doctor", "fix", "gradcheck" or "sweep-lr".
        live: Whether a notebook shows the loss and each parameter's steps while it trains.

    Attributes:
        result: What was found; None before the end of the block.
    """

    def __init__(self, verb: str = "train", *, live: bool = False) -> None:
        self._verb = _known(verb)
        self._live = live
        self.result: Result | None = None

    def __enter__(self) -> "watch":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if WATCHED in os.environ or kind is not None:
            return
        shell = _shell()
        if shell is not None:
            cells = list(shell.user_ns.get("In", ()))
            self.result = _looked_at(cells, self._verb, live=self._live)
            _show(self.result)
            return
        path = getattr(sys.modules.get("__main__"), "__file__", None)
        if path is None:
            raise ConfigError(
                Problem("what runs here has no file", hint="write it into a file: my_net.py")
            )
        self.result = _asked(Path(path), self._verb)
        _show(self.result)


def _known(verb: str) -> str:
    if verb in _VERBS:
        return verb
    raise ConfigError(Problem(f"no verb {verb!r}", allowed=", ".join(_VERBS)))


def _shell() -> Any:
    """IPython's shell, where this runs in one."""
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()


def _looked_at(cells: list[str], verb: str, *, live: bool = False) -> Result:
    """What a verb says of a notebook's cells; of equal ones the last is taken."""
    written = [cell for cell in cells if cell.strip() and not cell.lstrip().startswith("%%nndiag")]
    last = [cell for place, cell in enumerate(written) if cell not in written[place + 1 :]]
    notebook = {
        "cells": [{"cell_type": "code", "source": cell, "outputs": []} for cell in last],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path = Path(_folder(), "notebook.ipynb")
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return _asked(path, _known(verb), live=live)


@functools.cache
def _folder() -> str:
    """A folder that stays, so that what a report sends on to finds the notebook."""
    return tempfile.mkdtemp(prefix="nndiag-notebook-")


def _asked(path: Path, verb: str, *, live: bool = False) -> Result:
    more: dict[str, Any] = {"plots": False} if verb in ("train", "sweep-lr") else {}
    if live and verb == "train":
        more["watch"] = _Curve()
    found: Result = _VERBS[verb](path, **more)
    return found


class _Curve:
    """The curve of a run that goes on, in a cell's output: drawn anew in the same place."""

    def __init__(self) -> None:
        self._place: Any = None
        self._next = 0.0

    def __call__(self, snapshot: "Callable[[], Trace]") -> None:
        """Show the run until now; at most twice a second."""
        now = time.monotonic()
        if now < self._next:
            return
        from nndiag.report.live import live_view  # noqa: PLC0415 (a watched program does without)

        shown = _Shown(live_view(snapshot(), line=""))
        if self._place is None:
            self._place = sys.modules["IPython.display"].display(shown, display_id=True)
        else:
            self._place.update(shown)
        self._next = time.monotonic() + _REDRAWN


class _Shown:
    """What a notebook shows as HTML.

    Args:
        renderable: A report.
    """

    def __init__(self, renderable: Any) -> None:
        self._renderable = renderable

    def __repr__(self) -> str:
        return "the run until now"

    def _repr_html_(self) -> str:
        from nndiag.report.html import renderable_html  # noqa: PLC0415 (rich costs 50 ms)

        return renderable_html(self._renderable)


def _show(result: Result) -> None:
    """Show a result once: as a page in a notebook, as text elsewhere."""
    display = sys.modules.get("IPython.display")
    if display is not None and _shell() is not None:
        display.display(result)
    else:
        sys.stdout.write(f"{result}\n")

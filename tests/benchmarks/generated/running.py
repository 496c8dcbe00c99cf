"""Runs a program with its probes and returns what they saw."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.generated.writing import CELL, PROBE


@dataclass(frozen=True)
class Sight:
    """What a probe saw: parameters in rows before an update, the batch, all data."""

    parameters: list[np.ndarray]
    x: np.ndarray
    y: np.ndarray
    data: tuple[np.ndarray, np.ndarray]
    extra: dict[str, Any]


@dataclass
class Course:
    """A run: what was seen at the first calls and at the last, and how it ended."""

    sights: list[Sight] = field(default_factory=list)
    last: Sight | None = None
    calls: int = 0
    error: str = ""


class Enough(BaseException):
    """The probe has seen what it wants."""


class OutOfTimeError(BaseException):
    """The program takes too long."""


def run(
    text: str, files: dict[str, str], *, calls: int | None = None, seconds: float = 60
) -> Course:
    """Run a probed program, to its end or to a number of probes."""
    course = Course()
    wanted = calls if calls is not None else 8

    def probe(parameters, x, y, data, extra) -> None:  # type: ignore[no-untyped-def]
        course.calls += 1
        if calls is None and course.calls > wanted and course.calls % 50:
            course.last = None
            latest.append((parameters, x, y, data, extra))
            del latest[:-1]
            return
        sight = _sight(parameters, x, y, data, extra)
        if course.calls <= wanted:
            course.sights.append(sight)
        course.last = sight
        if calls is not None and course.calls >= calls:
            raise Enough

    latest: list[tuple[Any, ...]] = []
    scope: dict[str, Any] = {"__name__": "__main__", PROBE: probe}
    with _elsewhere(files), _limit(seconds), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
                exec(compile(text.replace(CELL, ""), "program.py", "exec"), scope)
        except Enough:
            pass
        except OutOfTimeError:
            course.error = "OutOfTimeError"
        except Exception as error:
            course.error = f"{type(error).__name__}: {error}"
    if course.last is None and latest:
        course.last = _sight(*latest[-1])
    return course


def _array(value: Any) -> np.ndarray:
    return np.array(value, dtype=float)


def _sight(parameters: Any, x: Any, y: Any, data: Any, extra: Any) -> Sight:
    return Sight(
        [_array(p) for p in parameters], _array(x), _array(y),
        (_array(data[0]), _array(data[1])), dict(extra or {}),
    )  # fmt: skip


@contextlib.contextmanager
def _elsewhere(files: dict[str, str]) -> Iterator[None]:
    before = Path.cwd()
    state = np.random.get_state()  # noqa: NPY002
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_text(content, encoding="utf-8")
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)
            np.random.set_state(state)  # noqa: NPY002


@contextlib.contextmanager
def _limit(seconds: float) -> Iterator[None]:
    def late(signum: int, frame: object) -> None:
        raise OutOfTimeError

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

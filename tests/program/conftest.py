"""Programs for the tests: those in `programs`, and small ones written on the spot."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nndiag.program import CodeSettings, ProgramCheck, check_program
from nndiag.program.execution.sandbox import sandbox
from nndiag.program.judging.judgement import Judgement, judged
from nndiag.program.text.source import read_source
from tests.checking import check_here

PROGRAMS = Path(__file__).parent / "programs"
RIGHT = Path(__file__).parents[1] / "benchmarks" / "mutations" / "programs"

LINEAR = """\
import numpy as np
rng = np.random.default_rng(0)
X = rng.normal(size=(20, 3))
y = X @ np.array([1.0, -2.0, 0.5]) + 0.3
w = np.zeros(3)
b = 0.0
lr = 0.1
for epoch in range(500):
    out = X @ w + b
    loss = np.mean((out - y) ** 2)
    d = 2 * (out - y) / len(y)
    w -= lr * (X.T @ d)
    b -= lr * d.sum()
"""
"""Linear regression: the smallest right program."""


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a program's text into a file."""

    def written(text: str, name: str = "program.py") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return written


@pytest.fixture
def check(write: Callable[..., Path]) -> Callable[..., ProgramCheck]:
    """Checks a program's text."""

    def checked(text: str, name: str = "program.py", **settings: object) -> ProgramCheck:
        return check_here(CodeSettings(script=str(write(text, name)), **settings))  # type: ignore[arg-type]

    return checked


@pytest.fixture
def ask(write: Callable[..., Path]) -> Callable[..., ProgramCheck]:
    """Checks a program's text in a process of its own."""

    def asked(text: str, name: str = "program.py", **settings: object) -> ProgramCheck:
        return check_program(CodeSettings(script=str(write(text, name)), **settings))  # type: ignore[arg-type]

    return asked


@pytest.fixture
def judge(tmp_path: Path) -> Callable[[str], Judgement]:
    """Judge a program's text by the graph of its iteration, without the experiments behind."""

    def judgement(text: str) -> Judgement:
        path = tmp_path / "program.py"
        path.write_text(text, encoding="utf-8")
        settings = CodeSettings(script=path.name, directory=tmp_path)
        deadline = time.perf_counter() + 60
        with sandbox(path):
            return judged(read_source(path), settings, deadline=deadline, tell=lambda _: None)

    return judgement

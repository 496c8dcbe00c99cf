"""Programs whose numbers are wrong before their training: the column, the line, the way out."""

from pathlib import Path

import pytest

import nndiag
from nndiag.own_program.beforehand import beforehand
from nndiag.program import CodeSettings

PROGRAMS = Path(__file__).parent / "broken"


@pytest.mark.parametrize(
    ("name", "told", "line"),
    [
        (
            "column_divided_by_zero",
            "data is NaN before training, in column 1:",
            "(data.std(axis=0) + 1e-8)",
        ),
        (
            "whole_weights",
            "w1, c1, w2, c2: arrays of whole numbers",
            "rng.integers(-3, 4, (1, 8)).astype(float)",
        ),
    ],
)
def test_names_what_is_wrong_and_the_line_to_write(name, told, line):
    before = beforehand(CodeSettings(script=str(PROGRAMS / f"{name}.py")))
    assert told in before.finding.message
    assert line in before.finding.replacement


FUNCTION = """
import numpy as np
rng = np.random.default_rng(1)
x = rng.uniform(-2, 2, (50, 1))
y = 1.5 * x - 0.5
W, b = rng.integers(-2, 3, (1, 6)), np.zeros(6, dtype=int)
V, c = rng.integers(-2, 3, (6, 1)), np.zeros(1, dtype=int)
def step(p, g):
    p[...] = p - 0.05 * g
for epoch in range(200):
    h = np.tanh(x @ W + b)
    d = 2 * (h @ V + c - y) / 50
    e = d @ V.T * (1 - h ** 2)
    step(V, h.T @ d); step(c, d.sum(0))
    step(W, x.T @ e); step(b, e.sum(0))
"""


def test_weights_that_a_function_writes_whole_numbers_into_are_named(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(FUNCTION)
    assert nndiag.train(path, plots=False).cause.finding.problem == "gradient-never-computed"


def test_a_run_of_such_a_program_ends_with_that_cause(tmp_path):
    result = nndiag.train(PROGRAMS / "column_divided_by_zero.py", plots=False)
    assert result.cause.finding.problem == "non-finite-values"
    assert result.cause.finding.line == 6
    assert result.next_command.startswith("nndiag fix")

"""A program whose gradient is right is trained for a moment, and at lower rates if it diverges."""

import math

import pytest

from nndiag.program import CodeSettings
from tests.checking import check_here

LINE = """
import numpy as np
x = np.linspace(-1, 1, 20)
y = 2 * x
w, b = 0.0, 0.0
for step in range({steps}):
    error = w * x + b - y
    loss = np.mean(error ** 2)
    w -= {rate} * 2 * np.mean(error * x)
    b -= {rate} * 2 * np.mean(error)
    print(loss)
"""


@pytest.fixture
def course(tmp_path):
    def of(*, rate, steps=500):
        path = tmp_path / "line.py"
        path.write_text(LINE.format(rate=rate, steps=steps))
        check = check_here(CodeSettings(script=str(path)))
        assert check.correct
        assert not check.findings
        return check.course

    return of


def test_tells_how_the_loss_goes(course):
    found = course(rate=0.1)
    # the mean of 4x² over the 20 points is 1.474; by 0.1 it shrinks by (1 − 0.2·0.368)² a step
    assert found.iterations == 500
    assert 0 < found.start < 1.474
    assert found.end < 1e-20
    assert not found.diverged
    assert found.factor is None


def test_confirms_by_a_lower_rate_that_the_rate_is_too_high(course):
    # the curvature along w is 2 · mean(x²) = 0.737: stable below 2 / 0.737 = 2.71; along b it is
    # 2, stable below 1, and b starts at its minimum
    found = course(rate=8)
    assert found.diverged
    assert not math.isfinite(found.end)
    assert found.factor == pytest.approx(0.1)  # 0.8 is below both
    assert found.lower < 1e-10


def test_says_nothing_of_a_program_of_a_few_steps(course):
    assert course(rate=0.1, steps=12) is None

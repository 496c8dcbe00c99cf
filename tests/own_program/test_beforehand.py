"""Programs whose numbers are wrong before their training: the column, the line, the way out."""

from pathlib import Path

import pytest

import nndiag
from nndiag.errors import UserCodeError

PROGRAMS = Path(__file__).parent / "broken"


def test_names_the_column_that_is_divided_by_zero():
    with pytest.raises(UserCodeError) as raised:
        nndiag.train(PROGRAMS / "column_divided_by_zero.py", plots=False)
    told = str(raised.value)
    assert "data is NaN before training, in column 1:" in told
    assert "column_divided_by_zero.py:6" in told


def test_names_the_weights_that_are_whole_numbers():
    with pytest.raises(UserCodeError) as raised:
        nndiag.train(PROGRAMS / "whole_weights.py", plots=False)
    told = str(raised.value)
    assert "w1, c1, w2, c2: arrays of whole numbers" in told
    assert "(rng.integers(-3, 4, (1, 8))).astype(float)" in told

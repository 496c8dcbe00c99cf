"""The best of several runs is named, and by how much."""

import math

import pytest

from nndiag.report.ranking import letter, ranking


@pytest.mark.parametrize(
    ("left", "told"),
    [
        ([0.1, 0.4], "best: A (0.1), 75 % better than B"),
        ([0.1, 0.2, 0.4], "best: A (0.1), 50 % better than B"),
        ([0.1, 0.1, 0.4], "best: A and B, at the same loss (0.1)"),
        ([0.1, 0.1, 0.1], "best: A and 2 more, at the same loss (0.1)"),
        ([1.0, math.nan], "best: A (1.0); no other run ends at a finite loss"),
        ([-3.0, -1.0], "best: A (-3.0); B has -1.0"),
        ([math.inf, math.nan], "no run ends at a finite loss"),
    ],
)
def test_tells_which_run_ended_best(left, told):
    assert ranking(left, names="ABC"[: len(left)], shown=list(map(str, left))) == told


def test_letters_go_on_after_z():
    assert [letter(place) for place in (0, 25, 26, 27, 51, 52, 701, 702)] == (
        ["A", "Z", "AA", "AB", "AZ", "BA", "ZZ", "AAA"]
    )

"""The best of several runs is named, and by how much."""

import math

import pytest

from nndiag.report.ranking import ranking

ORDER = " Order: B C A."


@pytest.mark.parametrize(
    ("left", "told"),
    [
        ([0.4, 0.1], "Best: B (0.1), 75 % better than A."),
        ([0.1, 0.1], "Both end at the same loss."),
        ([1.0, math.nan], "Best: A (1.0); no other run ends at a finite loss."),
        ([-1.0, -3.0], "Best: B (-3.0); A has -1.0."),
        ([math.inf, math.nan], "No run ends at a finite loss."),
        ([0.4, 0.1, 0.2], "Best: B (0.1), 50 % better than C." + ORDER),
        ([0.4, 0.1, 0.1], "B and C end at the same loss." + ORDER),
        ([0.1, 0.1, 0.1], "All end at the same loss."),
        (
            [math.inf, 2.0, math.nan],
            "Best: B (2.0); no other run ends at a finite loss. Order: B A C.",
        ),
    ],
)
def test_tells_which_run_ended_best(left, told):
    assert ranking(left, shown=list(map(str, left))) == told

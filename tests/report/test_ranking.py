"""The best of several runs is named, and by how much."""

import math

import pytest

from nndiag.report.ranking import ranking

ORDER = "From the best: B C A."


@pytest.mark.parametrize(
    ("left", "told"),
    [
        ([0.4, 0.1], "B leaves 25 % of the error that the other leaves."),
        ([0.1, 0.1], "Both end at the same loss."),
        ([1.0, math.nan], "A ends at a finite loss; the other does not."),
        ([-1.0, -3.0], "B ends lowest, at -3; the other at -1."),
        ([math.inf, math.nan], "No run ends at a finite loss."),
        ([0.4, 0.1, 0.2], "B leaves 50 % of the error that C, the next, leaves. " + ORDER),
        ([0.4, 0.1, 0.1], "B and C end at the same loss. " + ORDER),
        ([0.1, 0.1, 0.1], "All end at the same loss."),
        (
            [math.inf, 2.0, math.nan],
            "B ends at a finite loss; no other does. From the best: B A C.",
        ),
    ],
)
def test_tells_which_run_ended_best(left, told):
    assert ranking(left, what="of the error") == told

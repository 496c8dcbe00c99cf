"""What an optimizer's memory holds, told by what it was made from."""

import numpy as np
import pytest

from nndiag.program.roles.multiples import has_one_size


@pytest.mark.parametrize(
    ("vector", "even"),
    [
        ([0.0, 0.0, -3.0], True),
        ([0.0, -2.0, 2.0], True),
        ([1e-9, -2.0, 1e-30], True),
        ([1.0, 2.0], False),
        ([0.0, 1.0, 2.0], False),
    ],
    ids=[
        "one live unit",
        "two that are alike",
        "one not saturated",
        "two that differ",
        "with a dead one",
    ],
)
def test_a_gradient_whose_entries_are_alike_looks_like_its_square(vector, even):
    assert has_one_size(np.array(vector), tolerance=1e-6) is even

"""What two trainings say, one with the program's step and one with the mended one."""

import math

import pytest

from nndiag.program.training.ablation import comparison

FALLING = [1.0 - 0.009 * step for step in range(100)]
SLOW = [1.0 - 0.005 * step for step in range(100)]
FLAT = [1.0] * 100
RISING = [1.0 + 0.004 * step for step in range(100)]
LOST = [math.inf] * 100


@pytest.mark.parametrize(
    ("program", "right", "verdict"),
    [
        (LOST, FALLING, "this is why it does not train"),
        (RISING, FALLING, "this is why it does not train"),
        (FLAT, FALLING, "this is why it does not train"),
        (SLOW, FALLING, "this is why it trains badly"),
        (FALLING, FALLING, "wrong, but not why it fails: both train alike on this stretch"),
        (FALLING, FLAT, "wrong, but it trains even better so on this stretch"),
        (RISING, RISING, "wrong, but the loss does not fall on this stretch either way"),
        (FLAT, RISING, "wrong, but the loss does not fall on this stretch either way"),
        (LOST, LOST, "fixed, it does not train at this learning rate either"),
        (FALLING, LOST, "fixed, it does not train at this learning rate either"),
    ],
)
def test_says_whether_a_mistake_is_why_a_program_does_not_train(program, right, verdict):
    assert comparison(program, right).verdict.startswith(verdict)


@pytest.mark.parametrize(
    ("program", "right", "beside"),
    [(FALLING, FALLING, True), (SLOW, FALLING, False), (FALLING, FLAT, False), (LOST, LOST, False)],
)
def test_what_is_wrong_is_beside_the_point_where_both_go_down_alike(program, right, beside):
    assert comparison(program, right).is_beside == beside


def test_says_nothing_of_runs_that_are_too_short_to_tell():
    assert comparison([1.0] * 10, [0.5] * 10) is None
    assert comparison([], []) is None

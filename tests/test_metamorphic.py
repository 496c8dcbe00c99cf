"""A verdict stays where nothing that is computed changes: a sample of `tests.metamorphic`."""

import pytest

from tests.benchmarks.mutations.__main__ import PROGRAMS, mutated
from tests.benchmarks.mutations.mutations import MUTATIONS
from tests.metamorphic import cases_of, verdict

PROGRAM = "script_tanh"
RIGHT = (PROGRAMS / f"{PROGRAM}.py").read_text(encoding="utf-8")
UPHILL = next(x for x in MUTATIONS if x.program == PROGRAM and x.new == "W2 += lr * dW2")


@pytest.mark.parametrize("change", ["names of nonsense", "statements swapped", "int data"])
def test_a_right_program_stays_right(tmp_path, change):
    case = next(x for x in cases_of("right", PROGRAM, RIGHT) if x.change == change)
    assert verdict(case.after, tmp_path) == (True, (), 0)


@pytest.mark.parametrize(
    "change", ["numbered names", "loss × 50", "float32 data", "lists for arrays"]
)
def test_a_wrong_sign_stays_a_wrong_sign_of_one_parameter(tmp_path, change):
    case = next(x for x in cases_of("uphill", PROGRAM, mutated(UPHILL)) if x.change == change)
    assert verdict(case.after, tmp_path) == (False, ("wrong-sign",), 1)

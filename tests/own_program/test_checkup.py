"""What is worth looking at in a program before it is trained."""

from pathlib import Path

import pytest

import nndiag
from nndiag.checkup import Status

PROGRAMS = Path(__file__).parent


def status(result):
    return {check.name: check.status for check in result.checks}


def test_a_program_that_trains_is_ready():
    result = nndiag.doctor(PROGRAMS / "healthy" / "script_rows.py")
    assert not result.failed
    assert status(result)["gradient"] is Status.OK
    assert status(result)["a handful can be learned"] is Status.OK
    assert result.next_command.startswith("nndiag train")


@pytest.mark.parametrize(
    ("name", "check", "line"),
    [
        ("ten_steps_explode", "learning rate", "learning-rate-above-stability-limit"),
        ("column_divided_by_zero", "data", "non-finite-values"),
        ("columns_of_far_sizes", "input scales", "unscaled-inputs"),
    ],
)
def test_what_is_wrong_is_told_in_the_programs_own_words(name, check, line):
    result = nndiag.doctor(PROGRAMS / "broken" / f"{name}.py")
    found = next(one for one in result.checks if one.name == check)
    assert found.status in (Status.WARNING, Status.FAILED)
    assert found.problem == line
    assert found.remedy.startswith("line ")
    assert "dataset." not in str(result)

import numpy as np
import pytest

from nndiag.experiment.condition import ConditionError, rows_where

COLUMNS = {"x0": np.array([-2.0, 0.0, 3.0, 5.0]), "petal length": np.array([1.0, 2.0, 3.0, 4.0])}


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("x0 > 3", [3]),
        ("x0 >= 3", [2, 3]),
        ("-1 < x0 < 4", [1, 2]),
        ("abs(x0) <= 2", [0, 1]),
        ("not x0 > 3 and x0 != 0", [0, 2]),
        ("x0 < 0 or x0 * 2 - 1 >= 5", [0, 2, 3]),
        ("`petal length` == 2", [1]),
        ("x0 + `petal length` / 2 > 4.4", [2, 3]),
        ("1 < 2", [0, 1, 2, 3]),
    ],
)
def test_takes_the_rows_that_meet_the_condition(condition, rows):
    assert np.flatnonzero(rows_where(condition, COLUMNS)).tolist() == rows


@pytest.mark.parametrize(
    "condition",
    [
        "x0 >",
        "x0 + 1",
        "x0.sum() > 3",
        "__import__('os').getcwd() > 'a'",
        "[x for x in x0] > 3",
        "x0 > 'a'",
        "x0 in x0",
        "abs(x0, x0) > 3",
        "(x0 > 1) + 1 > 1",
        "x0 and x0 > 1",
        "(" * 5000 + "x0" + ")" * 5000,
        "x0 > 1" + " and x0 > 1" * 500,
        "",
    ],
)
def test_refuses_what_is_no_condition(condition):
    with pytest.raises(ConditionError):
        rows_where(condition, COLUMNS)


def test_tells_the_columns_where_a_name_is_unknown():
    with pytest.raises(ConditionError) as caught:
        rows_where("petal_length > 3", COLUMNS)
    assert caught.value.got == "petal_length"
    assert caught.value.allowed == "x0, petal length"
    assert caught.value.hint == "did you mean 'petal length'?"

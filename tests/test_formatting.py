"""Numbers are short and say what they are."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nndiag.formatting import (
    chosen,
    count,
    duration,
    number,
    percent,
    r_squared_words,
    rough,
    times,
)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.0, "0"),
        (0.0123456, "0.0123"),
        (0.0001, "0.0001"),
        (0.00001234, "1.23e-5"),
        (1.0, "1"),
        (123.456, "123"),
        (999.9, "1,000"),
        (12_345.6, "12,300"),
        (1.2e30, "1.2e30"),
        (1e6, "1e6"),
        (-45.678, "-45.7"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (math.nan, "nan"),
        (None, "–"),
    ],
)
def test_number(value, written):
    assert number(value) == written


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_written_number_is_the_number_to_three_digits(value):
    read = float(number(value).replace(",", ""))
    assert math.isclose(read, value, rel_tol=0.006, abs_tol=1e-320) or math.isinf(read)


@given(st.floats())
def test_a_number_stays_short(value):
    assert len(number(value)) <= 10


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0.2, "0:01"), (7, "0:07"), (61, "1:01"), (3723, "1:02:03"), (math.inf, "0:00")],
)
def test_duration(seconds, written):
    assert duration(seconds) == written


@pytest.mark.parametrize(
    ("r_squared", "written"),
    [
        *[
            (0.5, "0.5"),
            (1.0, "1"),
            (0.99994, "0.9999"),
            (1 - 1e-7, "0.9999999"),
            (-37.31, "-37.3"),
        ],
        *[(0.0021, "0.0021"), (3e-5, "0"), (-2e-4, "0")],
    ],
)
def test_below_one_is_never_written_as_one_nor_near_zero_as_some(r_squared, written):
    assert r_squared_words(r_squared) == written


def test_a_large_number_has_no_more_digits_than_asked_for():
    assert rough(1_734.0) == "1,700"


def test_a_number_that_was_given_keeps_its_digits():
    assert [chosen(value) for value in (0.0125, 1e-5, 0.2, 1500.0)] == [
        "0.0125", "1e-5", "0.2", "1500"
    ]  # fmt: skip


def test_counts_factors_and_shares():
    assert count(1, "step") == "1 step"
    assert count(2000, "step") == "2,000 steps"
    assert times(0.314) == "×0.31"
    assert percent(0.413) == "41 %"

"""Plain data survives JSON, and no number breaks a strict parser."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nndiag.finding import Outcome
from nndiag.plain import json_text, to_plain


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (math.nan, "nan"),
        (np.float64("nan"), "nan"),
        (np.array([1.0, np.inf]), [1.0, "inf"]),
        (np.int64(3), 3),
        (np.bool_(True), True),
        ((1, (2,)), [1, [2]]),
        ({"a": {1: None}}, {"a": {"1": None}}),
        (Outcome.STALLED, "stalled"),
        (Path("a"), "a"),
    ],
)
def test_plain_form(value, plain):
    assert to_plain(value) == plain


@given(st.floats())
def test_every_float_is_read_back_as_it_was(value):
    read = float(json.loads(json_text(value)))
    assert read == value or (math.isnan(read) and math.isnan(value))


def test_an_object_without_a_plain_form_is_refused():
    with pytest.raises(TypeError, match="object has no plain form"):
        to_plain(object())

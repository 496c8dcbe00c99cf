"""Plain data come back as they went; what is not plain does not go."""

import io
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nndiag.program.child.frames import read_frame, write_frame

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def passed(data):
    stream = io.BytesIO()
    write_frame(stream, data)
    stream.seek(0)
    return read_frame(stream)


@given(PLAIN)
def test_plain_data_come_back(data):
    assert passed(data) == data


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.arange(6.0).reshape(2, 3).T,
        np.array([1, -2], dtype=np.int32),
        np.array([True, False]),
        np.array(3.5),
        np.empty((0, 4)),
        np.array([1.0, np.nan, -np.inf], dtype=">f4"),
    ],
)
def test_arrays_come_back_with_shape_and_kind(array):
    first, second = passed({"a": array, "b": [array + array]}).values()
    np.testing.assert_array_equal(first, array)
    np.testing.assert_array_equal(second[0], array + array)
    assert (first.shape, first.dtype.kind) == (array.shape, array.dtype.kind)
    assert first.flags.writeable


def test_numbers_that_are_not_finite_come_back():
    nan, infinite = passed([math.nan, -math.inf])
    assert math.isnan(nan)
    assert infinite == -math.inf


def test_numbers_of_numpy_become_plain_ones():
    data = passed([np.float64(0.5), np.int64(3), np.bool_(True)])
    assert data == [0.5, 3, True]


def test_tuples_become_lists():
    assert passed((1, (2,))) == [1, [2]]


@pytest.mark.parametrize("data", [object(), {1: 2}, {1, 2}, np.array(["a"]), [b"bytes"]])
def test_what_is_not_plain_is_refused(data):
    with pytest.raises(TypeError):
        write_frame(io.BytesIO(), data)


def test_a_stream_that_breaks_off_is_no_frame():
    stream = io.BytesIO()
    write_frame(stream, list(range(100)))
    with pytest.raises(EOFError):
        read_frame(io.BytesIO(stream.getvalue()[:-1]))

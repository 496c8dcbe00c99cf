import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nndiag.nn.scaling import SCALINGS

VALUES = np.array([[1.0, -10.0], [2.0, 10.0], [3.0, 30.0], [6.0, 50.0]])


def scaled(name, values):
    return SCALINGS.get(name)(values).apply(values)


def test_leaves_values_as_they_are():
    np.testing.assert_array_equal(scaled("none", VALUES), VALUES)


def test_standardizes_each_column_by_its_deviation():
    result = scaled("standardize", VALUES)
    np.testing.assert_allclose(result.mean(axis=0), 0, atol=1e-15)
    np.testing.assert_allclose(result.std(axis=0), 1)


def test_brings_each_column_to_the_unit_interval():
    result = scaled("minmax", VALUES)
    np.testing.assert_array_equal(result[[0, -1]], [[0, 0], [1, 1]])


def test_divides_by_the_variance_of_all_entries():
    expected = (VALUES - np.mean(VALUES)) / np.var(VALUES)
    np.testing.assert_allclose(scaled("divide_by_variance", VALUES), expected)


@pytest.mark.parametrize("name", SCALINGS.names())
@pytest.mark.parametrize("constant", [0.0, 0.1, -3e8])
def test_does_not_divide_a_constant_column(name, constant):
    values = np.full((7, 1), constant)
    expected = values if name == "none" else 0.0
    np.testing.assert_allclose(scaled(name, values), expected, atol=abs(constant) * 1e-15)


@pytest.mark.parametrize("name", SCALINGS.names())
@given(
    values=arrays(
        float,
        st.tuples(st.integers(1, 6), st.integers(1, 3)),
        elements=st.floats(-1e6, 1e6, allow_subnormal=False),
    )
)
def test_gives_back_raw_values(name, values):
    scaling = SCALINGS.get(name)(values)
    size = np.abs(values).max() + 1
    np.testing.assert_allclose(scaling.undo(scaling.apply(values)), values, atol=size * 1e-12)


@pytest.mark.parametrize("name", ["standardize", "minmax"])
def test_does_not_depend_on_the_unit_of_measurement(name):
    np.testing.assert_allclose(scaled(name, VALUES * 1000 + 5), scaled(name, VALUES), atol=1e-12)

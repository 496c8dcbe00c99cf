"""A random direction finds what is wrong among entries that nobody looked at."""

import numpy as np
import pytest

from nndiag.gradients.coverage import hidden_entries
from nndiag.gradients.differences import FunctionDifferences
from nndiag.gradients.judgement import GradientClaim

SIZE = 5_000


def case(function, slope, *, wrong=()):
    at = np.random.default_rng(1).normal(size=SIZE)
    gradient = slope(at) / SIZE
    gradient[list(wrong)] = 0.0
    source = FunctionDifferences(lambda p: function(p["w"]).mean(), {"w": at})
    return source, GradientClaim("w", (SIZE,), gradient, np.zeros(SIZE), 1e-5)


FUNCTIONS = {
    "smooth": (np.sin, np.cos),
    "kinks": (lambda w: np.maximum(w, 0), lambda w: (w > 0) * 1.0),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_right_entries_are_covered_by_two_values_of_the_loss(name):
    source, tensor = case(*FUNCTIONS[name])
    covered, found = hidden_entries(source, tensor, np.arange(10))
    assert (covered, len(found)) == (True, 0)


@pytest.mark.parametrize("wrong", [(4_999,), (17,), (300, 301), (20, 4_000)])
def test_wrong_entries_are_found(wrong):
    source, tensor = case(*FUNCTIONS["smooth"], wrong=wrong)
    covered, found = hidden_entries(source, tensor, np.arange(10))
    assert covered is False
    assert sorted(found) == sorted(wrong)


def test_of_many_wrong_entries_a_few_are_found():
    source, tensor = case(*FUNCTIONS["smooth"], wrong=range(100, 200))
    covered, found = hidden_entries(source, tensor, np.arange(10))
    assert covered is False
    assert len(found) == 4
    assert set(found) <= set(range(100, 200))


def test_entries_that_are_compared_are_not_moved():
    source, tensor = case(*FUNCTIONS["smooth"], wrong=(5,))
    assert hidden_entries(source, tensor, np.arange(10))[0] is True


def test_where_all_are_compared_nothing_is_left_to_tell():
    source, tensor = case(*FUNCTIONS["smooth"])
    assert hidden_entries(source, tensor, np.arange(SIZE))[0] is None

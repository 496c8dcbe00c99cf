"""Names that were probably meant."""

import pytest

from nndiag.errors import UnknownNameError
from nndiag.registry import Registry, suggestion

NAMES = [
    *("elu", "relu", "leaky_relu", "tanh", "mean_squared_error"),
    *("dead-units", "vanishing-gradients"),
]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("Relu", "relu"),
        ("leaky-ReLU", "leaky_relu"),
        ("Dead Units", "dead-units"),
        ("dead_unit", "dead-units"),
        ("vanish", "vanishing-gradients"),
        ("mean", "mean_squared_error"),
        ("thanh", "tanh"),
        ("dead", "dead-units"),
        ("squared", "mean_squared_error"),
    ],
)
def test_suggests_what_was_probably_meant(word, meant):
    assert suggestion(word, NAMES) == f"did you mean {meant!r}?"


@pytest.mark.parametrize("word", ["", "x", "softmax_cross"])
def test_suggests_nothing_where_nothing_is_near(word):
    assert suggestion(word, NAMES) is None


@pytest.mark.parametrize(
    ("many", "allowed"), [(2, "name0, name1"), (21, "the names that `nndiag list` shows")]
)
def test_names_are_listed_as_long_as_one_can_read_them(many, allowed):
    registry = Registry("thing")
    for number in range(many):
        registry.register(f"name{number}")(lambda: None)
    with pytest.raises(UnknownNameError) as caught:
        registry.get("nmae1")
    (problem,) = caught.value.problems
    assert (problem.allowed, problem.hint) == (allowed, "did you mean 'name1'?")

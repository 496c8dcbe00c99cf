"""Names that were probably meant."""

import pytest

from nndiag.registry import suggestion

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

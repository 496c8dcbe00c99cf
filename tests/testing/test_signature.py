"""Which bug the assertion names."""

import numpy as np
import pytest

from nndiag.testing import assert_gradients_correct
from tests.testing.network import Arrays, changed, failure, gradients_of, loss_of, parameters


@pytest.mark.parametrize(
    ("gradients", "bug", "tensors", "right"),
    [
        (changed("W1", lambda g: -g), "wrong-sign", ["W1"], ["b1", "W2", "b2"]),
        (changed("b2", lambda g: 2 * g), "wrong-constant-factor", ["b2"], ["W1", "b1", "W2"]),
        (changed("W2", lambda g: g / 2), "wrong-constant-factor", ["W2"], ["W1", "b1", "b2"]),
        (changed("W1", lambda g: 40 * g), "summed-instead-of-averaged", ["W1"], ["W2"]),
        (changed("W1", lambda g: g / 40), "summed-instead-of-averaged", ["W1"], ["W2"]),
        (changed("b1", lambda g: 0 * g), "gradient-never-computed", ["b1"], ["W1"]),
        (changed("b1", lambda g: None), "gradient-never-computed", ["b1"], ["W1"]),
        (
            changed("W1", lambda g: g + 0.1 * parameters()["W1"]),
            "weight-decay-not-in-loss: the loss has none of a weight decay of 0.1",
            ["W1"],
            ["W2"],
        ),
        (
            changed("W1", lambda g: np.clip(g, -0.1, 0.1)),
            "clipped-gradient: its entries are clipped at 0.1",
            ["W1"],
            ["W2"],
        ),
        (changed("b1", lambda g: np.full(6, g.sum())), "wrong-bias-gradient", ["b1"], ["b2"]),
        (changed("b2", lambda g: np.full(2, g.sum())), "wrong-bias-gradient", ["b2"], ["b1"]),
        (changed("b1", lambda g: g / 40), "wrong-bias-gradient: it averages", ["b1"], ["b2"]),
        (changed("W1", lambda g: 40 * g), "40 examples, it has to average", ["W1"], ["W2"]),
        (changed("W1", lambda g: g.T), "mismatched-shapes", ["W1"], ["W2"]),
        (changed("W1", lambda g: g * np.nan), "not finite", ["W1"], ["W2"]),
        (
            {name: 40 * value for name, value in gradients_of(parameters()).items()},
            "sums over the 40 examples, the loss averages",
            ["W1", "b1", "W2", "b2"],
            [],
        ),
        (
            {name: -value for name, value in gradients_of(parameters()).items()},
            "wrong-sign",
            ["W1", "b1", "W2", "b2"],
            [],
        ),
    ],
)
def test_the_bug_is_named_with_its_tensors(
    gradients: Arrays, bug: str, tensors: list[str], right: list[str]
) -> None:
    message = failure(gradients)
    assert bug in message
    assert f"{len(tensors)} of 4 tensors wrong" in message
    for name in tensors:
        assert f"  {name} (" in message
    correct = message.partition("correct: ")[2]
    assert all(name in correct for name in right)
    assert not any(name in correct.split(", ") for name in tensors)


def test_a_gradient_under_another_name_is_told() -> None:
    gradients = gradients_of(parameters())
    gradients["w1"] = gradients.pop("W1")
    assert "none was given; of no parameter: w1\n  W1 (3, 6)" in failure(gradients)


def test_gradients_besides_those_of_the_parameters_do_not_matter() -> None:
    gradients = {**gradients_of(parameters()), "dA1": np.zeros((40, 6))}
    assert_gradients_correct(loss_of, parameters(), gradients)


def test_a_loss_that_is_computed_from_something_else_is_told() -> None:
    elsewhere = parameters()
    with pytest.raises(AssertionError, match="the loss does not change with it"):
        assert_gradients_correct(lambda p: loss_of(elsewhere), parameters(), gradients_of)


def test_what_fits_no_pattern_gets_no_name() -> None:
    noise = np.random.default_rng(3).normal(size=(3, 6))
    assert "no way that has a name" in failure(changed("W1", lambda g: g + noise))


@pytest.mark.parametrize("factor", [1.3, 7.0, -3.0])
def test_one_number_alone_names_no_factor_by_chance(factor: float) -> None:
    with pytest.raises(AssertionError, match="no way that has a name"):
        assert_gradients_correct(lambda p: p**2, 3.0, 6.0 * factor)

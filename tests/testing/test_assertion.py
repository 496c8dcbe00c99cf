"""The gradient check as an assertion."""

import doctest
import functools
import re
from typing import Any

import numpy as np
import pytest

from nndiag.errors import UserCodeError
from nndiag.testing import assert_gradients_correct, assertion
from tests.testing.network import Arrays, X, Y, changed, failure, gradients_of, loss_of, parameters


@pytest.mark.parametrize("name", ["tanh", "relu"])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e4])
@pytest.mark.parametrize("seed", range(5))
def test_right_gradients_pass_at_any_scale(name: str, scale: float, seed: int) -> None:
    own = parameters(seed)
    assert_gradients_correct(
        lambda p: scale * loss_of(p, name=name),
        own,
        {key: scale * value for key, value in gradients_of(own, name=name).items()},
    )


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e4])
def test_wrong_gradients_fail_at_any_scale(scale: float) -> None:
    own = parameters()
    wrong = {key: scale * value for key, value in gradients_of(own).items()}
    wrong["W1"] = wrong["W1"] * (1 + 1e-4 * np.sin(np.arange(18.0)).reshape(3, 6))
    with pytest.raises(AssertionError, match="W1"):
        assert_gradients_correct(lambda p: scale * loss_of(p), own, wrong)


def test_the_numbers_are_shown() -> None:
    message = failure(changed("W1", lambda g: 3 * g))
    assert "relative error 0.667" in message  # |3g − g| / |3g|
    assert "cosine +1.000000   scale 3" in message
    assert "numerically" in message


def test_the_message_can_be_the_callers_and_short() -> None:
    message = failure(changed("W1", lambda g: -g), err_msg="exercise 3", verbose=False)
    assert message == "\nGradients are not correct\nexercise 3\n1 of 4 tensors wrong: W1"


def test_a_looser_tolerance_lets_more_pass() -> None:
    own = parameters()
    almost = {key: value * (1 + 1e-4) for key, value in gradients_of(own).items()}
    assert "1.0001 times" in failure(almost)
    assert_gradients_correct(loss_of, own, almost, rtol=1e-3)


@pytest.mark.parametrize(
    ("at_zero", "slope"),
    [(0.0, 0.0), (0.0, 1.0), (0.0, 0.5), (1e-7, 1.0), (5e-7, 1.0), (3e-6, 1.0), (-4e-6, 0.0)],
)
def test_a_kink_is_not_held_against_a_gradient(at_zero: float, slope: float) -> None:
    where = np.array([at_zero, 1.0, 2.0, -1.0])
    gradient = np.array([slope, 1.0, 1.0, 0.0])
    assert_gradients_correct(lambda w: np.maximum(w, 0).sum(), where, gradient)
    gradient[1] = -1.0
    with pytest.raises(AssertionError):
        assert_gradients_correct(lambda w: np.maximum(w, 0).sum(), where, gradient)


@pytest.mark.parametrize("seed", range(10))
def test_many_kinks_nearby_are_no_false_alarm(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(3000, 3)), rng.normal(size=(3000, 2))
    own = parameters(seed)
    loss = functools.partial(loss_of, x=x, y=y, name="relu")
    assert_gradients_correct(loss, own, gradients_of(own, x, y, name="relu"), most=20)


def test_differences_lost_in_rounding_are_not_held_against_a_gradient() -> None:
    assert_gradients_correct(lambda w: 1e8 + 1e-9 * np.sum(w), np.ones(3), np.full(3, 3e-9))


def test_strong_curvature_is_no_kink() -> None:
    where = np.array([1e-3, 1.0])
    assert_gradients_correct(lambda w: 1e4 * np.sum(w**2), where, 2e4 * where)
    with pytest.raises(AssertionError, match="wrong-sign"):
        assert_gradients_correct(lambda w: 1e4 * np.sum(w**2), where, -2e4 * where)


def test_a_large_tensor_is_sampled_and_still_caught() -> None:
    weights = np.random.default_rng(0).normal(size=(300, 300))
    calls = 0

    def loss(w: Any) -> float:
        nonlocal calls
        calls += 1
        return float(np.sum(w**2))

    assert_gradients_correct(loss, weights, 2 * weights, most=30)
    # Two for each entry and for a direction of all others, three for the loss, eight for its noise.
    assert calls == 2 * 30 + 2 + 3 + 8
    with pytest.raises(AssertionError, match="wrong-constant-factor: it is half"):
        assert_gradients_correct(loss, weights, weights, most=30)


@pytest.mark.parametrize("place", [(0, 0), (211, 17), (299, 299)])
def test_a_single_wrong_entry_of_a_large_tensor_is_caught(place: tuple[int, int]) -> None:
    weights = np.random.default_rng(0).normal(size=(300, 300))
    gradient = 2 * weights
    gradient[place] = 0.0
    with pytest.raises(AssertionError, match=re.escape(f"worst entry {list(place)}: 0, numeric")):
        assert_gradients_correct(lambda w: float(np.sum(w**2)), weights, gradient, most=30)


@pytest.mark.parametrize("shape", [(1, 6), (6, 1), (2, 3)])
def test_a_gradient_of_another_shape_than_its_parameter_is_refused(shape: tuple[int, ...]) -> None:
    message = failure(changed("b1", lambda g: g.reshape(shape)))
    assert f"mismatched-shapes: the gradient has shape {shape}, the parameter (6,)" in message
    assert "1 of 4 tensors wrong" in message


def test_float32_is_checked_as_far_as_it_goes() -> None:
    own = {name: value.astype(np.float32) for name, value in parameters().items()}
    x, y = X.astype(np.float32), Y.astype(np.float32)
    right = gradients_of(own, x, y)
    assert_gradients_correct(lambda: loss_of(own, x, y), own, right)
    with pytest.raises(AssertionError, match="wrong-sign"):
        assert_gradients_correct(lambda: loss_of(own, x, y), own, {**right, "W1": -right["W1"]})


def test_parameters_are_put_back_when_the_loss_fails() -> None:
    own = parameters()
    calls = 0

    def failing() -> float:
        nonlocal calls
        calls += 1
        if calls > 5:
            raise ZeroDivisionError
        return loss_of(own)

    with pytest.raises(ZeroDivisionError):
        assert_gradients_correct(failing, own, gradients_of(own))
    np.testing.assert_array_equal(own["W1"], parameters()["W1"])


def test_a_loss_that_changes_from_call_to_call_cannot_be_checked() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(AssertionError, match="changes from call to call"):
        assert_gradients_correct(lambda p: rng.normal() + p.sum(), np.ones(2), np.ones(2))


def test_a_loss_that_makes_the_update_itself_is_told_and_undone() -> None:
    own = parameters()

    def step() -> tuple[float, Arrays]:
        value, gradients = loss_of(own), gradients_of(own)
        own["W1"] -= 0.1 * gradients["W1"]  # in place
        own["b1"] = own["b1"] - 0.1 * gradients["b1"]  # a new array
        return value, gradients

    with pytest.raises(AssertionError, match="changes the parameters W1, b1 "):
        assert_gradients_correct(step, own)
    for name, value in parameters().items():
        np.testing.assert_array_equal(own[name], value)


def test_a_loss_that_is_not_finite_fails() -> None:
    with pytest.raises(AssertionError, match="the loss is nan"):
        assert_gradients_correct(lambda p: p.sum() * np.nan, np.ones(2), np.ones(2))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((lambda p: p.sum(),), "parameters are missing"),
        ((lambda p: p.sum(), np.ones(2)), "gradients are missing"),
        ((lambda p: p, np.ones(2), np.ones(2)), "not one number"),
        ((3, np.ones(2), np.ones(2)), "no loss to compute"),
        ((lambda p: 1.0, {"a": np.ones(2)}, {"b": np.ones(2), "c": 1.0}), "no parameter has a"),
        ((lambda p: 1.0, {"a": "text"}, {"a": 1.0}), "no tensor"),
        ((lambda p: 1.0, {"a": 1j * np.ones(2)}, {"a": np.ones(2)}), "complex128"),
    ],
)
def test_what_is_unclear_is_told(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(UserCodeError, match=message):
        assert_gradients_correct(*arguments)


def test_the_example_in_the_docstring_runs() -> None:
    assert doctest.testmod(assertion).failed == 0

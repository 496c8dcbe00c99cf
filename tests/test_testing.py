"""The gradient check as an assertion."""

import doctest
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nndiag.errors import UserCodeError
from nndiag.testing import assert_gradients_correct, assertion

Arrays = dict[str, Any]

X = np.random.default_rng(1).normal(size=(40, 3))
Y = np.random.default_rng(2).normal(size=(40, 2))


def parameters(seed: int = 0) -> Arrays:
    rng = np.random.default_rng(seed)
    return {
        "W1": rng.normal(size=(3, 6)),
        "b1": 0.1 * rng.normal(size=6),
        "W2": rng.normal(size=(6, 2)),
        "b2": 0.1 * rng.normal(size=2),
    }


def tanh_slope(z: Any) -> Any:
    return 1 - np.tanh(z) ** 2


ACTIVATIONS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "tanh": (np.tanh, tanh_slope),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0) * 1.0),
}


def loss_of(p: Arrays, x: Any = X, y: Any = Y, *, name: str = "tanh") -> float:
    hidden = ACTIVATIONS[name][0](x @ p["W1"] + p["b1"])
    return float(np.mean((hidden @ p["W2"] + p["b2"] - y) ** 2))


def gradients_of(p: Arrays, x: Any = X, y: Any = Y, *, name: str = "tanh") -> Arrays:
    value, slope = ACTIVATIONS[name]
    z = x @ p["W1"] + p["b1"]
    hidden = value(z)
    delta = 2 * (hidden @ p["W2"] + p["b2"] - y) / y.size
    back = delta @ p["W2"].T * slope(z)
    return {"W1": x.T @ back, "b1": back.sum(0), "W2": hidden.T @ delta, "b2": delta.sum(0)}


def failure(gradients: Any, **options: Any) -> str:
    own = options.pop("own", parameters())
    with pytest.raises(AssertionError) as caught:
        assert_gradients_correct(loss_of, own, gradients, **{"examples": 40, **options})
    return str(caught.value)


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


def changed(name: str, change: Callable[[Any], Any]) -> Arrays:
    gradients = gradients_of(parameters())
    return {**gradients, name: change(gradients[name])}


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
    assert calls <= 2 * 30 + 2
    with pytest.raises(AssertionError, match="wrong-constant-factor: it is half"):
        assert_gradients_correct(loss, weights, weights, most=30)


def test_float32_is_checked_as_far_as_it_goes() -> None:
    own = {name: value.astype(np.float32) for name, value in parameters().items()}
    x, y = X.astype(np.float32), Y.astype(np.float32)
    right = gradients_of(own, x, y)
    assert_gradients_correct(lambda: loss_of(own, x, y), own, right)
    with pytest.raises(AssertionError, match="wrong-sign"):
        assert_gradients_correct(lambda: loss_of(own, x, y), own, {**right, "W1": -right["W1"]})


class Network:
    """Parameters and gradients in dicts, loss and gradients from one method."""

    def __init__(self) -> None:
        self.params = parameters()

    def loss(self, x: Any, y: Any) -> tuple[float, Arrays]:
        return loss_of(self.params, x, y), gradients_of(self.params, x, y)


class Attributes:
    """Parameters and gradients in attributes, forward and backward apart."""

    def __init__(self, sign: float = 1.0) -> None:
        vars(self).update(parameters())
        self.sign = sign
        self.learning_rate = 0.1

    def loss(self, x: Any, y: Any) -> float:
        self.data = x, y
        return loss_of(vars(self), x, y)

    def backward(self) -> None:
        for name, value in gradients_of(vars(self), *self.data).items():
            setattr(self, f"d{name}", self.sign * value)


class Layer:
    def __init__(self, weights: Any, bias: Any) -> None:
        self.weights, self.bias = weights, bias
        self.grad_weights: Any = None
        self.grad_bias: Any = None


class Layers:
    """A list of layer objects."""

    def __init__(self) -> None:
        own = parameters()
        self.layers = [Layer(own["W1"], own["b1"]), Layer(own["W2"], own["b2"])]

    @property
    def own(self) -> Arrays:
        first, last = self.layers
        return {"W1": first.weights, "b1": first.bias, "W2": last.weights, "b2": last.bias}

    def compute_loss(self, x: Any, y: Any) -> Any:
        gradients = gradients_of(self.own, x, y)
        for number, layer in enumerate(self.layers, start=1):
            layer.grad_weights, layer.grad_bias = gradients[f"W{number}"], gradients[f"b{number}"]
        return loss_of(self.own, x, y)


def test_objects_are_checked_by_the_usual_names() -> None:
    assert_gradients_correct(Network(), arguments=(X, Y))
    assert_gradients_correct(Attributes(), arguments=(X, Y))
    assert_gradients_correct(Layers(), arguments=(X, Y))


def test_a_bug_of_an_object_is_named() -> None:
    with pytest.raises(AssertionError, match="4 of 4 tensors wrong\n\nwrong-sign") as caught:
        assert_gradients_correct(Attributes(sign=-1), arguments=(X, Y))
    assert "  W1 (3, 6)" in str(caught.value)
    layers = Layers()
    layers.layers[1].bias = layers.layers[1].bias.copy()
    original = layers.compute_loss

    def broken(x: Any, y: Any) -> Any:
        value = original(x, y)
        layers.layers[0].grad_weights = layers.layers[0].grad_weights * len(x)
        return value

    layers.compute_loss = broken  # type: ignore[method-assign]
    with pytest.raises(AssertionError, match=r"summed-instead-of-averaged.*\n  layers\[0\]\.wei"):
        assert_gradients_correct(layers, arguments=(X, Y))


def test_attributes_can_be_named() -> None:
    network = Attributes(sign=-1)
    with pytest.raises(AssertionError, match="1 of 1 tensor wrong"):
        assert_gradients_correct(network, ["W1"], arguments=(X, Y))


def test_a_name_that_no_attribute_has_is_told_with_those_there_are() -> None:
    with pytest.raises(UserCodeError, match="no tensor 'W3'") as caught:
        assert_gradients_correct(Attributes(), ["W3"], arguments=(X, Y))
    assert "W1, b1, W2, b2" in str(caught.value)


def test_functions_take_parameters_in_many_ways() -> None:
    own = parameters()
    right = gradients_of(own)
    listed = list(own.values())

    def separate(W1: Any, b1: Any, W2: Any, b2: Any) -> float:
        return loss_of({"W1": W1, "b1": b1, "W2": W2, "b2": b2})

    def both(p: Arrays) -> tuple[float, Arrays]:
        return loss_of(p), gradients_of(p)

    assert_gradients_correct(loss_of, own, gradients_of, arguments=(X, Y))
    assert_gradients_correct(separate, own, right)
    assert_gradients_correct(separate, listed, list(right.values()))
    assert_gradients_correct(separate, tuple(listed), tuple(right.values()))
    assert_gradients_correct(both, own)
    assert_gradients_correct(lambda: loss_of(own), own, right)
    assert_gradients_correct(lambda: loss_of(own), own, {f"d{k}": v for k, v in right.items()})
    assert_gradients_correct(lambda: both(own), own)
    assert_gradients_correct(lambda p: both(p)[::-1], own)
    assert_gradients_correct(lambda p: (np.array([loss_of(p)]), gradients_of(p)), own)


@pytest.mark.parametrize("parameter", [1.0, np.ones(3, int)])
def test_a_parameter_that_cannot_be_moved_in_place_is_told(parameter: Any) -> None:
    with pytest.raises(UserCodeError, match="moved in place"):
        assert_gradients_correct(lambda: float(np.sum(parameter**2)), parameter, 2 * parameter)


def test_integers_are_moved_as_the_floats_they_stand_for() -> None:
    own = np.arange(1, 4)
    assert_gradients_correct(lambda p: (p**2).sum(), own, 2 * own)
    with pytest.raises(AssertionError, match="wrong-sign"):
        assert_gradients_correct(lambda p: (p**2).sum(), own, -2 * own)


def test_plain_lists_and_numbers_are_parameters() -> None:
    def loss(p: Any) -> float:
        return float(sum(w * w for row in p["W"] for w in row) + 3 * p["b"])

    own = {"W": [[1.0, 2.0], [3.0, 4.0]], "b": 0.5}
    assert_gradients_correct(loss, own, {"W": [[2.0, 4.0], [6.0, 8.0]], "b": 3.0})
    with pytest.raises(AssertionError, match="1 of 2 tensors wrong"):
        assert_gradients_correct(loss, own, {"W": [[2.0, 4.0], [6.0, 8.0]], "b": 1.0})
    rows = [[1.0, 2.0], [3.0, 4.0]]  # read where they are
    assert_gradients_correct(
        lambda: sum(w * w for row in rows for w in row), rows, [[2.0, 4.0], [6.0, 8.0]]
    )
    assert rows == [[1.0, 2.0], [3.0, 4.0]]


def test_nothing_of_the_users_is_changed() -> None:
    own, network = parameters(), Attributes()
    before = {name: value.copy() for name, value in own.items()}
    assert_gradients_correct(lambda: loss_of(own), own, gradients_of(own))
    assert_gradients_correct(network, arguments=(X, Y))
    for name, value in before.items():
        np.testing.assert_array_equal(own[name], value)
        np.testing.assert_array_equal(getattr(network, name), parameters()[name])


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

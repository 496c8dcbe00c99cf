"""The forms in which a loss, its parameters and its gradients can be given."""

from typing import Any

import numpy as np
import pytest

from nndiag.errors import UserCodeError
from nndiag.testing import assert_gradients_correct
from tests.testing.network import Arrays, X, Y, gradients_of, loss_of, parameters


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

"""Functions that return cost and gradients are checked without being told which is which."""

import pytest

from nndiag.errors import UserCodeError

LAYERS = """\
import numpy as np
rng = np.random.default_rng(0)
X, y = rng.normal(size=(15, 3)), rng.normal(size=(15, 1))
parameters = {"W1": rng.normal(size=(3, 4)), "b1": np.zeros((1, 4)), "W2": rng.normal(size=(4, 1))}
weights = [parameters["W1"].copy(), parameters["W2"].copy()]

def backward(W1, b1, W2):
    hidden = np.tanh(X @ W1 + b1)
    residual = hidden @ W2 - y
    delta = 2 * residual / len(X)
    below = delta @ W2.T * (1 - hidden**2)
    return np.mean(residual**2), X.T @ below, below.sum(axis=0, keepdims=True), hidden.T @ delta

def by_name(p):
    cost, *found = backward(p["W1"], p["b1"], p["W2"])
    return cost, dict(zip(["dW1", "db1", "dW2"], found))

def by_key(p):
    cost, *found = backward(p["W1"], p["b1"], p["W2"])
    return dict(zip(p, found)), cost

def by_place(w):
    cost, first, _, last = backward(w[0], 0.0, w[1])
    return cost, [first, last]

def updated(p, grads):
    return {name: p[name] - 0.1 * grads["d" + name] for name in p}

class Net:
    def __init__(self):
        self.W1, self.b1, self.W2 = (value.copy() for value in parameters.values())

    def train(self):
        self.loss, self.dW1, self.db1, self.dW2 = backward(self.W1, self.b1, self.W2)

net = Net()
theta = np.zeros((3, 1))

def lone(theta):
    return np.mean((X @ theta - y) ** 2), 2 * X.T @ (X @ theta - y) / len(y)
"""
NAMED = ['parameters["W1"]', 'parameters["b1"]', 'parameters["W2"]']
CALLS = {
    "cost, grads = by_name(parameters)": NAMED,
    "grads, cost = by_key(parameters)": NAMED,
    "cost, grads = by_place(weights)": ["weights[0]", "weights[1]"],
    "net.train()": ["net.W1", "net.b1", "net.W2"],
    "cost, grad = lone(theta)": ["theta"],
    "cost, grads = by_name(parameters); parameters = updated(parameters, grads)": NAMED,
}


@pytest.mark.parametrize("call", CALLS)
def test_gradients_are_found_by_their_names(check, call):
    found = check(LAYERS, functions=call)
    assert found.correct
    assert [tensor.name for tensor in found.tensors] == CALLS[call]


def test_a_wrong_gradient_of_a_function_is_named(check):
    wrong = LAYERS.replace("below.sum(axis=0", "below.mean(axis=0")
    found = check(wrong, functions="cost, grads = by_name(parameters)")
    assert [item.problem for item in found.findings] == ["wrong-bias-gradient"]


def test_only_the_parameters_that_are_named_are_compared(check):
    call = "cost, grads = by_name(parameters)"
    found = check(LAYERS, functions=call, parameters=('parameters["W1"]',))
    assert [tensor.name for tensor in found.tensors] == ['parameters["W1"]']


def test_gradients_that_are_not_said_are_added_to_those_that_are(check):
    found = check(
        LAYERS,
        functions="cost, slopes = by_name(parameters); other = slopes.pop('dW1')",
        parameters=("parameters",),
        gradients={'parameters["W1"]': "other", 'parameters["b1"]': "slopes['db1']"},
    )
    assert found.correct
    assert [tensor.name for tensor in found.tensors] == NAMED


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("cost, slope = lone(theta)", ["they make cost, slope", "code.gradients"]),
        ("cost, s = lone(theta); theta = theta - 0.1 * s", ["parameters=…"]),
        ("cost, grads = by_nme(parameters)", ["by_nme", "not defined"]),
    ],
)
def test_what_cannot_be_found_is_asked_for(check, call, told):
    with pytest.raises(UserCodeError) as caught:
        check(LAYERS, functions=call)
    for words in told:
        assert words in str(caught.value)

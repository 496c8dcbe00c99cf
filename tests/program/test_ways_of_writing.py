"""Ways in which people write a right program, none of which may raise an alarm."""

import pytest

from nndiag.program.roles.status import Status

DATA = """\
import numpy as np
rng = np.random.default_rng(0)
X = rng.normal(size=(30, 3))
t = (X.sum(axis=1) + 0.3 * rng.normal(size=30) > 0).astype(float)
"""

OUTPUT_FROM_BEFORE = (
    DATA
    + """
def sigmoid(z):
    return 1 / (1 + np.exp(-z))
w = rng.normal(size=3)
y = sigmoid(X @ w)
for i in range(100):
    cost = -np.sum(t * np.log(y) + (1 - t) * np.log(1 - y))
    w += 0.1 * X.T @ (t - y)
    y = sigmoid(X @ w)
"""
)

LAZY_MOMENTUM = (
    DATA
    + """
class Layer:
    def __init__(self, inputs, units):
        self.W = 0.5 * rng.normal(size=(inputs, units))
        self.b = np.zeros(units)
class Optimizer:
    def update(self, layer):
        if not hasattr(layer, "velocity"):
            layer.velocity = np.zeros_like(layer.W)
            layer.bias_velocity = np.zeros_like(layer.b)
        layer.velocity = 0.9 * layer.velocity - 0.1 * layer.dW
        layer.bias_velocity = 0.9 * layer.bias_velocity - 0.1 * layer.db
        layer.W += layer.velocity
        layer.b += layer.bias_velocity
first, second = Layer(3, 6), Layer(6, 1)
optimizer = Optimizer()
for step in range(1000):
    hidden = np.tanh(X @ first.W + first.b)
    out = (hidden @ second.W + second.b)[:, 0]
    loss = 0.5 * np.mean((out - t) ** 2)
    delta = ((out - t) / len(t))[:, None]
    second.dW, second.db = hidden.T @ delta, delta.sum(axis=0)
    delta = delta @ second.W.T * (1 - hidden ** 2)
    first.dW, first.db = X.T @ delta, delta.sum(axis=0)
    optimizer.update(first)
    optimizer.update(second)
"""
)

CROWDED_KINKS = """\
import numpy as np
rng = np.random.default_rng(1)
X = 0.02 * rng.normal(size=(300, 2))
t = rng.normal(size=(300, 1))
W1, b1 = 0.01 * rng.normal(size=(2, 128)), np.zeros((1, 128))
W2, b2 = 0.01 * rng.normal(size=(128, 1)), np.zeros((1, 1))
for step in range(100):
    z = X @ W1 + b1
    h = np.maximum(0, z)
    out = h @ W2 + b2
    loss = np.mean((out - t) ** 2)
    d = 2 * (out - t) / len(X)
    dz = d @ W2.T * (z > 0)
    W2 -= 0.1 * h.T @ d
    b2 -= 0.1 * d.sum(axis=0, keepdims=True)
    W1 -= 0.1 * X.T @ dz
    b1 -= 0.1 * dz.sum(axis=0, keepdims=True)
"""

BATCHES_BY_NEXT = (
    DATA
    + """
def batches():
    while True:
        order = np.random.permutation(len(X))
        for start in range(0, len(X), 10):
            yield X[order[start:start + 10]], t[order[start:start + 10]]
source = batches()
w, b = rng.normal(size=3), 0.0
for step in range(200):
    inputs, targets = next(source)
    mask = np.random.rand(*inputs.shape) < 0.8
    inputs = inputs * mask
    error = inputs @ w + b - targets
    loss = np.mean(error ** 2) / 2
    w = w - 0.1 * inputs.T @ error / len(error)
    b = b - 0.1 * error.mean()
"""
)

SINGLE_WEIGHT = """\
import numpy as np
x = np.linspace(0, 1, 10).reshape(-1, 1)
y = 3 * x
w, lr, smooth = 0.5, 0.1, 0.0
for epoch in range(100):
    out = w * x
    loss = ((out - y) ** 2).mean()
    smooth = 0.9 * smooth + 0.1 * loss
    w -= lr * (2 * (out - y) * x).mean()
    lr *= 0.99
"""

EXAMPLES_ONE_BY_ONE_AS_COLUMNS = """\
import numpy as np
rng = np.random.default_rng(0)
X = rng.normal(size=(20, 3))
T = rng.normal(size=(20, 2))
W1, b1 = rng.normal(size=(5, 3)), np.zeros((5, 1))
W2, b2 = rng.normal(size=(2, 5)), np.zeros((2, 1))
for epoch in range(50):
    for row in range(len(X)):
        x, t = X[row][:, None], T[row][:, None]
        a = np.tanh(W1 @ x + b1)
        delta = 2 * (W2 @ a + b2 - t)
        loss = np.sum((W2 @ a + b2 - t) ** 2)
        back = W2.T @ delta * (1 - a ** 2)
        W2, b2 = W2 - 0.01 * delta @ a.T, b2 - 0.01 * delta
        W1, b1 = W1 - 0.01 * back @ x.T, b1 - 0.01 * back
"""

FUNCTIONS_IN_A_FUNCTION = """\
import numpy as np
def main(rate=0.1):
    rng = np.random.default_rng(0)
    def made(sizes):
        found = {}
        for layer in range(len(sizes) - 1):
            found[f"W{layer}"] = rng.normal(size=(sizes[layer], sizes[layer + 1]))
        return found
    def gradients(hidden, out):
        delta = 2 * (out - y) / len(x)
        total = 0.0
        for value in delta.flat:
            total += value
        return x.T @ (delta @ p["W1"].T * (1 - hidden ** 2)), hidden.T @ delta
    x = rng.normal(size=(40, 2))
    y = np.sin(x[:, :1])
    p = made([2, 6, 1])
    for step in range(300):
        hidden = np.tanh(x @ p["W0"])
        out = hidden @ p["W1"]
        loss = np.mean((out - y) ** 2)
        first, second = gradients(hidden, out)
        p["W0"] -= rate * first
        p["W1"] -= rate * second
main()
"""

MOMENTUM_IN_ROWS = """\
import math, random
random.seed(1)
w = [[random.uniform(-1, 1) for _ in range(2)] for _ in range(3)]
dw = [[0.0] * 2 for _ in range(3)]
v, dv = [random.uniform(-1, 1) for _ in range(3)], [0.0] * 3
patterns = [([0.2, 0.1], 0.3), ([0.1, 1.0], 0.8), ([1.0, 0.3], 0.7)]
for step in range(300):
    for x, t in patterns:
        h = [math.tanh(sum(a * b for a, b in zip(row, x))) for row in w]
        error = sum(a * b for a, b in zip(v, h)) - t
        loss = 0.5 * error ** 2
        back = [error * v[i] * (1 - h[i] ** 2) for i in range(3)]
        for i in range(3):
            dv[i] = 0.8 * dv[i] - 0.1 * error * h[i]
            v[i] += dv[i]
            for j in range(2):
                dw[i][j] = 0.8 * dw[i][j] - 0.1 * back[i] * x[j]
                w[i][j] += dw[i][j]
"""

GRADIENT_OF_THE_INPUTS = (
    DATA
    + """
class Dense:
    def __init__(self, inputs, units):
        self.W = 0.5 * rng.normal(size=(inputs, units))
    def forward(self, inputs):
        self.inputs = inputs
        return np.tanh(inputs @ self.W)
    def backward(self, out, delta):
        delta = delta * (1 - out ** 2)
        dX = delta @ self.W.T
        self.W -= 0.1 * self.inputs.T @ delta
        return dX
first, second = Dense(3, 6), Dense(6, 1)
for step in range(300):
    hidden = first.forward(X)
    out = second.forward(hidden)
    loss = 0.5 * np.mean((out - t[:, None]) ** 2)
    first.backward(hidden, second.backward(out, (out - t[:, None]) / len(X)))
"""
)


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        pytest.param(
            EXAMPLES_ONE_BY_ONE_AS_COLUMNS,
            {"W1", "b1", "W2", "b2"},
            id="examples one by one, as columns",
        ),
        pytest.param(
            FUNCTIONS_IN_A_FUNCTION,
            {'p["W0"]', 'p["W1"]'},
            id="functions in a function, with loops",
        ),
        pytest.param(MOMENTUM_IN_ROWS, {"w", "v"}, id="momentum in rows of lists"),
        pytest.param(
            GRADIENT_OF_THE_INPUTS, {"first.W", "second.W"}, id="a gradient of the inputs, too"
        ),
        pytest.param(SINGLE_WEIGHT, {"w"}, id="a single weight"),
        pytest.param(BATCHES_BY_NEXT, {"w", "b"}, id="batches drawn by next"),
        pytest.param(OUTPUT_FROM_BEFORE, {"w"}, id="output of the iteration before"),
        pytest.param(
            LAZY_MOMENTUM,
            {"first.W", "first.b", "second.W", "second.b"},
            id="momentum made in the first iteration",
        ),
        pytest.param(CROWDED_KINKS, {"W1", "b1", "W2", "b2"}, id="kinks closer than any change"),
    ],
)
def test_is_right(check, text, parameters):
    found = check(text)
    assert found.correct
    assert not found.findings
    assert {tensor.name for tensor in found.tensors} == parameters
    assert all(tensor.verdict is Status.RIGHT for tensor in found.tensors)


def test_mends_a_function_in_a_function_that_has_a_loop(check):
    found = check(FUNCTIONS_IN_A_FUNCTION.replace("(1 - hidden ** 2)", "(1 - hidden)"))
    assert [item.problem for item in found.findings] == ["wrong-activation-derivative"]
    assert "1 - hidden ** 2" in found.fixed_text


def test_takes_variables_of_the_function_around_that_are_set_in_the_step_for_parameters(check):
    text = """\
import numpy as np
def main(rate=0.1):
    x = np.linspace(-1, 1, 20)
    y = 2 * x + 1
    w, b = 0.3, 0.0
    def step():
        nonlocal w, b
        error = w * x + b - y
        w -= rate * 2 * np.mean(error * x)
        b -= rate * 2 * np.mean(error)
        return np.mean(error ** 2)
    for epoch in range(100):
        loss = step()
main()
"""
    found = check(text)
    assert found.correct
    assert {tensor.name for tensor in found.tensors} == {"w", "b"}


ONE_OUTPUT = """\
import numpy as np
np.random.seed(3)
def sigmoid(z):
    return 1 / (1 + np.exp(-z))
def slope(a):
    return a * (1 - a)
class Network:
    def __init__(self):
        self.weights = [2 * np.random.random((3, 4)) - 1, 2 * np.random.random((4, 1)) - 1]
    def fit(self, X, y, rate=0.2, epochs=5000):
        for k in range(epochs):
            i = np.random.randint(len(X))
            a = [X[i]]
            for weights in self.weights:
                a.append(sigmoid(a[-1] @ weights))
            deltas = [(y[i] - a[-1]) * slope(a[-1])]
            deltas.append(deltas[-1] @ self.weights[1].T * slope(a[1]))
            for l, delta in enumerate(reversed(deltas)):
                self.weights[l] += rate * np.outer(a[l], delta)
X = np.array([[1.0, 0.1, 0.2], [1.0, 0.3, 1.0], [1.0, 0.9, 0.2], [1.0, 0.7, 0.8]])
Network().fit(X, np.array([0.0, 1.0, 1.0, 0.0]))
"""


def test_takes_an_example_that_is_picked_out_for_no_state_of_an_optimizer(check):
    """`a[0]` is made in the first iteration, is as large as a tensor and acts on it."""
    found = check(ONE_OUTPUT)
    assert found.correct
    assert {tensor.name: tensor.verdict for tensor in found.tensors} == {
        "self.weights[0]": Status.RIGHT,
        "self.weights[1]": Status.RIGHT,
    }


COURSE_EXERCISE = """\
import numpy as np
from scipy import optimize
rng = np.random.default_rng(0)
X = rng.normal(size=(30, 3))
y = (X[:, 0] + 0.5 * rng.normal(size=30) > 0).astype(float)
def cost(theta, X, y, decay):
    h = 1 / (1 + np.exp(-X @ theta))
    fit = -np.mean(y * np.log(h) + (1 - y) * np.log(1 - h))
    return fit + decay / (2 * len(y)) * np.sum(theta[1:] ** 2)
def slope(theta, X, y, decay):
    h = 1 / (1 + np.exp(-X @ theta))
    kept = np.concatenate([[0], theta[1:]])
    return X.T @ (h - y) / len(y) + decay / len(y) * kept
theta = np.zeros(3)
best = optimize.fmin_cg(cost, fprime=slope, x0=theta, args=(X, y, 1.0), maxiter=20, disp=False)
"""


def test_checks_the_gradient_that_an_optimizer_of_scipy_is_handed(check):
    found = check(COURSE_EXERCISE)
    assert found.correct
    assert (found.loss.text, [tensor.name for tensor in found.tensors]) == ("cost_", ["theta"])
    assert found.functions.splitlines()[0] == "cost_ = cost(theta, X, y, 1.0)"


def test_sees_a_wrong_gradient_that_an_optimizer_of_scipy_is_handed(check):
    found = check(COURSE_EXERCISE.replace("@ (h - y) /", "@ (y - h) /"))
    assert not found.correct


ADAM_IN_AN_OBJECT = """\
import numpy as np
rng = np.random.default_rng(0)
class Adam:
    def __init__(self, rate=0.01):
        self.rate, self.t, self.m, self.v = rate, 0, {}, {}
    def update(self, p, grads):
        self.t += 1
        for key in p:
            if key not in self.m:
                self.m[key], self.v[key] = np.zeros_like(p[key]), np.zeros_like(p[key])
            self.m[key] = 0.9 * self.m[key] + 0.1 * grads[key]
            self.v[key] = 0.999 * self.v[key] + 0.001 * grads[key] ** 2
            m = self.m[key] / (1 - 0.9 ** self.t)
            v = self.v[key] / (1 - 0.999 ** self.t)
            p[key] -= self.rate * m / (np.sqrt(v) + 1e-8)
X = rng.random((40, 3))
Y = X[:, :1] - 2.0
p = {"W1": rng.random((3, 6)), "b1": np.zeros(6), "W2": rng.random((6, 1)), "b2": np.zeros(1)}
adam = Adam()
for epoch in range(300):
    h = np.maximum(X @ p["W1"] + p["b1"], 0)
    out = h @ p["W2"] + p["b2"]
    loss = np.mean((out - Y) ** 2)
    d = 2 * (out - Y) / len(X)
    dh = d @ p["W2"].T * (h > 0)
    adam.update(p, {"W1": X.T @ dh, "b1": dh.sum(0), "W2": h.T @ d, "b2": d.sum(0)})
"""


def test_takes_first_moments_of_one_sign_for_no_squares(check):
    """All outputs are too large, all features positive: so is the whole gradient."""
    assert check(ADAM_IN_AN_OBJECT).correct


def test_mends_the_gradient_and_not_an_adaptive_optimizer_of_whose_step_it_sees_the_sign(check):
    """`m / grads[key]` has the sign of the way downhill too, where the gradient is positive."""
    found = check(ADAM_IN_AN_OBJECT.replace("2 * (out - Y)", "2 * (Y - out)"))
    assert [item.problem for item in found.findings] == ["wrong-sign"]
    assert [repair.after for repair in found.repairs] == ["d = 2 * (out - Y) / len(X)"]


def test_names_a_wrong_sign_where_the_output_comes_from_the_iteration_before(check):
    found = check(OUTPUT_FROM_BEFORE.replace("(t - y)\n", "(y - t)\n"))
    assert [item.problem for item in found.findings] == ["wrong-sign"]


CONSTANT_INPUT = """\
import math, random
random.seed(1)
w = [random.uniform(-1, 1) for _ in range(3)]
v = random.uniform(-1, 1)
inputs = [1.0] * 3
patterns = [([0.2, 0.1], 0.3), ([0.1, 1.0], 0.8), ([1.0, 0.3], 0.7)]
for step in range(300):
    for x, t in patterns:
        inputs[0], inputs[1] = x
        h = math.tanh(sum(a * b for a, b in zip(inputs, w)))
        error = v * h - t
        loss = 0.5 * error ** 2
        back = error * v * (1 - h * h)
        v -= 0.1 * error * h
        for i in range(3):
            w[i] -= 0.1 * back * inputs[i]
"""


def test_takes_no_input_buffer_for_a_parameter(check):
    found = check(CONSTANT_INPUT)
    assert found.correct
    assert {tensor.name for tensor in found.tensors} == {"w", "v"}


def test_finds_the_loop_of_a_step_that_has_only_the_sign_of_the_errors(check):
    text = """\
import numpy as np
rng = np.random.default_rng(0)
X = rng.normal(size=(20, 1))
y = np.sin(X)
W1, b1 = rng.normal(size=(1, 5)), np.zeros((1, 5))
W2, b2 = rng.normal(size=(5, 1)), np.zeros((1, 1))
for epoch in range(100):
    a = np.tanh(X @ W1 + b1)
    out = a @ W2 + b2
    loss = np.mean(np.abs(out - y))
    d = np.sign(out - y) / len(X)
    d1 = d @ W2.T * (1 - a ** 2)
    W2 -= 0.01 * a.T @ d
    b2 -= 0.01 * d.sum(axis=0, keepdims=True)
    W1 -= 0.01 * X.T @ d1
    b1 -= 0.01 * d1.sum(axis=0, keepdims=True)
"""
    found = check(text)
    assert found.correct
    assert {tensor.name for tensor in found.tensors} >= {"W1", "b1", "W2"}


def test_takes_no_loop_over_layers_for_the_training_loop(check):
    text = """\
import numpy as np
rng = np.random.default_rng(0)
X = rng.normal(size=(20, 2))
Y = rng.normal(size=(20, 1))
class Layer:
    def __init__(self, inputs, units):
        self.W = rng.normal(size=(inputs, units))
    def forward(self, x):
        self.x, self.out = x, np.tanh(x @ self.W)
        return self.out
    def backward(self, error):
        delta = error * (1 - self.out ** 2)
        back = delta @ self.W.T
        self.W -= 0.05 * self.x.T @ delta
        return back
layers = [Layer(2, 4), Layer(4, 3), Layer(3, 1)]
for epoch in range(100):
    out = X
    for layer in layers:
        out = layer.forward(out)
    loss = 0.5 * np.sum((out - Y) ** 2)
    error = out - Y
    for layer in reversed(layers):
        error = layer.backward(error)
"""
    found = check(text)
    assert found.correct
    assert {tensor.name for tensor in found.tensors} == {f"layers[{n}].W" for n in range(3)}


def test_finds_parameters_that_the_first_example_leaves_as_they_are(check):
    text = """\
import math
w, v, c = [0.3, -0.4], 0.5, 0.1
patterns = [([0.0, 0.0], 0.3), ([0.1, 1.0], 0.8), ([1.0, 0.3], 0.7)]
for step in range(300):
    for x, t in patterns:
        h = math.tanh(sum(a * b for a, b in zip(x, w)) + c)
        error = v * h - t
        loss = 0.5 * error ** 2
        back = error * v * (1 - h * h)
        v -= 0.1 * error * h
        c -= 0.1 * back
        for i in range(2):
            w[i] -= 0.1 * back * x[i]
"""
    found = check(text)
    assert found.correct
    assert {tensor.name for tensor in found.tensors} == {"w", "v", "c"}


def test_finds_weights_of_which_most_belong_to_inputs_that_are_zero(check):
    text = """\
import numpy as np
rng = np.random.default_rng(0)
X = rng.normal(size=(30, 9))
X[:, [0, 1, 2, 3, 5, 7, 8]] = 0
Y = np.sin(X[:, 4:5])
V, W = rng.normal(size=(9, 4)) * 0.4, rng.normal(size=(4, 1)) * 0.4
for i in range(50):
    h = np.tanh(X @ V)
    out = h @ W
    loss = np.mean((out - Y) ** 2)
    d = 2 * (out - Y) / len(X)
    V -= 0.1 * X.T @ (d @ W.T * (1 - h ** 2))
    W -= 0.1 * h.T @ d
"""
    found = check(text)
    assert found.correct
    assert {tensor.name for tensor in found.tensors} == {"V", "W"}


def test_finds_all_parameters_beside_a_long_list_of_examples(check):
    text = """\
import random
random.seed(0)
x = [[random.gauss(0, 1), random.gauss(0, 1)] for _ in range(3000)]
y = [1.0 if a + b > 0.6 else 0.0 for a, b in x]
w = [[random.gauss(0, 1) for _ in range(3)] for _ in range(2)]
b, v, c = [0.0] * 3, [random.gauss(0, 1) for _ in range(3)], [0.0]
for i in range(len(x)):
    h = [max(0.0, w[0][k] * x[i][0] + w[1][k] * x[i][1] + b[k]) for k in range(3)]
    out = sum(v[k] * h[k] for k in range(3)) + c[0]
    loss = 0.5 * (out - y[i]) ** 2
    d = out - y[i]
    for k in range(3):
        back = d * v[k] * (h[k] > 0)
        v[k] -= 0.01 * d * h[k]
        w[0][k] -= 0.01 * back * x[i][0]
        w[1][k] -= 0.01 * back * x[i][1]
        b[k] -= 0.01 * back
    c[0] -= 0.01 * d
"""
    found = check(text)
    assert found.correct
    assert {tensor.name for tensor in found.tensors} == {"w", "b", "v", "c"}


ONE_LAYER = """\
import numpy as np
x = np.array([[-2.0, -1.0, 1.5, 2.0]])
t = np.array([[0.0, 1.0, 0.0, 1.0]])
W, b = [None, np.array([[0.4]])], [None, np.array([[0.2]])]
for step in range(100):
    kept = [x]
    for layer in range(1, len(W)):
        kept.append(1 / (1 + np.exp(-(W[layer] @ kept[-1] + b[layer]))))
    out = kept[-1]
    cost = -np.mean(t * np.log(out) + (1 - t) * np.log(1 - out))
    back = (1 - t) / (1 - out) - t / out
    for layer in range(len(W) - 1, 0, -1):
        delta = back * kept[layer] * (1 - kept[layer]) / 4
        back = W[layer].T @ delta
        W[layer] -= 0.5 * delta @ kept[layer - 1].T
        b[layer] -= 0.5 * delta.sum(axis=1, keepdims=True)
"""


def test_finds_the_loop_around_a_loop_over_the_only_layer(check):
    found = check(ONE_LAYER)
    assert found.correct
    assert found.loop.endswith(":5")


PACKED = """\
import numpy as np
rng = np.random.default_rng(0)
X = rng.normal(size=(60, 8))
X[:, 3] = 0
Y = np.sin(X[:, :1]) + X[:, 1:2] * 0.3
theta = rng.normal(size=8 * 10 + 10 + 10 + 1) * 0.5
def forward(theta):
    V, c = theta[:80].reshape(8, 10), theta[80:90]
    w, b = theta[90:100].reshape(10, 1), theta[100]
    z = X @ V + c
    h = np.maximum(z, 0)
    return z, h, h @ w + b, w
for i in range(300):
    z, h, out, w = forward(theta)
    loss = np.mean((out - Y) ** 2)
    d = 2 * (out - Y) / len(X)
    back = d @ w.T * (z > 0)
    dw, db = (h.T @ d).ravel(), [d.sum()]
    theta -= 0.05 * np.concatenate([(X.T @ back).ravel(), back.sum(0), dw, db])
"""


def test_raises_no_alarm_on_idle_entries_of_a_packed_vector(check):
    assert check(PACKED).correct  # weights of an input that is always zero never move


def test_sees_the_one_entry_of_a_packed_vector_that_never_moves(check):
    found = check(PACKED.replace("[d.sum()]", "[0.0]"))
    assert [one.problem for one in found.findings] == ["gradient-never-computed"]
    assert "keeps 1 of its 101 entries" in found.findings[0].message


RECURRENT = """\
import numpy as np
rng = np.random.default_rng(1)
inputs, wanted = rng.normal(size=(60, 2, 1)), rng.normal(size=(60, 1, 1))
U, W, V = (0.4 * rng.normal(size=size) for size in ((3, 2), (3, 3), (1, 3)))
b = np.zeros((3, 1))
place = 0
for step in range(80):
    if place + 4 > len(inputs) or step == 0:
        state, place = np.zeros((3, 1)), 0
    held, cost = [state], 0.0
    errors = []
    for t in range(place, place + 4):
        held.append(np.tanh(U @ inputs[t] + W @ held[-1] + b))
        errors.append(V @ held[-1] - wanted[t])
        cost += 0.5 * np.sum(errors[-1] ** 2)
    dU, dW, dV, db = (np.zeros_like(item) for item in (U, W, V, b))
    later = np.zeros_like(b)
    for t in reversed(range(4)):
        dV += errors[t] @ held[t + 1].T
        inside = (V.T @ errors[t] + later) * (1 - held[t + 1] ** 2)
        dU += inside @ inputs[place + t].T
        dW += inside @ held[t].T
        db += inside
        later = W.T @ inside
    for item, slope in ((U, dU), (W, dW), (V, dV), (b, db)):
        item -= 0.02 * slope
    state, place = held[-1], place + 4
"""


def test_takes_the_state_of_a_recurrent_network_for_no_memory_of_gradients(check):
    found = check(RECURRENT)  # as large as the biases, carried over, made from their products
    assert found.correct
    assert {tensor.name for tensor in found.tensors} == {"U", "W", "V", "b"}


LABELLED_ROWS = """\
import random
from math import exp
random.seed(1)
rows = [[random.random(), random.random(), number % 2] for number in range(12)]
units = [[random.uniform(-1, 1) for _ in range(3)] for _ in range(2)]
for epoch in range(20):
    cost = 0.0
    for row in rows:
        outs = []
        for unit in units:
            total = unit[-1]
            for j in range(2):
                total += unit[j] * row[j]
            outs.append(1 / (1 + exp(-total)))
        wanted = [0, 0]
        wanted[row[-1]] = 1
        for unit, out, aim in zip(units, outs, wanted):
            cost += 0.5 * (out - aim) ** 2
            delta = (out - aim) * out * (1 - out)
            for j in range(2):
                unit[j] -= 0.3 * delta * row[j]
            unit[-1] -= 0.3 * delta
"""


def test_reads_rows_that_end_with_their_class(check):
    assert check(LABELLED_ROWS).correct


def test_trying_expressions_spoils_no_row(check):
    found = check(LABELLED_ROWS.replace("            unit[-1] -= 0.3 * delta\n", ""))
    assert [one.problem for one in found.findings] == ["gradient-never-computed"]


FADING_BEFORE_MEMORY = """\
import numpy as np
rng = np.random.default_rng(2)
x = rng.uniform(-2, 2, (40, 1))
y = np.abs(x)
W, b = rng.normal(size=(1, 6)), rng.normal(size=6)
V, c = 0.3 * rng.normal(size=(6, 1)), np.zeros(1)
memory, rate = {}, 0.05
def adam(key, step):
    mean, square, count = memory.get(key, (0.0, 0.0, 0))
    mean, square = 0.9 * mean + 0.1 * step, 0.999 * square + 0.001 * step ** 2
    memory[key] = mean, square, count + 1
    square = square / (1 - 0.999 ** (count + 1))
    return 0.01 * mean / (1 - 0.9 ** (count + 1)) / (square ** 0.5 + 1e-30)
for step in range(120):
    h = np.tanh(x @ W + b)
    error = h @ V + c - y
    loss = np.mean(error ** 2)
    back = 2 * error / len(x)
    inside = back @ V.T * (1 - h ** 2)
    V -= adam("V", rate * h.T @ back)
    c -= adam("c", rate * back.sum(0))
    W -= adam("W", rate * x.T @ inside)
    b -= adam("b", rate * inside.sum(0))
    rate *= 0.95
"""


def test_takes_a_fading_rate_before_an_optimizer_s_memory_for_no_share_of_it(check):
    assert check(FADING_BEFORE_MEMORY).correct


LINE_FROM_ZERO = """\
import numpy as np
x = np.array([1.0, 2.0, 3.0, 4.0])
t = np.array([2.0, 5.0, 8.0, 11.0])
slope = height = 0
for turn in range(60):
    given = slope * x + height
    cost = (1 / 4) * sum((t - given) ** 2)
    by_slope = -(2 / 4) * sum(x * (t - given))
    by_height = -(2 / 4) * sum(t - given)
    slope = slope + 0.01 * by_slope
    height = height + 0.01 * by_height
"""


def test_turns_the_update_around_where_the_gradient_of_single_numbers_is_right(check):
    found = check(LINE_FROM_ZERO)
    assert [one.problem for one in found.findings] == ["wrong-sign"]
    assert "    slope = slope - 0.01 * by_slope\n" in found.fixed_text
    assert "    height = height - 0.01 * by_height\n" in found.fixed_text

"""Layers, output, targets and loss of programs in several styles, told from one iteration."""

import numpy as np
import pytest

from nndiag.own_program.mirror import mirror_of
from nndiag.own_program.watching import SeenSteps
from nndiag.program.child.plain import as_plain
from nndiag.program.running.task import watch
from nndiag.program.text.settings import CodeSettings

LABELS = np.arange(30) % 3

HEAD = """
import numpy as np
rng = np.random.default_rng(4)
labels = np.arange(30) % 3
X = rng.normal(size=(30, 4)) * {size} + labels[:, None]
W = rng.normal(size=(4, 6)) * {start}
b = np.zeros(6)
V = rng.normal(size=(6, 3)) * {start}
c = np.zeros(3)
"""
ROWS = """
for step in range(12):
    h = np.maximum(0, X @ W + b)
    s = h @ V + c
    e = np.exp(s - s.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    {loss}
    d = p.copy()
    d[range(30), labels] -= 1
    d /= 30
    g = (d @ V.T) * (h > 0)
    V -= 0.1 * h.T @ d
    c -= 0.1 * d.sum(axis=0)
    W -= 0.1 * X.T @ g
    b -= 0.1 * g.sum(axis=0)
"""
OWN = "loss = -np.log(p[np.arange(30), labels]).mean()"
COLUMNS = """
W, V, b, c, X = W.T, V.T, b[:, None], c[:, None], X.T
Y = np.eye(3)[labels].T

def act(z):
    return np.where(z > 0, z, 0.2 * z), z

def forward(a, layers):
    memory = []
    for w, offset in layers:
        before, (a, z) = a, act(w.dot(a) + offset)
        memory.append((before, z))
    return 1 / (1 + np.exp(-z)), memory

for step in range(12):
    layers = [(W, b), (V, c)]
    A, memory = forward(X, layers)
    cost = -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / 30
    s = 1 / (1 + np.exp(-memory[1][1]))
    d = -(Y / A - (1 - Y) / (1 - A)) * s * (1 - s) / 30
    g = V.T.dot(d) * np.where(memory[0][1] > 0, 1, 0.2)
    V = V - 0.1 * d.dot(memory[1][0].T)
    c = c - 0.1 * d.sum(axis=1, keepdims=True)
    W = W - 0.1 * g.dot(X.T)
    b = b - 0.1 * g.sum(axis=1, keepdims=True)
"""
LISTS = """
import math, random
random.seed(1)
data = [([0.5, -1.0], 1), ([1.0, 0.2], 0), ([-0.3, 0.8], 1), ([0.9, 0.9], 0), ([-1.0, 0.1], 0)]
w = [[random.gauss(0, 1) for _ in range(2)] for _ in range(3)]
b = [0.1, 0.0, -0.1]
v = [random.gauss(0, 1) for _ in range(3)]
c = 0.0
for step in range(12):
    gw, gb, gv, gc, total = [[0.0] * 2 for _ in range(3)], [0.0] * 3, [0.0] * 3, 0.0, 0.0
    for x, t in data:
        h = []
        for row, offset in zip(w, b):
            z = offset
            for weight, value in zip(row, x):
                z += weight * value
            h.append(math.tanh(z))
        o = sum(weight * value for weight, value in zip(v, h)) + c
        total += (o - t) ** 2 / 5
        d = 2 * (o - t) / 5
        gc += d
        for j in range(3):
            gv[j] += d * h[j]
            e = d * v[j] * (1 - h[j] ** 2)
            gb[j] += e
            for i in range(2):
                gw[j][i] += e * x[i]
    for j in range(3):
        v[j] -= 0.1 * gv[j]
        b[j] -= 0.1 * gb[j]
        for i in range(2):
            w[j][i] -= 0.1 * gw[j][i]
    c -= 0.1 * gc
    print(total)
"""
BATCHES = """
order = np.random.default_rng(0)
for epoch in range(4):
    places = order.permutation(30)
    for start in range(0, 30, 10):
        picked = places[start:start + 10]
        x, y = X[picked], labels[picked]
        z = np.tanh(x @ W + b) @ V + c
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        p[np.arange(10), y] -= 1
        d = p / 10
        h = np.tanh(x @ W + b)
        g = (d @ V.T) * (1 - h ** 2)
        V -= 0.1 * h.T @ d
        c -= 0.1 * d.sum(axis=0)
        W -= 0.1 * x.T @ g
        b -= 0.1 * g.sum(axis=0)
"""


@pytest.fixture
def told(tmp_path):
    """Writes a program, and gives what is told of it."""

    def watched(text, *, size=1.0, start=0.5, **parts):
        path = tmp_path / "net.py"
        if text not in (LISTS, OBJECTS):
            text = HEAD.format(size=size, start=start) + (text.format(**parts) if parts else text)
        path.write_text(text)
        seen = SeenSteps()
        ending = watch({"settings": as_plain(CodeSettings(script=str(path)))}, seen.take)
        return {**seen.told, **ending}

    return watched


def layers(found):
    return [(x["weights"], x["biases"], x["activation"]) for x in found["links"]]


@pytest.mark.parametrize("loss", [OWN, ""])
def test_labels_that_pick_probabilities_are_targets(told, loss):
    found = told(ROWS, loss=loss)
    assert layers(found) == [("W", "b", "relu"), ("V", "c", "linear")]
    assert (found["output"]["activation"], found["kind"]) == ("softmax", "softmax_cross_entropy")
    assert np.array_equal(found["data"][1], np.eye(3)[LABELS])
    assert found["factor"] == pytest.approx(1 / 30)
    assert np.isfinite(found["rows"][:, 0]).all()


def test_saturated_and_dead_units_hide_no_layer(told):
    found = told(ROWS, loss=OWN, size=255.0, start=20.0)
    assert layers(found) == [("W", "b", "relu"), ("V", "c", "linear")]
    assert np.array_equal(found["data"][1], np.eye(3)[LABELS])


def test_targets_follow_from_a_loss_that_takes_no_difference(told):
    found = told(COLUMNS)
    assert [x["slope"] for x in found["links"]] == [0.2, None]
    assert [x["turned"] for x in found["links"]] == [False, False]
    assert (found["output"]["activation"], found["kind"]) == ("sigmoid", "binary_cross_entropy")
    assert np.array_equal(found["data"][1], np.eye(3)[LABELS])


ONE_UNIT = """
y = X[:, :1] - X[:, 1:2]
v = np.zeros({shape})
for step in range(12):
    gap = X @ v{turn} - y
    v -= 0.02 * (X.T @ gap){turn} / 30
"""


@pytest.mark.parametrize(("shape", "turn", "turned"), [((4, 1), "", True), ((1, 4), ".T", False)])
def test_the_weights_of_a_single_unit_lie_as_the_program_has_them(told, shape, turn, turned):
    """In both the numbers follow each other alike; what is written behind it needs the shape."""
    (link,) = told(ONE_UNIT.replace("{shape}", str(shape)).replace("{turn}", turn))["links"]
    assert (link["weights"], link["turned"]) == ("v", turned)


def test_numbers_in_lists_are_layers(told):
    found = told(LISTS)
    assert layers(found) == [("w", "b", "tanh"), ("v", "c", "linear")]
    assert np.array_equal(found["data"][0][:2], [[0.5, -1.0], [1.0, 0.2]])
    assert np.allclose(found["data"][1].ravel(), [1, 0, 1, 0, 0], atol=1e-9)
    assert found["factor"] == pytest.approx(1 / 5)


def test_labels_of_batches_are_found_among_all_and_their_loss_is_computed(told):
    found = told(BATCHES)
    assert [x.shape for x in found["data"]] == [(30, 4), (30, 3)]
    assert np.array_equal(found["data"][1], np.eye(3)[LABELS])
    assert (found["batch"], found["count"]) == (10, 12)
    assert np.isfinite(found["rows"][:, 0]).all()


def test_a_parameter_without_a_place_leaves_no_layers(told):
    text = ROWS.replace("s = h @ V + c", "s = (h * scale) @ V + c").replace(
        "    g = (d", "    scale = scale - 0.1 * np.sum((d @ V.T) * h)\n    g = scale * (d"
    )
    found = told("scale = 1.5" + text.replace("h.T @ d", "scale * h.T @ d"), loss=OWN)
    assert found["links"] == []


OBJECTS = """
import math, random
random.seed(3)

class Neuron:
    def __init__(self, inputs):
        self.weights = [random.uniform(-1, 1) for _ in range(inputs)]
        self.bias = random.uniform(-1, 1)

    def activate(self, inputs):
        self.inputs = inputs
        z = self.bias
        for weight, value in zip(self.weights, inputs):
            z += weight * value
        self.output = 1 / (1 + math.exp(-z))
        return self.output

hidden, last = [Neuron(2) for _ in range(3)], Neuron(3)
rows = [([0.0, 0.0], 0.0), ([0.0, 1.0], 1.0), ([1.0, 0.0], 1.0), ([1.0, 1.0], 0.0)]
for epoch in range(5):
    for x, target in rows:
        out = last.activate([neuron.activate(x) for neuron in hidden])
        delta = (target - out) * out * (1 - out)
        for j, neuron in enumerate(hidden):
            part = last.weights[j] * delta * neuron.output * (1 - neuron.output)
            neuron.weights = [w + 0.5 * part * v for w, v in zip(neuron.weights, x)]
            neuron.bias += 0.5 * part
        last.weights = [w + 0.5 * delta * v for w, v in zip(last.weights, last.inputs)]
        last.bias += 0.5 * delta
"""


def test_a_decay_of_what_is_soon_zero_is_told_from_the_loss(told):
    loss = OWN + "\n    loss = loss + 0.4 * (np.sum(W ** 2) + np.sum(V ** 2))"
    decayed = ROWS.replace("h.T @ d", "(h.T @ d + 0.8 * V)").replace(
        "X.T @ g", "(X.T @ g + 0.8 * W)"
    )
    found = told(decayed, loss=loss)
    assert found["decay"] == pytest.approx(0.8, rel=1e-3)
    start = found["rows"][0, 0]  # of the cross-entropy alone
    assert 0 < start < 5


def test_probabilities_that_are_rounded_to_zero_make_no_gradient_wrong(told):
    assert told(ROWS, loss="", size=400.0, start=3.0)["right"]


def test_units_that_are_objects_are_layers_also_where_all_inputs_are_zero(told):
    found = told(OBJECTS)
    assert [(x["columns"], x["units"], x["activation"]) for x in found["links"]] == [
        (2, 3, "sigmoid"),
        (3, 1, "linear"),
    ]
    assert np.array_equal(found["data"][0], [[0, 0], [0, 1], [1, 0], [1, 1]])
    assert np.array_equal(found["data"][1].ravel(), [0, 1, 1, 0])


ONES = """
def sigmoid(z):
    return 1 / (1 + np.exp(-z))

T = np.eye(3)[labels]
W = rng.normal(size=(6, 5)) * 0.5
V = rng.normal(size=(3, 7)) * 0.5
for step in range(12):
    a = np.column_stack([np.ones(30), X])
    z = a @ W.T
    h = np.column_stack([np.ones(30), sigmoid(z)])
    p = sigmoid(h @ V.T)
    J = -np.sum(T * np.log(p) + (1 - T) * np.log(1 - p)) / 30
    J += 0.05 * (np.sum(W[:, 1:] ** 2) + np.sum(V[:, 1:] ** 2))
    d = (p - T) / 30
    e = (d @ V[:, 1:]) * sigmoid(z) * (1 - sigmoid(z))
    gV, gW = d.T @ h, e.T @ a
    gV[:, 1:] += 0.1 * V[:, 1:]
    gW[:, 1:] += 0.1 * W[:, 1:]
    V -= 0.3 * gV
    W -= 0.3 * gW
"""


def test_a_column_of_ones_beside_hidden_units_holds_biases(told):
    found = told(ONES)
    assert [(x["columns"], x["units"], x["ones"]) for x in found["links"]] == [
        (5, 6, None),
        (6, 3, 0),
    ]
    network = mirror_of(found)
    assert network is not None
    W, V = (network.told["copies"][0][1][name] for name in ("W", "V"))
    inputs, targets = found["data"]
    hidden = 1 / (1 + np.exp(-inputs @ W.reshape(6, 5).T))
    last = np.column_stack([np.ones(30), hidden]) @ V.reshape(3, 7).T
    expected = 1 / (1 + np.exp(-last))
    assert np.allclose(network.predictions(found["copies"][0][1]), expected, rtol=1e-12)
    total = -np.sum(targets * np.log(expected) + (1 - targets) * np.log(1 - expected))
    assert found["rows"][0, 0] == pytest.approx(total / 30)  # what is added to it is not counted
    assert found["decay"] == pytest.approx(0.1)


FAR = """
X = X * 100
Y = 1e5 + 1e4 * X[:, :1]
V, c = V[:, :1], c[:1]
for step in range(5):
    z = X @ W + b
    h = np.where(z > 0, z, 0.1 * z)
    r = h @ V + c - Y
    loss = np.mean(r ** 2)
    d = 2 * r / 30
    g = (d @ V.T) * np.where(z > 0, 1, 0.1)
    V -= 0.05 * h.T @ d
    c -= 0.05 * d.sum(axis=0)
    W -= 0.05 * X.T @ g
    b -= 0.05 * g.sum(axis=0)
"""


def test_steps_that_dwarf_the_parameters_make_no_gradient_wrong(told):
    assert told(FAR)["right"]


LEFT = """
for step in range(12):
    h = np.tanh(X @ W + b)
    p = np.exp(h @ V + c)
    d = p / p.sum(axis=1, keepdims=True)
    d[range(30), labels] -= 1
    gV, gc = h.T @ d, d.sum(axis=0)
    g = (d @ V.T) * (1 - h ** 2)
    gW, gb = X.T @ g, g.sum(axis=0)
    gV += 0.01 * V
    gW += 0.01 * W
    W -= 300 * gW
    b -= 300 * gb
    V -= 300 * gV
    c -= 300 * gc
"""


def test_a_gradient_that_is_left_over_is_no_memory_where_units_are_saturated(told):
    assert told(LEFT)["momentum"] == 0.0


TOLD = """
y = (labels > 1)[:, None] * 1.0
X = np.hstack([np.ones((30, 1)), X])
theta = np.zeros((5, 1))

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

def cost(theta):
    h = sigmoid(X.dot(theta))
    return -np.mean(y * np.log(h) + (1 - y) * np.log(1 - h))

for step in range(12):
    theta = theta - 0.1 * X.T.dot(sigmoid(X.dot(theta)) - y) / 30
    if step % 4 == 0:
        print(cost(theta))
"""


def test_the_loss_of_a_step_is_that_before_it_also_where_it_is_told_behind_it(told):
    losses = told(TOLD)["rows"][:, 0]
    assert losses[0] == pytest.approx(np.log(2))  # all outputs are 0.5 at first
    assert (np.diff(losses) < 0).all()


TABLE = """
import pandas as pd
frame = pd.DataFrame(X)
y = np.eye(3)[labels]
for step in range(12):
    h = np.tanh(np.dot(frame, W) + b)
    r = np.dot(h, V) + c - y
    loss = np.mean(r ** 2)
    d = 2 * r / 30
    g = np.dot(d, V.T) * (1 - h ** 2)
    V -= 0.05 * np.dot(h.T, d)
    c -= 0.05 * d.sum(axis=0)
    W -= 0.05 * np.dot(frame.T, g)
    b -= 0.05 * g.sum(axis=0)
"""


def test_a_table_of_pandas_may_be_what_a_layer_takes(told):
    pytest.importorskip("pandas")
    assert told(TABLE)["right"]


ONE_EXAMPLE = """
import numpy as np
rng = np.random.default_rng(3)
X = rng.normal(size=(40, 3))
Y = np.sin(X[:, :1])
W, b = rng.normal(size=(3, 4)) * {size}, np.zeros((1, 4))
V, c = rng.normal(size=(4, 1)) * {size}, np.zeros((1, 1))
for step in range(60):
    i = rng.integers(40)
    x, y = X[i:i + 1], Y[i:i + 1]
    z = x @ W + b
    h = np.where(z > 0, z, 0.1 * z)
    p = h @ V + c
    loss = np.sum((p - y) ** 2)
    d = 2 * (p - y)
    e = d @ V.T * np.where(z > 0, 1, 0.1)
    V, c = V - 0.01 * h.T @ d, c - 0.01 * d
    W, b = W - 0.01 * x.T @ e, b - 0.01 * e
"""


@pytest.mark.parametrize("size", [0.5, 0])
def test_a_leak_of_few_units_is_told_of_one_example_a_step(tmp_path, size):
    # four pre-activations of one example are hardly ever three below zero
    path = tmp_path / "one.py"
    path.write_text(ONE_EXAMPLE.format(size=size))
    seen = SeenSteps()
    watch({"settings": as_plain(CodeSettings(script=str(path)))}, seen.take)
    assert layers(seen.told) == [("W", "b", "leaky_relu"), ("V", "c", "linear")]
    assert seen.told["links"][0]["slope"] == pytest.approx(0.1)


EQUAL = """
import numpy as np
X = np.array([[0, 0], [0, 1], [1, 0], [1, 1.0]])
Y = np.array([[0], [1], [1], [0.0]])
W, b = np.ones((2, 4)) * 0.5, np.zeros(4)
V, c = np.ones((4, 1)) * 0.5, np.zeros(1)
for step in range(60):
    h = np.maximum(0, X @ W + b)
    p = h @ V + c
    loss = np.mean((p - Y) ** 2)
    d = 2 * (p - Y) / 4
    e = d @ V.T * (h > 0)
    V, c = V - 0.1 * h.T @ d, c - 0.1 * d.sum(axis=0)
    W, b = W - 0.1 * X.T @ e, b - 0.1 * e.sum(axis=0)
"""


def test_equal_weights_of_as_many_units_as_examples_are_no_biases_of_examples(tmp_path):
    path = tmp_path / "equal.py"
    path.write_text(EQUAL)
    seen = SeenSteps()
    watch({"settings": as_plain(CodeSettings(script=str(path)))}, seen.take)
    assert [x[1] for x in seen.told["tensors"] if x[0] == "V"] == [[4, 1]]
    assert layers(seen.told) == [("W", "b", "relu"), ("V", "c", "linear")]


SATURATED = """
import numpy as np
rng = np.random.default_rng(0)
X = np.hstack([np.ones((40, 1)), rng.uniform(30, 100, (40, 2))])
y = (X[:, 1:2] + X[:, 2:] > 130).astype(float)
w = np.full((1, 3), 0.7)
for step in range(12):
    p = 1 / (1 + np.exp(-np.dot(X, w.T)))
    w = w - 0.001 / 40 * np.dot(X.T, p - y).T
"""


def test_the_loss_of_probabilities_that_are_rounded_to_one_is_that_of_their_sums(tmp_path):
    (tmp_path / "net.py").write_text(SATURATED)
    seen = SeenSteps()
    settings = as_plain(CodeSettings(script=str(tmp_path / "net.py")))
    found = {**seen.told, **watch({"settings": settings}, seen.take), **seen.told}
    inputs, targets = found["data"]
    sums = inputs @ np.full((3, 1), 0.7)  # from 42.7 on: 1 - 1/(1 + exp(-sum)) is 0 in doubles
    assert sums.min() > 40
    # -log(1 - p) is log(1 + exp(sum)), which is the sum itself but for exp(-40)
    assert found["rows"][0, 0] == pytest.approx(float(np.mean(sums * (1 - targets))), rel=1e-9)
    assert mirror_of(found) is not None

"""Faults whose repair is one line, or one for each parameter: which line is written."""

import difflib

import pytest

LAYERS = """\
import numpy as np
rng = np.random.default_rng(7)
inputs = rng.normal(size=(4, 2))
wanted = (inputs[:, :1] * inputs[:, 1:] > 0).astype(float)
first, shift = rng.normal(size=(2, 4)), np.zeros((1, 4))
second, bias = rng.normal(size=(4, 1)), np.zeros((1, 1))
m1, m2, m3, m4 = (np.zeros_like(v) for v in (first, shift, second, bias))
for epoch in range(200):
    mid = np.tanh(inputs @ first + shift)
    out = 1 / (1 + np.exp(-(mid @ second + bias)))
    print(-np.mean(wanted * np.log(out) + (1 - wanted) * np.log(1 - out)))
    d = (out - wanted) / inputs.shape[0]
    dsecond, dbias = mid.T @ d, d.sum(axis=0, keepdims=True)
    back = d @ second.T * (1 - mid ** 2)
    dfirst = inputs.T @ back
    dshift = back.sum(axis=0, keepdims=True)
    m1 = 0.5 * m1 + dfirst
    m2 = 0.5 * m2 + dshift
    m3 = 0.5 * m3 + dsecond
    m4 = 0.5 * m4 + dbias
    first = first - 0.1 * m1
    shift = shift - 0.1 * m2
    second = second - 0.1 * m3
    bias = bias - 0.1 * m4
"""
CLOSURE = """\
import numpy as np
rng = np.random.default_rng(1)
x = np.linspace(-2, 2, 24).reshape(-1, 1)
y = np.tanh(1.5 * x - 0.4)
def network():
    u, p = rng.normal(size=(1, 5)) * 0.5, np.zeros((1, 5))
    v, q = rng.normal(size=(5, 1)) * 0.5, np.zeros((1, 1))
    def step(x, y):
        nonlocal u, p, v, q
        h = np.tanh(x @ u + p)
        out = h @ v + q
        e = (out - y) / len(x)
        gv = h.T @ e
        gq = np.sum(e, axis=0, keepdims=True)
        back = e @ v.T * (1 - h ** 2)
        u = u - 0.1 * x.T @ back
        p = p - 0.1 * np.sum(back, axis=0, keepdims=True)
        v = v - 0.1 * gv
        q = q - 0.1 * gq
        return out
    return step
train = network()
for epoch in range(200):
    out = train(x, y)
    print(0.5 * np.mean((out - y) ** 2))
"""
LINE = """\
import numpy as np
x = np.linspace(-2, 2, 24).reshape(-1, 1)
y = (0.5 * x + 0.2)[:, 0]
x = x[:, 0]
w, b = 0.0, 0.0
for epoch in range(300):
    e = w * x + b - y
    w = w - 0.1 * np.sum(e * x) / len(x)
    b = b - 0.1 * np.sum(e) / len(x)
"""
SOFTMAX = """\
import numpy as np
rng = np.random.default_rng(2)
x = rng.normal(size=(30, 2))
t = np.eye(3)[(x[:, 0] > 0).astype(int) + (x[:, 1] > 0)]
W, b = rng.normal(size=(2, 3)) * 0.1, np.zeros((1, 3))
for epoch in range(200):
    e = np.exp(x @ W + b)
    p = e / np.sum(e, axis=1, keepdims=True)
    W -= 0.02 * x.T @ (p - t)
    b -= 0.02 * np.sum(p - t, axis=0, keepdims=True)
"""
SQUARES = """\
import numpy as np
rng = np.random.default_rng(5)
x = rng.normal(size=(30, 3))
y = np.sin(x[:, :1])
W, V = rng.normal(size=(3, 4)) * 0.5, rng.normal(size=(4, 1)) * 0.5
for epoch in range(300):
    h = np.maximum(0, x @ W)
    p = h @ V
    g = 2 * (p - y) / len(x)
    dV, dW = h.T @ g, x.T @ (g @ V.T * (h > 0))
    V, W = V - 0.05 * dV, W - 0.05 * dW
    print(np.sum((p - y) ** 2) / len(x))
"""
NORMALIZED = """\
import numpy as np
rng = np.random.default_rng(3)
x = rng.normal(size=(40, 3))
y = np.sin(x[:, :1]) * x[:, 1:2]
W, V = rng.normal(size=(3, 6)) * 0.4, rng.normal(size=(6, 1)) * 0.4
for epoch in range(300):
    z = x @ W
    std = np.sqrt(z.var(axis=0) + 1e-5)
    n = (z - z.mean(axis=0)) / std
    p = np.tanh(n) @ V
    d = 2 * (p - y) / len(x)
    dn = d @ V.T * (1 - np.tanh(n) ** 2)
    dz = (dn - np.mean(dn, axis=0, keepdims=True) - n * (dn * n).mean(axis=0)) / std
    V, W = V - 0.05 * np.tanh(n).T @ d, W - 0.05 * x.T @ dz
    print(np.mean((p - y) ** 2))
"""
HELPERS = """\
import numpy as np
rng = np.random.default_rng(6)
x = rng.normal(size=(24, 2))
y = (x[:, :1] > x[:, 1:]).astype(float)
def squash(v):
    return 1 / (1 + np.exp(-v))
def slope(v):
    return squash(v) * (1 - squash(v))
A, B, C = (rng.normal(size=s) * 0.8 for s in ((2, 4), (4, 4), (4, 1)))
for epoch in range(300):
    p = x @ A
    q = squash(p) @ B
    out = squash(q) @ C
    print(np.mean((out - y) ** 2))
    d = 2 * (out - y) / len(x)
    dC = squash(q).T @ d
    dq = d @ C.T * slope(q)
    dB = squash(p).T @ dq
    dA = x.T @ (dq @ B.T * slope(p))
    A, B, C = A - 0.3 * dA, B - 0.3 * dB, C - 0.3 * dC
"""
ADAM = """\
import numpy as np
rng = np.random.default_rng(8)
x = rng.normal(size=(30, 2))
y = x @ np.array([0.7, -0.4]) + 0.1
w, m, v, t = np.zeros(2), np.zeros(2), np.zeros(2), 1
for epoch in range(300):
    out = x @ w
    g = 2 * x.T @ (out - y) / len(x)
    m = 0.9 * m + 0.1 * g
    v = 0.99 * v + 0.01 * g ** 2
    w = w - 0.02 * (m / (1 - 0.9 ** t)) / (np.sqrt(v / (1 - 0.99 ** t)) + 1e-8)
    print(np.mean((out - y) ** 2))
    t += 1
"""
FLOATS = """\
import math, random
random.seed(2)
data = [([0, 0], 0), ([0, 1], 1), ([1, 0], 1), ([1, 1], 0)]
w = [[random.uniform(-1, 1) for _ in range(3)] for _ in range(2)]
b, v, c = [0.0] * 3, [random.uniform(-1, 1) for _ in range(3)], 0.0
for epoch in range(300):
    total = 0.0
    for x, y in data:
        h = []
        for j in range(3):
            z = b[j]
            for i in range(2):
                z += w[i][j] * x[i]
            h.append(math.tanh(z))
        out = 1 / (1 + math.exp(-(c + sum(v[j] * h[j] for j in range(3)))))
        total += 0.5 * (out - y) ** 2
        d = (out - y) * out * (1 - out)
        back = [d * v[j] * (1 - h[j] ** 2) for j in range(3)]
        for j in range(3):
            v[j] -= 0.3 * d * h[j]
            b[j] -= 0.3 * back[j]
            for i in range(2):
                w[i][j] -= 0.3 * back[j] * x[i]
        c -= 0.3 * d
    print(total)
"""
CONVOLUTION = """\
import numpy as np
rng = np.random.default_rng(4)
x = rng.normal(size=(30, 8))
y = np.tanh(x[:, 1:-1]).sum(axis=1, keepdims=True) / 6
K, b, V = rng.normal(size=(2, 3)) * 0.5, np.zeros(2), rng.normal(size=(12, 1)) * 0.5
for epoch in range(300):
    z = np.zeros((len(x), 2, 6))
    for i in range(6):
        z[:, :, i] = x[:, i:i + 3] @ K.T + b
    a = np.tanh(z)
    out = a.reshape(len(x), -1) @ V
    print(np.mean((out - y) ** 2))
    d = 2 * (out - y) / len(x)
    e = (d @ V.T).reshape(a.shape)
    f = e * (1 - a ** 2)
    dK = np.zeros_like(K)
    for i in range(6):
        dK += f[:, :, i].T @ x[:, i:i + 3]
    db = f.sum(axis=(0, 2))
    K, b, V = K - 0.05 * dK, b - 0.05 * db, V - 0.05 * a.reshape(len(x), -1).T @ d
"""
ONE_BY_ONE = """\
import numpy as np
rng = np.random.default_rng(1)
x = rng.normal(size=(20, 3))
y = np.sin(x[:, :1])
W, b = rng.normal(size=(3, 4)) * 0.5, np.zeros((1, 4))
V, c = rng.normal(size=(4, 1)), np.zeros((1, 1))
mW, mb = np.zeros_like(W), np.zeros_like(b)
for epoch in range(400):
    i = rng.integers(len(x))
    one, due = x[i:i + 1], y[i:i + 1]
    h = np.tanh(one @ W + b)
    out = h @ V + c
    print(np.sum((out - due) ** 2))
    d = 2 * (out - due)
    e = d @ V.T * (1 - h ** 2)
    db = np.sum(e, axis=0, keepdims=True)
    dW = one.T @ e
    mW = 0.9 * mW + dW
    mb = 0.9 * mb + db
    W, b = W - 0.01 * mW, b - 0.01 * mb
    V, c = V - 0.01 * h.T @ d, c - 0.01 * np.sum(d, axis=0, keepdims=True)
"""
LISTED = """\
import numpy as np
rng = np.random.default_rng(9)
x = rng.normal(size=(30, 4))
y = np.sin(x[:, :1])
A, a, B, b = rng.normal(size=(4, 4)), np.zeros(4), rng.normal(size=(4, 4)), np.zeros(4)
C = rng.normal(size=(4, 1))
for epoch in range(300):
    h = np.tanh(x @ A + a)
    k = np.tanh(h @ B + b)
    out = k @ C
    print(np.mean((out - y) ** 2))
    d = 2 * (out - y) / len(x)
    e = d @ C.T * (1 - k ** 2)
    f = e @ B.T * (1 - h ** 2)
    dA, da, dB, db, dC = x.T @ f, 0, h.T @ e, 0, k.T @ d
    da = f.sum(axis=0)
    db = e.sum(axis=0)
    for weight, gradient in zip([A, a, B, b, C], [dA, da, dB, db, dC]):
        weight -= 0.05 * gradient
"""
STATEFUL = """\
import numpy as np
rng = np.random.default_rng(3)
text = [0, 1, 2, 1, 3, 2, 0, 3] * 6
W, U, V = (rng.normal(size=s) * 0.3 for s in ((6, 4), (6, 6), (4, 6)))
sW, sU, sV = np.zeros_like(W), np.zeros_like(U), np.zeros_like(V)
def losses(inputs, targets, before):
    h, p, loss = {-1: np.copy(before)}, {}, 0
    for t in range(len(inputs)):
        h[t] = np.tanh(W[:, [inputs[t]]] + U @ h[t - 1])
        y = V @ h[t]
        p[t] = np.exp(y) / np.sum(np.exp(y))
        loss += -np.log(p[t][targets[t], 0])
    dW, dU, dV, later = np.zeros_like(W), np.zeros_like(U), np.zeros_like(V), np.zeros((6, 1))
    for t in reversed(range(len(inputs))):
        dy = np.copy(p[t])
        dy[targets[t]] -= 1
        dV += dy @ h[t].T
        dz = (1 - h[t] ** 2) * (V.T @ dy + later)
        dW[:, [inputs[t]]] += dz
        dU += dz @ h[t - 1].T
        later = U.T @ dz
    return loss, dW, dU, dV, h[len(inputs) - 1]
at, state = 0, np.zeros((6, 1))
for step in range(200):
    if at + 6 > len(text):
        at, state = 0, np.zeros((6, 1))
    loss, dW, dU, dV, state = losses(text[at:at + 5], text[at + 1:at + 6], state)
    for weights, gradient, size in zip((W, U, V), (dW, dU, dV), (sW, sU, sV)):
        size += gradient * gradient
        weights += -0.1 * gradient / np.sqrt(size + 1e-8)
    at += 5
    print(step, loss)
"""
PENALTY = """\
import numpy as np
rng = np.random.default_rng(4)
x = rng.normal(size=(3, 60))
y = (x[:1] + x[1:2] > 0).astype(float)
w, b = np.zeros((3, 1)), 0.0
for epoch in range(200):
    a = 1 / (1 + np.exp(-(w.T @ x + b)))
    print(-np.mean(y * np.log(a) + (1 - y) * np.log(1 - a)) + 0.01 / 2 * np.sum(w ** 2))
    w, b = w - 0.5 * (x @ (a - y).T / 60 + 0.01 * w), b - 0.5 * np.sum(a - y) / 60
"""
OBJECTS = """\
import numpy as np
rng = np.random.default_rng(0)
class Linear:
    def __init__(self, one, two):
        self.w, self.b = rng.normal(size=(one, two)) / np.sqrt(one), np.zeros(two)
    def forward(self, x):
        self.x = x
        return x @ self.w + self.b
    def backward(self, g):
        self.dw, self.db = self.x.T @ g, 0
        self.db = g.sum(0)
        return g @ self.w.T
x = rng.uniform(-2, 2, (30, 1))
t = np.sin(x)
one, two = Linear(1, 8), Linear(8, 1)
for epoch in range(300):
    h = np.tanh(one.forward(x))
    out = two.forward(h)
    print(np.mean((out - t) ** 2))
    one.backward(two.backward(2 * (out - t) / out.size) * (1 - h ** 2))
    for layer in (one, two):
        layer.w -= 0.1 * layer.dw
        layer.b -= 0.1 * layer.db
"""
COUNTED = """\
xs = [i / 10 for i in range(30)]
ys = [3 * x - 2 for x in xs]
a, c = 0.0, 0.0
for epoch in range(100):
    da = dc = total = 0.0
    for x, y in zip(xs, ys):
        gap = a * x + c - y
        total += gap ** 2
        da += 2 * gap * x
        dc += 2 * gap
    a -= 0.05 * da / len(xs)
    c -= 0.05 * dc / len(xs)
    print(epoch, total / len(xs))
"""
ALIVE = """\
import numpy as np
rng = np.random.default_rng(0)
x = rng.uniform(0.2, 1, (20, 3))
y = x[:, :1] * x[:, 1:2] + 0.5 * x[:, 2:]
W, V = rng.uniform(0, 1, (3, 5)), rng.uniform(0, 0.5, (5, 1))
for epoch in range(200):
    h = np.maximum(0, x @ W)
    out = h @ V
    print(np.mean((out - y) ** 2))
    d = 2 * (out - y) / len(x)
    V, W = V - 0.05 * h.T @ d, W - 0.05 * x.T @ (d @ V.T * (h > 0))
"""
SYMMETRIC = """\
import numpy as np
X, Y = np.array([[-3.0, -2.0, 2.0, 3.0]]), np.array([[0.0, 0.0, 1.0, 1.0]])
net = {"w": np.full((1, 1), 0.3), "b": np.zeros((1, 1))}
def forward():
    return 1 / (1 + np.exp(-(net["w"].dot(X) + net["b"])))
for epoch in range(100):
    p = forward()
    slope = -(Y / p - (1 - Y) / (1 - p))
    d = slope * p * (1 - p) / 4
    below = net["w"].T.dot(d)
    net["w"] -= 0.5 * d.dot(X.T)
    net["b"] -= 0.5 * np.sum(d, axis=1, keepdims=True)
    if epoch % 10 == 0:
        q = forward()
        print(-np.mean(Y * np.log(q) + (1 - Y) * np.log(1 - q)))
"""
SQUARE = """\
import numpy as np
rng = np.random.default_rng(0)
X = rng.normal(size=(40, 3))
Y = np.sin(X[:, :1]) + X[:, 1:2] * 0.5
A, B = rng.normal(size=(3, 3)) * 0.7, rng.normal(size=(3, 1)) * 0.7
for epoch in range(400):
    H = np.tanh(X @ A)
    P = H @ B
    print(np.mean((P - Y) ** 2))
    d = 2 * (P - Y) / len(X)
    gB = H.T @ d
    gA = X.T @ (d @ B.T * (1 - H ** 2))
    A -= 0.1 * gA
    B -= 0.1 * gB
"""
NEURONS = """\
import numpy as np
rng = np.random.default_rng(0)
X = rng.normal(size=(40, 3))
Y = (X @ rng.normal(size=(3, 5)) > 0).astype(float)
W, b = rng.normal(size=(3, 5)), np.zeros(5)
for epoch in range(300):
    for i in range(40):
        x, y = X[i], Y[i]
        o = 1 / (1 + np.exp(-(x @ W + b)))
        delta = (o - y) * o * (1 - o)
        W -= 0.5 * np.outer(x, delta)
        b -= 0.5 * delta
"""
SIGNS = SQUARE.replace("A -= 0.1 * gA", "A -= 0.01 * np.sign(gA) + 0.001 * A")
"""A rule without a memory that gives steps of one size, and a decay."""
RIGHT = [
    SQUARE,
    NEURONS,
    SIGNS,
    ALIVE,
    SYMMETRIC,
    LAYERS,
    CLOSURE,
    LINE,
    SOFTMAX,
    SQUARES,
    NORMALIZED,
    HELPERS,
    ADAM,
    FLOATS,
    CONVOLUTION,
]
RIGHT += [ONE_BY_ONE, LISTED, STATEFUL, PENALTY, OBJECTS, COUNTED]
CASES = [
    (LAYERS, "    first = first - 0.1 * m1\n", "", "gradient-never-computed"),
    (CLOSURE, "        v = v - 0.1 * gv\n", "", "gradient-never-computed"),
    (CLOSURE, "        q = q - 0.1 * gq\n", "", "gradient-never-computed"),
    (LAYERS, "/ inputs.shape[0]", "/ inputs.shape[1]", "summed-instead-of-averaged"),
    (
        SOFTMAX,
        "axis=1, keepdims=True)\n    W",
        "axis=0, keepdims=True)\n    W",
        "softmax-wrong-axis",
    ),
    (ALIVE, " * (h > 0)", "", "missing-activation-derivative"),
    (
        SQUARE,
        "gA = X.T @ (d @ B.T * (1 - H ** 2))",
        "gA = (X.T @ (d @ B.T * (1 - H ** 2))).T",
        "broken-chain-rule",
    ),
    (NEURONS, "b -= 0.5 * delta", "b -= 0.5 * delta * o", "broken-chain-rule"),
    (SOFTMAX, "np.sum(e, axis=1, keepdims=True)", "sum(e)", "softmax-wrong-axis"),
    (SQUARES, "2 * (p", "np.mean(p - y) * 2 * (p", "loss-gradient-scaled-by-residual"),
    (HELPERS, "squash(v) * (1 - squash(v))", "1 - squash(v) ** 2", "wrong-activation-derivative"),
    (ADAM, "    t += 1\n", "", "wrong-moment"),
    (FLOATS, "1 - h[j] ** 2", "1 - out ** 2", "activation-derivative-of-wrong-argument"),
    (CONVOLUTION, "dK += f", "dK += e", "broken-chain-rule"),
    (ONE_BY_ONE, "np.sum(e, axis=0", "np.sum(e, axis=1", "wrong-bias-gradient"),
    (ONE_BY_ONE, "mb = 0.9 * mb + db", "mb = db", "wrong-moment"),
    (LISTED, "[dA, da, dB, db, dC]", "[dA, db, dB, da, dC]", "wrong-bias-gradient"),
    (STATEFUL, "later = U.T @ dz", "later = U @ dz", "broken-chain-rule"),
    (STATEFUL, "dz @ h[t - 1].T", "dz @ h[t].T", "wrong-layer-activation"),
    (PENALTY, "/ 60 + 0.01 * w", "/ 60 - 0.01 * w", "wrong-weight-decay"),
    (NORMALIZED, " - np.mean(dn, axis=0, keepdims=True)", "", "wrong-loss-gradient"),
]


@pytest.mark.parametrize("text", RIGHT)
def test_finds_nothing_wrong_in_the_right_program(judge, text):
    found = judge(text)
    assert found.is_right
    assert not found.faults


@pytest.mark.parametrize(("text", "right", "wrong", "bug"), CASES)
def test_writes_the_line_of_the_right_program(judge, text, right, wrong, bug):
    found = judge(text.replace(right, wrong))
    assert found.faults[0].bug == bug
    assert found.fixed is not None
    assert _differing(found.fixed.text, text) == set()


def _differing(one: str, other: str) -> set[str]:
    """What two programs differ in, but for the order of statements."""
    lines = [sorted(line.strip() for line in text.splitlines()) for text in (one, other)]
    return {line[2:] for line in difflib.ndiff(*lines) if line[:1] in "+-"}


def test_tells_a_table_of_differences_where_no_loss_is_computed(judge):
    found = judge(LINE.replace("(0.5 * x + 0.2)[:, 0]", "0.5 * x + 0.2"))
    assert found.faults[0].bug == "mismatched-shapes"
    assert found.fixed is not None


def test_tells_a_factor_that_is_another_one_for_each_example(judge):
    found = judge(FLOATS.replace("(out - y) * out * (1 - out)", "out - y"))
    assert found.faults[0].bug == "missing-activation-derivative"
    assert found.fixed is not None
    assert "d = (out - y) * (out * (1 - out))" in found.fixed.text


def test_tells_one_row_in_the_place_of_the_sum_of_all(judge):
    found = judge(OBJECTS.replace("self.db = g.sum(0)", "self.db = g[0]"))
    assert found.faults[0].bug == "wrong-bias-gradient"
    assert found.fixed is not None
    assert "self.db = np.sum(g, axis=0)" in found.fixed.text


def test_tells_which_of_two_numbers_is_moved_too_far(judge):
    found = judge(COUNTED.replace("a -= 0.05 * da / len(xs)", "a -= 0.05 * da"))
    assert [fault.bug for fault in found.faults] == ["summed-instead-of-averaged"]
    assert found.faults[0].parameters == ["a"]


def test_counts_the_parameters_in_front_of_those_that_move(judge):
    wrong = LAYERS
    for name, memory in (("first", "m1"), ("shift", "m2")):
        wrong = wrong.replace(f"    {name} = {name} - 0.1 * {memory}\n", "")
    found = judge(wrong)
    still = {name for fault in found.faults for name in fault.parameters}
    assert still == {"first", "shift"}
    assert found.fixed is not None
    assert "first = first - 0.1 * m1" in found.fixed.text
    assert "shift = shift - 0.1 * m2" in found.fixed.text


UPHILL = """\
import numpy as np
np.random.seed(0)
X = np.random.randn(40, 2)
y = (X[:, 0] + X[:, 1] > 0).astype(float).reshape(-1, 1)
W1, b1 = np.random.randn(2, 4), np.zeros((1, 4))
W2, b2 = np.random.randn(4, 1), np.zeros((1, 1))
sig = lambda z: 1 / (1 + np.exp(-z))
for epoch in range(60):
    a1 = sig(X @ W1 + b1)
    a2 = sig(a1 @ W2 + b2)
    print(np.mean((a2 - y) ** 2))
    d2 = 2 * (y - a2) / len(X) * a2 * (1 - a2)
    d1 = d2 @ W2.T * a1 * (1 - a1)
    W2 -= 0.5 * a1.T @ d2
    b2 -= 0.5 * d2.sum(0, keepdims=True)
    W1 -= 0.5 * X.T @ d1
    b1 -= 0.5 * d1.sum(0, keepdims=True)
"""
SINGLE = """\
import numpy as np
rng = np.random.default_rng(7)
x = rng.uniform(-2, 2, size=30)
y = 1.5 * x - 0.7 + rng.normal(0, 0.1, 30)
w, c, alpha, n = 0.0, 0.0, 0.1, len(x)
for epoch in range(100):
    y_hat = w * x + c
    print(sum((y - y_hat) ** 2) / n)
    d_w = (2 / n) * sum(x * (y - y_hat))
    d_c = (2 / n) * sum(y - y_hat)
    w = w - alpha * d_w
    c = c - alpha * d_c
"""


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (UPHILL, ["d2 = 2 * (a2 - y) / len(X) * a2 * (1 - a2)"]),
        (SINGLE, ["d_w = (2 / n) * sum(x * (y_hat - y))", "d_c = (2 / n) * sum(y_hat - y)"]),
    ],
)
def test_turns_a_residual_round_also_before_gradients_of_one_number(judge, text, written):
    found = judge(text)
    assert {fault.bug for fault in found.faults} == {"wrong-sign"}
    assert found.fixed is not None
    assert all(line in found.fixed.text for line in written)

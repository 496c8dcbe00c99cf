"""Small programs of courses: right ones without a word, wrong ones with the line that is due."""

import ast

import pytest

from nndiag.program.judging.named_by_edit import bug_by_edit

HEAD = """\
import numpy as np
rng = np.random.default_rng(3)
"""
ONE_WEIGHT = """\
w = 0.5
data = [(x / 10, 3 * x / 10) for x in range(20)]
for epoch in range(50):
    for x, y in data:
        err = w * x - y
        w = w - 0.1 * err * x
    print(epoch, sum((w * x - y) ** 2 for x, y in data))
"""
BATCHES = (
    HEAD
    + """\
x = rng.normal(size=(60, 3))
y = np.sin(x[:, :1])
W, b, V, c = rng.normal(size=(3, 6)), np.zeros(6), rng.normal(size=(6, 1)), np.zeros(1)
for epoch in range(40):
    total = 0
    for s in range(0, 60, 16):
        h = np.maximum(0, x[s:s + 16] @ W + b)
        gap = h @ V + c - y[s:s + 16]
        total += (gap ** 2).sum()
        g = 2 * gap / len(gap)
        e = g @ V.T * (h > 0)
        V -= 0.05 * h.T @ g
        c -= 0.05 * g.sum(0)
        W -= 0.05 * x[s:s + 16].T @ e
        b -= 0.05 * e.sum(0)
    print(epoch, total / 60)
"""
)
FITTED = """\
xs, ys = [1.0, 2, 3, 4, 5], [3.1, 4.9, 7.2, 9.0, 11.1]
w, b, n = 0.0, 0.0, 5
for i in range(300):
    dw = db = loss = 0.0
    for x, y in zip(xs, ys):
        p = w * x + b
        loss += (p - y) ** 2 / n
        dw += 2 * (p - y) * x / n
        db += 2 * (p - y) / n
    w -= 0.01 * dw
    b -= 0.01 * db
    print(loss)
"""
ADAM = (
    HEAD
    + """\
x = rng.normal(size=(30, 3))
y = np.sin(x[:, :1])
W, V = rng.normal(size=(3, 6)), rng.normal(size=(6, 1))
m, v = [0, 0], [0, 0]
for t in range(1, 200):
    h = np.tanh(x @ W)
    out = h @ V
    print(np.mean((out - y) ** 2))
    d = 2 * (out - y) / len(x)
    dV = h.T @ d
    dW = x.T @ (d @ V.T * (1 - h ** 2))
    for i, (p, g) in enumerate([(W, dW), (V, dV)]):
        m[i] = 0.9 * m[i] + 0.1 * g
        v[i] = 0.999 * v[i] + 0.001 * g ** 2
        p -= 0.01 * (m[i] / (1 - 0.9 ** t)) / (np.sqrt(v[i] / (1 - 0.999 ** t)) + 1e-8)
"""
)
LOOPED = (
    HEAD
    + """\
x = rng.normal(size=(50, 4))
y = (x[:, :1] > x[:, 1:2]).astype(float)
W, b, V, c = rng.normal(size=(4, 5)), np.zeros((1, 5)), rng.normal(size=(5, 1)), np.zeros((1, 1))
losses = []
for epoch in range(60):
    for s in range(0, 50, 10):
        one, two = x[s:s + 10], y[s:s + 10]
        h = np.tanh(one @ W + b)
        p = 1 / (1 + np.exp(-(h @ V + c)))
        losses.append(-np.mean(two * np.log(p) + (1 - two) * np.log(1 - p)))
        d = (p - two) / len(one)
        e = d @ V.T * (1 - h ** 2)
        grads = [one.T @ e, e.sum(axis=0, keepdims=True), h.T @ d, d.sum(axis=0, keepdims=True)]
        for weight, grad in zip([W, b, V, c], grads):
            weight -= 0.4 * grad
print(losses[-1])
"""
)
DECAYED = (
    HEAD
    + """\
x = rng.normal(size=(40, 3))
y = np.sin(x[:, :1])
decay = 0.01
def gradients(x, y, A, B, h, out):
    d = 2 * (out - y)
    dB = h.T @ d + decay * B
    dA = x.T @ ((d @ B.T) * (1 - h ** 2)) + decay * A
    return dA, dB
A, B = rng.normal(size=(3, 5)), rng.normal(size=(5, 1))
for step in range(200):
    i = rng.integers(40)
    one, two = x[i:i + 1], y[i:i + 1]
    h = np.tanh(one @ A)
    out = h @ B
    print(np.sum((out - two) ** 2) + 0.5 * decay * (np.sum(A ** 2) + np.sum(B ** 2)))
    dA, dB = gradients(one, two, A, B, h, out)
    A = A - 0.01 * dA
    B = B - 0.01 * dB
"""
)
RECURRENT = (
    HEAD
    + """\
x = rng.normal(size=(5, 3))
y = np.cumsum(x[:, 0]) * 0.3
W, U, v = (rng.normal(size=s) * 0.4 for s in ((4, 3), (4, 4), 4))
bias = np.zeros(4)
for step in range(300):
    h, out, loss = {-1: np.zeros(4)}, {}, 0.0
    for t in range(5):
        h[t] = np.tanh(W @ x[t] + U @ h[t - 1] + bias)
        out[t] = v @ h[t]
        loss += 0.5 * (out[t] - y[t]) ** 2
    dW, dU, dv, carried = np.zeros_like(W), np.zeros_like(U), np.zeros_like(v), np.zeros(4)
    dbias = np.zeros_like(bias)
    for t in reversed(range(5)):
        e = out[t] - y[t]
        dv += e * h[t]
        dh = e * v + carried
        dz = dh * (1 - h[t] ** 2)
        dW += np.outer(dz, x[t])
        dU += np.outer(dz, h[t - 1])
        dbias += dz
        carried = U.T @ dz
    W = W - 0.05 * dW
    U = U - 0.05 * dU
    v = v - 0.05 * dv
    bias = bias - 0.05 * dbias
    print(loss)
"""
)
ONE_EXAMPLE = (
    HEAD
    + """\
x = rng.normal(size=(24, 3))
y = (x[:, :1] > 0).astype(float)
J, m, e, p = rng.normal(size=(3, 4)), np.zeros((1, 4)), rng.normal(size=(4, 1)), np.zeros((1, 1))
for step in range(400):
    i = rng.integers(24)
    one, two = x[i:i + 1], y[i:i + 1]
    h = np.tanh(one @ J + m)
    out = 1 / (1 + np.exp(-(h @ e + p)))
    print(np.mean((out - two) ** 2))
    A = (two - out) * out * (1 - out)
    B = A @ e.T * (1 - h ** 2)
    de = 2 * h.T @ A
    dp = 2 * np.sum(A, axis=0)
    J = J + 0.05 * 2 * one.T @ B
    m = m + 0.05 * 2 * np.sum(B, axis=0)
    e = e + 0.05 * de
    p = p + 0.05 * dp
"""
)
NEURONS = (
    HEAD
    + """\
x = [[0.5, -1.0], [1.5, 0.3], [-0.7, 0.8], [0.2, 1.1]]
y = [0.4, 1.2, -0.5, 0.3]
class Neuron:
    def __init__(self, count):
        self.w = [float(rng.normal()) for _ in range(count)]
        self.b, self.error = 0.0, 0.0
    def pass_on(self, inputs):
        self.inputs = inputs
        return self.b + sum(w * x for w, x in zip(self.w, inputs))
    def learn(self):
        for i in range(len(self.w)):
            self.w[i] -= 0.1 * self.error * self.inputs[i]
        self.b -= 0.1 * self.error
hidden, last = [Neuron(2) for _ in range(3)], Neuron(3)
for epoch in range(200):
    loss = 0.0
    for row, target in zip(x, y):
        for unit in hidden:
            unit.out = 1 / (1 + np.exp(-unit.pass_on(row)))
        out = last.pass_on([unit.out for unit in hidden])
        loss += 0.5 * (out - target) ** 2
        last.error = out - target
        for i, unit in enumerate(hidden):
            unit.error = last.w[i] * last.error * unit.out * (1 - unit.out)
        last.learn()
        for unit in hidden:
            unit.learn()
    print(loss)
"""
)
NEURON = (
    HEAD
    + """\
xs = rng.normal(size=(30, 2))
ys = np.sin(xs[:, 0]) + 2
v, c, u, d = rng.normal(size=(4, 2)), np.zeros(4), rng.normal(size=4), 0.0
for step in range(300):
    x, y = xs[step % 30], ys[step % 30]
    h = np.tanh(v @ x + c)
    out = u @ h + d
    err = out - y
    print(0.5 * err ** 2)
    delta = err * u * (1 - h ** 2)
    u -= 0.05 * err * h
    dd = err
    d -= 0.05 * dd
    v -= 0.05 * np.outer(delta, x)
    c -= 0.05 * delta
"""
)
RIGHT = [
    NEURON,
    ONE_WEIGHT,
    BATCHES,
    FITTED,
    ADAM,
    LOOPED,
    DECAYED,
    RECURRENT,
    ONE_EXAMPLE,
    NEURONS,
]


@pytest.mark.parametrize("text", RIGHT, ids=range(len(RIGHT)))
def test_says_nothing_of_a_right_program(judge, text):
    found = judge(text)
    assert found.is_right
    assert not found.faults


@pytest.mark.parametrize(
    ("text", "right", "wrong", "bug"),
    [
        (NEURON, "dd = err\n", "dd = err * out\n", "wrong-bias-gradient"),
        (FITTED, "(p - y) * x / n", "(p - y) / n", "wrong-layer-activation"),
        (ADAM, "0.001 * g ** 2", "0.001 * g", "wrong-moment"),
        (
            LOOPED,
            "(p - two) / len(one)",
            "(p - two) * p * (1 - p) / len(one)",
            "wrong-loss-gradient",
        ),
        (DECAYED, "(1 - h ** 2)) + decay * A", "(1 - h ** 2))", "wrong-weight-decay"),
        (RECURRENT, "    bias = bias - 0.05 * dbias\n", "", "gradient-never-computed"),
        (RECURRENT, "dbias += dz", "dbias += dh", "raw-error-instead-of-delta"),
        (ONE_EXAMPLE, "    p = p + 0.05 * dp\n", "", "gradient-never-computed"),
        (NEURONS, "unit.out * (1 - unit.out)", "out * (1 - out)", "wrong-activation-derivative"),
    ],
)
def test_mends_the_one_line_that_is_wrong(judge, text, right, wrong, bug):
    broken = text.replace(right, wrong)
    found = judge(broken)
    assert found.faults[0].bug == bug
    assert found.fixed is not None
    written = set(found.fixed.text.splitlines()) - set(broken.splitlines())
    meant = set(text.splitlines()) - set(broken.splitlines())
    plain = [{ast.unparse(ast.parse(line.strip())) for line in lines} for lines in (written, meant)]
    assert len(written) == 1
    assert _operands(*plain[0]) == _operands(*plain[1])


def test_finds_single_numbers_that_no_step_changes(judge):
    found = judge(NEURON.replace("    d -= 0.05 * dd\n", ""))
    assert [(fault.bug, fault.parameters) for fault in found.faults] == [
        ("gradient-never-computed", ["d"])
    ]
    assert found.fixed is not None


def _operands(text: str) -> list[str]:
    """The names and numbers of a line, however its products are put."""
    tree = ast.parse(text)
    kinds = (ast.Name, ast.Constant, ast.Attribute)
    return sorted(ast.unparse(node) for node in ast.walk(tree) if isinstance(node, kinds))


@pytest.mark.parametrize(
    ("bug", "before", "after", "name"),
    [
        ("raw-error-instead-of-delta", "d[:, 0].T @ x", "d[:, k].T @ x", "broken-chain-rule"),
        ("raw-error-instead-of-delta", "d * f[t]", "d * c[t]", "raw-error-instead-of-delta"),
        (
            "wrong-activation-derivative",
            "e * (z * (1 - z))",
            "e * (a * (1 - a))",
            "activation-derivative-of-wrong-argument",
        ),
        ("wrong-layer-activation", "x.T @ d", "h.T @ d", "wrong-layer-activation"),
        (
            "missing-activation-derivative",
            "e * h * (1 - h)",
            "e * (1 - h ** 2)",
            "wrong-activation-derivative",
        ),
        (
            "missing-activation-derivative",
            "(p - y) @ w.T",
            "(p - y) @ w.T * (1 - h ** 2)",
            "missing-activation-derivative",
        ),
        ("wrong-layer-activation", "2 * (p - y)", "2 * (p - y) * x", "wrong-layer-activation"),
    ],
)
def test_an_edit_tells_the_bug(bug, before, after, name):
    place = ast.parse(before, mode="eval").body
    assert bug_by_edit(bug, place, after) == name


XOR = """\
import math
import random
random.seed(16)
xs, ys = [[0, 0], [0, 1], [1, 0], [1, 1]], [[0], [1], [1], [0]]
w1 = [[random.uniform(-1, 1) for j in range(3)] for i in range(2)]
c1, w2, c2 = [0.0] * 3, [random.uniform(-1, 1) for j in range(3)], 0.0
for epoch in range(900):
    for x, y in zip(xs, ys):
        h = [math.tanh(c1[j] + sum(w1[i][j] * x[i] for i in range(2))) for j in range(3)]
        p = 1 / (1 + math.exp(-(c2 + sum(w2[j] * h[j] for j in range(3)))))
        d2 = p - y[0]
        d1 = [d2 * w2[j] * (1 - h[j] ** 2) for j in range(3)]
        for j in range(3):
            w2[j] -= 0.1 * d2 * h[j]
            c1[j] -= 0.1 * d1[j]
            for i in range(2):
                w1[i][j] -= 0.1 * d1[j] * x[i]
        c2 -= 0.1 * d2
"""
DROPPED = """\
import numpy as np
q02 = np.random.default_rng(45)
q03 = q02.uniform(-2, 2, (60, 4))
q04 = (np.sum(q03 ** 2, axis=1, keepdims=True) > 4).astype(float)
q09, q14 = 10, 0.8
q10, q11 = q02.normal(0, 0.5, (4, 7)), np.zeros(7)
q12, q13 = q02.normal(0, 0.5, (7, 1)), np.zeros(1)
for q15 in range(200):
    for q18 in range(0, 60, q09):
        q16, q17 = q03[q18:q18 + q09], q04[q18:q18 + q09]
        q20 = q16 @ q10 + q11
        q24 = (q02.random(q20.shape) < q14) / q14
        q22 = np.maximum(0, q20) * q24
        q23 = 1 / (1 + np.exp(-(q22 @ q12 + q13)))
        q25 = (q23 - q17) * q23 * (1 - q23) / q09
        q28 = (q25 @ q12.T) * q24 * (q20 > 0)
        q26 = 0.5 * np.mean((q23 - q17) ** 2)
        q10 -= 0.4 * q16.T @ q28
        q11 -= 0.4 * q28.sum(axis=0)
        q12 -= 0.4 * q22.T @ q25
        q13 -= 0.4 * q25.sum(axis=0)
"""

ABSOLUTE = """\
import numpy as np
rng = np.random.default_rng(6)
X = rng.normal(size=(40, 4))
y = X @ rng.normal(size=(4, 1)) + 0.1 * rng.normal(size=(40, 1))
w, b = np.zeros((4, 1)), np.zeros(1)
for i in range(500):
    d = np.sign(X @ w + b - y) / 40
    w = w - 0.05 * X.T @ d
    b = b - 0.05 * d.sum(axis=0)
"""
ROWS = XOR.replace("xs, ys", "w3, w4").replace(
    "[[0, 0], [0, 1], [1, 0], [1, 1]]", "[[0.5, -0.2], [0.1, 1.3], [1.2, 0.4], [-0.7, 1.1]]"
)


@pytest.mark.parametrize("text", [XOR, DROPPED, ABSOLUTE, ROWS])
def test_is_right_whatever_its_loss_is_and_its_data_are_called(check, text):
    found = check(text)
    assert found.correct
    assert not found.findings

"""Repairs that take more than an exchanged word: inserted, moved and widened statements."""

from pathlib import Path

import pytest

from nndiag.finding import Severity
from nndiag.program import CodeSettings, ProgramCheck
from tests.checking import check_here

SOFTMAX = """
import numpy as np
rng = np.random.RandomState(0)
X, y = rng.randn(12, 2), rng.randint(0, 3, 12)
W, b = rng.randn(2, 3) * 0.3, np.zeros((1, 3))
n = X.shape[0]
for i in range(500):
    scores = np.exp(X.dot(W) + b)
    probs = scores / scores.sum(axis=1, keepdims=True)
    loss = -np.log(probs[range(n), y]).sum() / n + 0.5 * 0.1 * np.sum(W * W)
    dscores = probs
    dscores[range(n), y] -= 1
    dscores /= n
    W -= 0.5 * (X.T.dot(dscores) + 0.1 * W)
    b -= 0.5 * dscores.sum(axis=0, keepdims=True)
"""

UNITS = """
import random
random.seed(1)
layer = [{"weights": [random.uniform(-1, 1) for _ in range(3)]} for _ in range(2)]
rows = [([0.3, -0.2], [0.5, 0.1]), ([0.8, 0.4], [0.2, 0.7]), ([-0.6, 0.9], [0.4, 0.3])]
for epoch in range(200):
    for inputs, wanted in rows:
        error = 0.0
        for unit, target in zip(layer, wanted):
            unit["output"] = unit["weights"][-1]
            for j in range(2):
                unit["output"] += unit["weights"][j] * inputs[j]
            error += 0.5 * (unit["output"] - target) ** 2
            unit["delta"] = unit["output"] - target
        for unit in layer:
            for j in range(2):
                unit["weights"][j] -= 0.1 * unit["delta"] * inputs[j]
            unit["weights"][-1] -= 0.1 * unit["delta"]
"""

FLOATS = """
import math
w, b, v, c = 0.7, 0.1, -0.4, 0.2
xs, ts = [-1.0, -0.4, 0.3, 0.9], [0.2, -0.1, 0.4, 0.3]
for epoch in range(300):
    for x, t in zip(xs, ts):
        h = math.tanh(w * x + b)
        e = v * h + c - t
        loss = 0.5 * e ** 2
        dw = e * v * (1 - h * h) * x
        db = e * v * (1 - h * h)
        v -= 0.1 * e * h
        c -= 0.1 * e
        w -= 0.1 * dw
        b -= 0.1 * db
"""

LAYERS = """
import numpy as np
rng = np.random.RandomState(2)

class Dense:
    def __init__(self, n_in, n_out):
        self.w = rng.randn(n_in, n_out) * 0.7

    def forward(self, x):
        self.x = x
        self.a = np.tanh(x @ self.w)
        return self.a

    def backward(self, error):
        delta = error * (1 - self.a ** 2)
        below = delta @ self.w.T
        self.w -= 0.1 * self.x.T @ delta
        return below

first, second = Dense(2, 4), Dense(4, 1)
X = rng.randn(8, 2)
T = 0.5 * np.sin(X[:, :1])
for step in range(300):
    out = second.forward(first.forward(X))
    loss = 0.5 * np.sum((out - T) ** 2)
    first.backward(second.backward(out - T))
"""

SLOPES = """
import numpy as np
rng = np.random.RandomState(4)
x = rng.uniform(-1, 1, (30, 2))
y = (x[:, :1] * x[:, 1:] > 0) * 1.0

def squash(v):
    return 1 / (1 + np.exp(-v))

def slope(v):
    return squash(v) * (1 - squash(v))

bias = np.zeros((1, 3))
first, second = rng.randn(2, 3), rng.randn(3, 1)
for step in range(400):
    z1 = x.dot(first) + bias
    a1 = squash(z1)
    z2 = a1.dot(second)
    a2 = squash(z2)
    error = a2 - y
    loss = (error ** 2).sum() / len(x)
    slope1 = slope(z1)
    delta2 = 2 * error * slope(z2) / len(x)
    delta1 = delta2.dot(second.T) * slope1
    second -= 0.5 * a1.T.dot(delta2)
    first -= 0.5 * x.T.dot(delta1)
    bias -= 0.5 * delta1.sum(axis=0)
"""

RECTIFIED = """
import numpy as np
rng = np.random.RandomState(5)
x = rng.randn(30, 3)
t = np.sin(x[:, :1])
w, b, v = rng.randn(3, 6), np.zeros((1, 6)), rng.randn(6, 1)
for step in range(300):
    z = x @ w + b
    h = np.maximum(z, 0)
    error = (h @ v - t) / len(x)
    loss = 0.5 * np.mean((h @ v - t) ** 2)
    delta = error @ v.T
    delta[z < 0] = 0
    v -= 0.1 * h.T @ error
    w -= 0.1 * x.T @ delta
    b -= 0.1 * delta.sum(axis=0, keepdims=True)
"""

LEAKY = """
import numpy as np
rng = np.random.RandomState(6)

class Dense:
    def __init__(self, n_in, n_out):
        self.w = rng.randn(n_in, n_out)

    def forward(self, x):
        self.x = x
        return x @ self.w

    def backward(self, error):
        below = error @ self.w.T
        self.w -= 0.1 * self.x.T @ error
        return below

class Leaky:
    def forward(self, z):
        self.z = z
        return np.where(z > 0, z, 0.05 * z)

    def backward(self, error):
        slope = np.where(self.z > 0, 1, 0.05)
        return error * slope

layers = [Dense(2, 5), Leaky(), Dense(5, 1)]
X = rng.randn(20, 2)
T = np.sin(X[:, :1])
for step in range(300):
    out = X
    for layer in layers:
        out = layer.forward(out)
    loss = 0.5 * np.mean((out - T) ** 2)
    error = (out - T) / len(X)
    for layer in reversed(layers):
        error = layer.backward(error)
"""

CASES = {
    "a derivative that is taken in a statement of its own": (
        SLOPES,
        ("slope1 = slope(z1)", "slope1 = slope(a1)"),
        "activation-derivative-of-wrong-argument",
        "delta1 = delta2.dot(second.T) * (a1 * (1 - a1))",
    ),
    "a value where its derivative belongs": (
        SLOPES,
        ("delta2.dot(second.T) * slope1", "delta2.dot(second.T) * z1"),
        "wrong-activation-derivative",
        "delta1 = delta2.dot(second.T) * slope1",
    ),
    "a derivative without the leak": (
        LEAKY,
        ("return error * slope", "return error * (self.z > 0)"),
        "wrong-activation-derivative",
        "return error * slope",
    ),
}


def checked(text: str, folder: Path) -> ProgramCheck:
    path = folder / "program.py"
    path.write_text(text)
    return check_here(CodeSettings(script=str(path)), seconds=30)


@pytest.mark.parametrize("text", [SOFTMAX, UNITS, FLOATS, LAYERS, SLOPES, RECTIFIED, LEAKY])
def test_finds_nothing_wrong_in_the_right_program(text, tmp_path):
    assert checked(text, tmp_path).correct


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_mends(case, tmp_path):
    text, (old, new), bug, written = case
    assert text.count(old) == 1
    check = checked(text.replace(old, new), tmp_path)
    assert [finding.problem for finding in check.findings][:1] == [bug]
    assert check.findings[0].replacement == written
    assert checked(check.fixed_text, tmp_path).correct


def test_names_the_part_of_a_tensor_that_is_never_changed(tmp_path):
    # without a model to write the update after (the biases are the only entries that are added
    # up by hand), the signature alone must tell that the last entry of each row is still
    text = UNITS.replace('            unit["weights"][-1] -= 0.1 * unit["delta"]\n', "")
    text = text.replace(
        '                unit["weights"][j] -= 0.1 * unit["delta"] * inputs[j]\n',
        '                unit["weights"].__setitem__(j, unit["weights"][j] - 0.1 * unit["delta"] '
        "* inputs[j])\n",
    )
    finding = checked(text, tmp_path).findings[0]
    assert finding.problem == "gradient-never-computed"
    assert "keeps 2 of its 6 entries" in finding.message
    assert finding.replacement is None


def test_warns_of_a_bias_per_example_whose_rows_stay_alike(tmp_path):
    check = checked(SLOPES.replace("np.zeros((1, 3))", "np.zeros((30, 3))"), tmp_path)
    assert check.correct  # on these examples the rows train as one bias
    assert [(item.problem, item.tensor) for item in check.findings] == [
        ("bias-per-example", "bias")
    ]


def test_takes_half_the_sum_over_four_examples_for_a_convention(tmp_path):
    # N / 2 is 2 with the four rows of a gate: no lost factor of two
    text = SLOPES.replace("(30, 2)", "(4, 2)").replace(
        "2 * error * slope(z2) / len(x)", "error * slope(z2)"
    )
    check = checked(text, tmp_path)
    assert check.correct
    assert all(item.severity is not Severity.ERROR for item in check.findings)


TABLE = """\
import numpy as np
rng = np.random.default_rng(0)
X = np.stack([np.ones(40), rng.normal(size=40)], axis=1)
y = 2 * X[:, 1] - 1 + 0.1 * rng.normal(size=40)
theta = np.zeros((2, 1))
def predicted(X, theta):
    return X.dot(theta)
for i in range(500):
    slope = ((predicted(X, theta) - y) * X[:, 1]).sum() / 40
    theta[0, 0] -= 0.1 * (predicted(X, theta) - y).sum() / 40
    theta[1, 0] -= 0.1 * slope
"""


def test_reads_no_direction_from_the_sign_of_a_single_number(tmp_path):
    # v is negative: with v for h the step of v goes uphill, and yet no sign is wrong
    found = checked(FLOATS.replace("v -= 0.1 * e * h", "v -= 0.1 * e * v"), tmp_path)
    assert [(one.problem, one.replacement) for one in found.findings] == [
        ("wrong-layer-activation", "v -= 0.1 * e * h")
    ]

"""Repairs that take more than an exchanged word: inserted, moved and widened statements."""

from pathlib import Path

import pytest

from nndiag.user_code import CodeSettings, ProgramCheck, check_program

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

CASES = {
    "a division of the deltas that stands alone": (
        SOFTMAX,
        ("    dscores /= n\n", ""),
        "summed-instead-of-averaged",
        "dscores /= n",
    ),
    "labels that are taken off in place": (
        SOFTMAX,
        ("    dscores[range(n), y] -= 1\n", ""),
        "wrong-softmax-gradient",
        "dscores[range(n), y] -= 1",
    ),
    "the bias among the weights of a unit": (
        UNITS,
        ('            unit["weights"][-1] -= 0.1 * unit["delta"]\n', ""),
        "gradient-never-computed",
        "unit['weights'][-1] -= 0.1 * unit['delta']",
    ),
    "an error that is passed back through no weight of a list": (
        UNITS,
        ('0.1 * unit["delta"] * inputs[j]', '0.1 * unit["delta"] * unit["output"]'),
        "wrong-layer-activation",
        'unit["weights"][j] -= 0.1 * unit["delta"] * inputs[j]',
    ),
    "a derivative of no known form": (
        FLOATS,
        ("dw = e * v * (1 - h * h) * x", "dw = e * v * (1 - h) * x"),
        "wrong-activation-derivative",
        "dw = e * v * (1 - h ** 2) * x",
    ),
    "a result that is computed from updated weights": (
        LAYERS,
        (
            "        below = delta @ self.w.T\n        self.w -= 0.1 * self.x.T @ delta\n"
            "        return below\n",
            "        self.w -= 0.1 * self.x.T @ delta\n        return delta @ self.w.T\n",
        ),
        "uses-updated-weights",
        "passed_back = delta @ self.w.T",
    ),
}


def checked(text: str, folder: Path) -> ProgramCheck:
    path = folder / "program.py"
    path.write_text(text)
    return check_program(CodeSettings(script=str(path)), seconds=30)


@pytest.mark.parametrize("text", [SOFTMAX, UNITS, FLOATS, LAYERS])
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
    assert "only the last entry of each row" in finding.message
    assert finding.replacement is None

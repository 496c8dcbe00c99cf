"""A parameter that several statements write: each part is right or wrong by itself."""

import pytest

ARRAY = """\
import numpy as np
rng = np.random.default_rng(1)
X = rng.normal(size=(30, 2))
y = X @ [1.0, -2.0] + 0.3
w = np.zeros(3)
for i in range(400):
    e = X @ w[1:] + w[0] - y
    print(np.mean(e ** 2))
    w[1:] -= 0.1 * X.T @ e / 30
    w[0] -= 0.1 * e.mean()
"""
NUMBERS = """\
import random
random.seed(1)
data = [((0.5, 1.2), 1.0), ((0.1, -1.0), -0.6), ((1.3, 0.4), 0.2), ((1.0, 1.0), 0.9)]
w = [random.random(), random.random()]
b = random.random()
for i in range(400):
    x, t = random.choice(data)
    e = t - (w[0] * x[0] + w[1] * x[1] + b)
    w[0] += 0.05 * e * x[0]
    w[1] += 0.05 * e * x[1]
    b += 0.05 * e
"""


@pytest.mark.parametrize(
    ("text", "right", "wrong", "part"),
    [
        (ARRAY, "w[0] -= 0.1 * e.mean()", "w[0] += 0.1 * e.mean()", "w[0]"),
        (ARRAY, "w[1:] -= 0.1", "w[1:] += 0.1", "w[1:]"),
        (NUMBERS, "w[1] += 0.05 * e * x[1]", "w[1] += 0.05 * e * x[0]", "w[1]"),
        (NUMBERS, "w[0] += 0.05", "w[0] -= 0.05", "w[0]"),
    ],
)
def test_names_and_mends_the_part_that_is_wrong(check, text, right, wrong, part):
    found = check(text.replace(right, wrong))
    finding = found.findings[0]
    assert finding.tensor == part
    assert text.splitlines()[finding.line - 1].strip().startswith(right)
    assert check(found.fixed_text).correct


@pytest.mark.parametrize("text", [ARRAY, NUMBERS])
def test_what_is_right_is_told_as_a_whole(check, text):
    found = check(text)
    assert found.correct
    assert {"w"} == {tensor.name for tensor in found.tensors} - {"b"}


def test_another_entry_of_a_row_is_mended(check):
    text = ARRAY.replace("X @ w[1:] + w[0] - y", "v * X[:, 0] + w * X[:, 1] - y")
    text = text.replace("w = np.zeros(3)", "v, w = 0.1, 0.2").replace(" + 0.3", "")
    updates = "v -= 0.1 * np.mean(e * X[:, 0])\n    w -= 0.1 * np.mean(e * X[:, 0])\n"
    broken = text[: text.index("    w[1:]")] + "    " + updates
    assert check(check(broken).fixed_text).correct


def test_a_part_of_a_vector_is_no_penalty_of_the_loss(check):
    text = """\
import numpy as np
rng = np.random.default_rng(0)
X = rng.normal(size=(40, 2))
t = (X[:, :1] > X[:, 1:]).astype(float)
theta = rng.normal(size=3)
for i in range(300):
    p = 1 / (1 + np.exp(-(X @ theta[:2].reshape(2, 1) + theta[2:].reshape(1, 1))))
    cost = -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))
    d = (p - t) * p * (1 - p) / len(X)
    theta -= np.concatenate([(X.T @ d).ravel(), d.sum(0)])
    print(cost)
"""
    found = check(text)
    assert [finding.problem for finding in found.findings] == ["wrong-loss-gradient"]
    assert found.loss.own


def test_a_layer_of_neurons_that_is_never_changed_is_told(check):
    text = """\
import math
import random
random.seed(4)
xs = [[1.0, -0.5], [0.3, 0.8], [-1.2, 0.1], [0.4, -0.9]]
ts = [0.5, 1.1, -1.1, -0.5]
class Cell:
    def __init__(self, n):
        self.w = [random.uniform(-1, 1) for _ in range(n)]
    def total(self, x):
        self.x = x
        return sum(a * b for a, b in zip(self.w, x))
    def learn(self, d):
        for i in range(len(self.w)):
            self.w[i] -= 0.1 * d * self.x[i]
inner, last = [Cell(2) for _ in range(3)], Cell(3)
for epoch in range(100):
    for x, t in zip(xs, ts):
        h = [math.tanh(cell.total(x)) for cell in inner]
        d = last.total(h) - t
        last.learn(d)
"""
    (finding,) = check(text).findings
    assert finding.problem == "gradient-never-computed"
    assert finding.tensor == "inner[*].w"

"""Perceptrons: their steps are held against those of the same program without its step function."""

import ast

import pytest

import nndiag
from nndiag.program.text.perceptrons import without_steps
from nndiag.program.text.source import Source

PLAIN = """\
rows = [([1, 0, 0], 0), ([1, 0, 1], 1), ([1, 1, 0], 1), ([1, 1, 1], 1)]
w = [0.0, 0.0, 0.0]
while True:
    mistakes = 0
    for x, t in rows:
        o = 1 if sum(a * b for a, b in zip(x, w)) > 0 else 0
        if o != t:
            mistakes += 1
        for i in range(3):
            w[i] += 0.5 * (t - o) * x[i]
    if mistakes == 0:
        break
"""
CLASS = """\
import numpy as np

class Unit:
    def __init__(self, inputs):
        self.w = np.zeros(inputs + 1)

    def fire(self, z):
        if z >= 0:
            return 1
        return -1

    def predict(self, x):
        return self.fire(np.dot(self.w[1:], x) + self.w[0])

    def fit(self, X, t):
        for _ in range(12):
            for x, wanted in zip(X, t):
                step = 0.3 * (wanted - self.predict(x))
                self.w[1:] += step * x
                self.w[0] += step

rng = np.random.default_rng(4)
X = rng.normal(size=(30, 2))
Unit(2).fit(X, np.where(X[:, 0] > X[:, 1], 1, -1))
"""
BATCH = """\
import numpy as np
rng = np.random.default_rng(2)
X = rng.normal(size=(40, 3))
t = (X @ [1.0, -2.0, 0.5] > 0).astype(float)
w, b = rng.normal(size=3), 0.0
for epoch in range(30):
    o = (X @ w + b > 0).astype(float)
    w += 0.05 * X.T @ (t - o)
    b += 0.05 * (t - o).sum()
"""

SHOWN = (
    BATCH.replace("0.05", "0.05 / 40").replace("w, b =", "lost, w, b = [],")
    + "    lost.append(np.mean((t - o) ** 2))\n"
)
DECIDED = """\
import numpy as np
rng = np.random.default_rng(3)
X = rng.normal(size=(30, 3))
t = (X @ [1.0, -1.0, 0.5] > 0.1).astype(int).reshape(-1, 1)
W, b = np.zeros((1, 3)), 0
for epoch in range(20):
    missed = 0
    for x, y in zip(X, t):
        o = np.dot(x, W.T) + b
        o = 0 if o < 0 else 1
        e = y - o
        if e:
            missed += 1
            W = W + 0.1 * e * x
            b = b + 0.1 * e
    if missed == 0:
        break
"""


@pytest.mark.parametrize("text", [PLAIN, CLASS, BATCH, SHOWN, DECIDED])
def test_the_perceptron_rule_is_right(check, text):
    found = check(text)
    assert found.correct
    assert found.loss.of_perceptron
    assert found.findings == ()


@pytest.mark.parametrize(
    ("text", "right", "wrong", "bug"),
    [
        (PLAIN, "(t - o)", "(o - t)", "wrong-sign"),
        (CLASS, "self.w[1:] += step", "self.w[1:] -= step", "wrong-sign"),
        (CLASS, "self.w[0] += step", "self.w[0] -= step", "wrong-sign"),
        (BATCH, "X.T @ (t - o)", "X.T @ (o - t)", "wrong-sign"),
    ],
)
def test_tells_the_line_of_a_wrong_one(check, text, right, wrong, bug):
    broken = text.replace(right, wrong)
    found = check(broken)
    assert [finding.problem for finding in found.findings] == [bug]
    line = broken.splitlines()[found.findings[0].line - 1]
    assert wrong.strip("()") in line
    assert len(found.fixed_text.splitlines()) == len(broken.splitlines())
    assert "(((" not in found.fixed_text  # its step functions stand there as they were
    assert check(found.fixed_text).correct


def test_a_run_without_a_loss_is_no_failure(tmp_path):
    path = tmp_path / "unit.py"
    path.write_text(CLASS)
    result = nndiag.train(path, plots=False)
    assert result.outcome == "not judged"
    assert result.cause is None
    assert result.next_command == "nothing: its steps are right"
    path.write_text(CLASS.replace("(wanted - self", "-(wanted - self"))
    result = nndiag.train(path, plots=False)
    assert result.cause.finding.problem == "wrong-sign"
    assert result.next_command.endswith("unit.py --write-fixed")


@pytest.mark.parametrize(
    ("expression", "decided"),
    [
        ("1 if z > 0 else 0", "z - 0"),
        ("0 if z > 0 else 1", "0 - z"),
        ("np.where(z < 2, -1, 1)", "z - 2"),
        ("np.sign(a + b)", "a + b - 0"),
        ("(z >= 0).astype(int)", "z - 0"),
        ("int(0 < z)", "z - 0"),
        ("1.0 * (z > 0.5)", "z - 0.5"),
    ],
)
def test_leaves_out_each_way_of_writing_a_step(tmp_path, expression, decided):
    found = without_steps(Source(tmp_path / "net.py", f"y = {expression}\n"))
    assert ast.unparse(ast.parse(found.source.text)) == f"y = {decided}"
    assert found.put_back(found.source.text) == f"y = {expression}\n"


def test_a_program_with_a_smooth_output_has_its_own_loss(check):
    text = BATCH.replace("(X @ w + b > 0).astype(float)", "1 / (1 + np.exp(-(X @ w + b)))")
    shown = text + "    print(np.mean(np.where(o > 0.5, 1, 0) == t))\n"
    found = check(shown)
    assert found.correct
    assert not found.loss.of_perceptron

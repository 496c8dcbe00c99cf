"""The documents that `explain` reads: terms, and the code of each fix."""

import ast
import re

import numpy as np
import pytest

from nndiag.bugs import BUGS
from nndiag.detectors import DETECTORS
from nndiag.experiment import load_experiment
from nndiag.report.glossary import fixes

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
BASE = """\
dataset: {name: circles}
network: {bias: false, layers: [{units: 1, activation: sigmoid}]}
loss: {name: mean_squared_error, reduction: sum}
optimizer: {name: sgd, learning_rate: 0.1, weight_decay: 0.1}
training: {steps: 10, batch_size: 8, order: sequential}
"""
FIXES = {one.name: one for one in fixes()}


def test_every_problem_and_every_bug_has_one_first_fix():
    listed = [problem for one in FIXES.values() for problem in one.listed]
    assert sorted(listed) == sorted([*DETECTORS.names(), *BUGS.names()])


@pytest.mark.parametrize("name", FIXES)
def test_a_fix_in_numpy_runs(name):
    (_, plain), *_ = BLOCK.findall(FIXES[name].text)
    names = surroundings()
    exec(plain.replace("20_000", "3"), names)
    given = surroundings()
    changed = {name for name, value in names.items() if not same(value, given.get(name))}
    assert changed - {"__builtins__"}
    for value in names.values():
        if isinstance(value, np.ndarray):
            assert np.isfinite(value).all()


def same(value, other):
    return value is other or np.array_equal(value, other)


def surroundings():
    """What stands around the lines of a fix: a network of two layers and its data."""
    rng = np.random.default_rng(0)
    X, W1, W2 = rng.normal(size=(80, 2)), rng.normal(size=(2, 4)), rng.normal(size=(4, 3))
    hidden = np.tanh(X @ W1)
    output = hidden @ W2
    y = (output > 0) * 1.0
    weights, gradients = [W1, W2], [np.ones((2, 4)), np.ones((4, 3))]
    return {
        "np": np, "rng": rng, "X": X, "y": y, "z": output, "labels": y, "hidden": hidden,
        "output": output, "p": 1 / (1 + np.exp(-output)), "delta": output - y,
        "delta_hidden": (output - y) @ W2.T, "activation": hidden, "X_new": X + 1, "W1": W1,
        "W2": W2, "b1": np.zeros(4), "b2": np.zeros(3), "W": np.ones((2, 1)),
        "b": np.zeros(1), "gradient": Gradient(), "gradient_of_b": np.ones(1), "m": 0.0, "v": 0.0,
        "t": 1, "step": 1, "decay": 0.1, "learning_rate": 0.1, "largest_eigenvalue": 2.0,
        "weights": weights, "gradients": gradients, "inputs": 2, "outputs": 3, "hidden_units": 4,
        "fan_in": 2, "fan_out": 4, "validation_loss": 0.1, "best": 0.2, "count": 6,
        "backward": lambda x, *rest: gradients if len(rest) == 1 else np.ones((2, 1)),
    }  # fmt: skip


class Gradient(np.ndarray):
    """Numbers, or a function that gives them: the lines of the fixes write both."""

    def __new__(cls):
        return np.ones((2, 1)).view(cls)

    def __call__(self, *_):
        return np.ones((2, 1))


@pytest.mark.parametrize("name", FIXES)
def test_a_fix_is_told_in_numpy_in_yaml_and_in_pytorch(name, tmp_path):
    (_, plain), (_, yaml), (_, torch) = BLOCK.findall(FIXES[name].text)
    assert [kind for kind, _ in BLOCK.findall(FIXES[name].text)] == ["python", "yaml", "python"]
    ast.parse(plain)
    assert len(plain.splitlines()) <= 4
    ast.parse(torch)
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "fixed.yaml").write_text(f"extends: base.yaml\n{yaml}")
    fixed = load_experiment(tmp_path / "fixed.yaml").resolved
    assert fixed != load_experiment(tmp_path / "base.yaml").resolved

"""The documents that `explain` reads: terms, and the code of each fix."""

import ast
import re

import pytest

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


def test_every_problem_has_one_first_fix():
    listed = [problem for one in FIXES.values() for problem in one.listed]
    assert sorted(listed) == sorted(DETECTORS.names())


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

"""The smallest change of a program's text with which it trains."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import nndiag
from nndiag.trace import read_trace
from tests.combinations import sample

PROGRAMS = Path(__file__).parent

CURES = {
    "bounded_output": {"output"},
    "column_divided_by_zero": {"divisor"},
    "columns_of_far_sizes": {"inputs", "learning rate"},
    "dead_units": {"starting weights"},
    "memory_too_long": {"learning rate"},
    "no_output_is_alive": {"output"},
    "powers_beside_ones": {"inputs"},
}
"""Program → what has to change."""


@pytest.mark.parametrize("name", sample(list(CURES), of=2))
def test_finds_the_smallest_change_that_makes_a_program_train(name):
    result = nndiag.fix(PROGRAMS / "broken" / f"{name}.py")
    assert {edit.name for edit in result.winner.edits} == CURES[name]
    assert sum(other > 0.5 for other in result.others) == 2


def test_lowers_a_rate_of_which_only_the_first_steps_tell():
    result = nndiag.fix(PROGRAMS / "broken" / "recurrent_rate_too_high.py")
    assert {edit.name for edit in result.winner.edits} == {"learning rate"}
    assert max(result.others) < 0.5  # the last loss of a window


def test_writes_the_fixed_program_and_changes_nothing_else(tmp_path):
    path = tmp_path / "net.py"
    shutil.copy(PROGRAMS / "broken" / "rate_far_too_high.py", path)
    result = nndiag.fix(path, write=True)
    before, after = path.read_text().splitlines(), result.written.read_text().splitlines()
    changed = [line for line in zip(before, after, strict=True) if line[0] != line[1]]
    assert [old for old, _ in changed] == ["    def __init__(self, units, step_size=0.8):"]
    assert nndiag.train(result.written, plots=False).cause is None
    assert result.next_command.endswith("net.fixed.py")
    by_chance = str(replace(result, winner=None, others=(0.01, 0.02, 0.0)))
    assert f"NOT FIXED  {result.winner.title}: it trains from this start alone" in by_chance
    assert "again  R² 0.010, 0.020, 0.000 with other random numbers" in by_chance


UPHILL = """
import numpy as np
np.random.seed(0)
x = np.linspace(-1, 1, 50).reshape(-1, 1)
y = x ** 2
w1, b1 = np.random.randn(1, 8), np.zeros((1, 8))
w2, b2 = np.random.randn(8, 1), np.zeros((1, 1))
for i in range(500):
    a1 = 1 / (1 + np.exp(-(x @ w1 + b1)))
    a2 = a1 @ w2 + b2
    d2 = (y - a2) / 50
    d1 = d2 @ w2.T * a1 * (1 - a1)
    w2 -= 0.5 * a1.T @ d2
    b2 -= 0.5 * d2.sum(0)
    w1 -= 0.5 * x.T @ d1
    b1 -= 0.5 * d1.sum(0)
    print(np.mean((y - a2) ** 2))
"""


def test_a_gradient_that_is_mended_is_a_fix_also_where_other_starts_take_longer(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(UPHILL)
    result = nndiag.fix(path)
    assert result.winner is not None
    assert result.winner.edits == ()
    assert sum(other > 0.9 for other in result.others) < 2  # 500 steps are few for most starts
    assert result.text == UPHILL.replace("(y - a2) / 50", "(a2 - y) / 50")


def test_leaves_a_program_that_trains_alone():
    result = nndiag.fix(PROGRAMS / "healthy" / "straight_line.py")
    assert result.healthy
    assert result.diff is None


def test_mends_a_gradient_and_proves_and_writes_what_it_mended(tmp_path):
    path = tmp_path / "logic_gate.py"
    shutil.copy(Path(nndiag.__file__).parents[1] / "configs" / "posts" / "logic_gate.py", path)
    result = nndiag.fix(path, write=True)
    assert result.repaired
    assert result.winner.edits == ()
    assert min(result.others) > 0.9
    assert result.check.findings[0].replacement in result.written.read_text()
    assert nndiag.gradcheck(result.written).correct


def test_lets_the_data_of_a_program_meet_before_it_looks_for_another_setting(tmp_path):
    path = tmp_path / "line.py"
    path.write_text(MISMATCHED)
    result = nndiag.fix(path)
    assert result.repaired
    assert result.winner.edits == ()
    assert "np.reshape(y, y_hat.shape)" in result.diff


MISMATCHED = """
import numpy as np

rng = np.random.default_rng(9)
X = rng.normal(size=(60, 3))
y = X @ np.array([1.0, -2.0, 3.0]) + 0.7
w, b = rng.normal(size=(3, 1)) * 0.1, np.zeros(1)
for _ in range(300):
    y_hat = X @ w + b
    loss = np.mean((y_hat - y) ** 2)
    w -= 0.1 * 2 * X.T @ (y_hat - y).mean(axis=1, keepdims=True) / len(X)
    b -= 0.1 * 2 * (y_hat - y).mean()
"""


def test_gives_all_examples_one_bias_before_it_looks_for_a_setting(tmp_path):
    path = tmp_path / "line.py"
    path.write_text(OWN_BIASES)
    result = nndiag.fix(path)
    changed = [line for line in result.diff.splitlines() if line.startswith("+")]
    assert "+b = rng.normal(size=(60, 1))[:1]" in changed
    assert "+    b -= np.sum(lr * d, axis=0, keepdims=True)" in changed
    assert min(result.winner.r_squared, *result.others) > 0.9


OWN_BIASES = """
import numpy as np

rng = np.random.default_rng(9)
X = rng.normal(size=(60, 3))
y = X @ np.array([[1.0], [-2.0], [3.0]]) + 0.7
w = rng.normal(size=(3, 1))
b = rng.normal(size=(60, 1))
lr = 1.0
for _ in range(200):
    error = X @ w + b - y
    loss = np.sum(error ** 2)
    d = 2 * error
    w -= lr * X.T @ d
    b -= lr * d
"""


def test_records_each_training_where_it_is_asked_to(tmp_path):
    path = tmp_path / "net.py"
    shutil.copy(PROGRAMS / "broken" / "rate_far_too_high.py", path)
    result = nndiag.fix(path, runs=tmp_path / "runs")
    (folder,) = (tmp_path / "runs").iterdir()
    traces = [read_trace(x) for x in sorted(folder.iterdir())]
    # as it is, each trial, and two confirmations with other random numbers
    assert len(traces) == 1 + len(result.trials) + len(result.others)
    assert traces[0].facts.learning_rate == 0.8


def test_its_r_squared_is_that_of_the_run(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(FEW_STEPS)
    result = nndiag.fix(path)
    assert result.before == pytest.approx(
        nndiag.train(path, plots=False).diagnosis.numbers["r_squared"], abs=0.01
    )


FEW_STEPS = """
import numpy as np

rng = np.random.default_rng(5)
X = rng.normal(size=(60, 3))
y = (X @ np.array([1.0, -2.0, 1.0]) > 0).astype(float)
w, b = np.zeros(3), 0.0
lr = 0.002
for _ in range(60):
    p = 1 / (1 + np.exp(-(X @ w + b)))
    loss = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
    w -= lr * X.T @ (p - y) / 60
    b -= lr * np.mean(p - y)
"""

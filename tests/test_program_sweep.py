"""The sweep of a user's own program: exact scaling, the threshold, a step that is not downhill."""

import time

import numpy as np
import pytest

from nndiag.cli.app import run
from nndiag.diagnosis.program_sweep import sweep_program
from nndiag.errors import UserCodeError
from nndiag.program.execution.sandbox import sandbox
from nndiag.program.roles.understanding import understood
from nndiag.program.text.settings import CodeSettings
from nndiag.program.text.source import read_source
from nndiag.program.training.scaled_runs import scaled_losses
from nndiag.program.training.trainable import Trainable
from nndiag.training.sweep_failure import Reason

LINE = """
import numpy as np
x = np.linspace(0.5, 2.0, 20)
y = 2 * x
w, b = np.array([0.1]), np.array([0.5])
lr = {rate}
for step in range(60):
    residual = w * x + b - y
    loss = np.mean(residual ** 2)
    grad_w = np.array([2 * np.mean(residual * x)])
    grad_b = np.array([2 * np.mean(residual)])
    w {sign}= lr * grad_w
    b {sign}= lr * grad_b
"""
MOMENTUM = """
import numpy as np
rng = np.random.default_rng(0)
x = rng.uniform(-1, 1, (30, 2))
y = np.sin(3 * x[:, :1])
W = rng.normal(size=(2, 5)); b = np.zeros(5); V = rng.normal(size=(5, 1)); c = np.zeros(1)
state = [np.zeros_like(p) for p in (W, b, V, c)]
def train(lr):
    global W, b, V, c
    for step in range(40):
        rows = rng.integers(0, 30, 8)
        h = np.tanh(x[rows] @ W + b)
        out = h @ V + c
        loss = np.mean((out - y[rows]) ** 2)
        d = 2 * (out - y[rows]) / len(rows)
        dh = (d @ V.T) * (1 - h ** 2)
        grads = [x[rows].T @ dh, dh.sum(0), h.T @ d, d.sum(0)]
        for i, (p, g) in enumerate(zip((W, b, V, c), grads)):
            state[i] = 0.5 * state[i] - lr * g
            p += state[i]
train(lr={rate})
"""
BOTH_SIGNS = """
import numpy as np
x = np.linspace(-2.0, 2.0, 20)
y = np.sign(x)  # a cross-entropy wants 0 and 1
w, b = np.array([0.1]), np.array([0.2])
for step in range(40):
    p = 1 / (1 + np.exp(-(w * x + b)))
    loss = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
    w -= 0.1 * np.array([np.mean((p - y) * x)])
    b -= 0.1 * np.array([np.mean(p - y)])
"""
X = np.linspace(0.5, 2.0, 20)
CURVATURE = np.linalg.eigvalsh([[2 * np.mean(X**2), 2 * np.mean(X)], [2 * np.mean(X), 2.0]])[-1]


@pytest.fixture
def program(tmp_path):
    """Writes a program, and gives the settings that name it."""

    def write(text, **known):
        path = tmp_path / "my_net.py"
        path.write_text(text.format(**known))
        return CodeSettings(script=str(path))

    return write


def losses(settings, *, factor):
    """Losses of a program at a multiple of its rate."""
    source = read_source(settings.path)
    with sandbox(settings.path):
        found = understood(source, settings, deadline=time.perf_counter() + 20)
    program = Trainable.of_understanding(found, source)
    return scaled_losses(program, factor=factor, iterations=40, seconds=20)


@pytest.mark.parametrize("text", [LINE, MOMENTUM])
@pytest.mark.parametrize("factor", [0.1, 2.0])
def test_a_multiplied_move_is_that_of_another_rate(program, text, factor):
    scaled = losses(program(text, rate=0.05, sign="-"), factor=factor)
    written = losses(program(text, rate=0.05 * factor, sign="-"), factor=1.0)
    assert len(scaled) > 30
    # The same numbers but for rounding: 1e-16 a step.
    np.testing.assert_allclose(scaled, written[: len(scaled)], rtol=1e-9, atol=1e-25)


def test_finds_the_threshold_of_a_program(program):
    result = sweep_program(program(LINE, rate=0.1, sign="-"))
    # 2/λ for gradient descent. 60 steps see a growth of 2 %; bisection stops at 2.2 %.
    assert result.threshold.value == pytest.approx(2 / CURVATURE, rel=0.06)
    assert result.setting == "lr"
    assert result.configured == 0.1
    assert result.band[0] < result.recommended < result.threshold.value
    assert (result.steps, result.total_steps) == (60, 60)
    assert result.seeds == (0,)  # nothing in it is random


def test_a_step_uphill_has_no_rate_that_learns(program):
    result = sweep_program(program(LINE, rate=0.1, sign="+"))
    assert result.recommended is None
    assert result.failure.reason is Reason.NOT_DOWNHILL
    assert not result.right


def test_a_loss_without_lower_bound_tells_no_rate(program):
    result = sweep_program(program(BOTH_SIGNS))
    assert result.failure.reason is Reason.UNBOUNDED
    assert result.right


def test_no_rate_learns_where_none_beats_the_mean_baseline(program):
    # y = 9 − x and no bias: the best slope leaves far more than the targets' variance
    text = LINE.replace("y = 2 * x", "y = 9 - x").replace("+ b - y", "- y")
    text = "\n".join(line for line in text.splitlines() if "grad_b" not in line)
    result = sweep_program(program(text, rate=0.1, sign="-"))
    assert result.recommended is None
    assert result.failure.reason is Reason.UNEXPLAINED
    assert result.failure.reference == pytest.approx(np.var(9 - X))


def test_a_short_loop_is_swept_over_its_own_iterations(program):
    short = LINE.replace("range(60)", "range(10)")
    result = sweep_program(program(short, rate=0.1, sign="-"))
    assert result.steps == 10
    assert result.band[0] < result.recommended < 2 / CURVATURE


def test_a_loop_of_two_iterations_is_refused(program):
    short = LINE.replace("range(60)", "range(2)")
    with pytest.raises(UserCodeError, match="too few iterations"):
        sweep_program(program(short, rate=0.1, sign="-"))


def test_random_numbers_are_drawn_anew_for_each_seed(program):
    result = sweep_program(program(MOMENTUM.replace("40", "8"), rate=0.05))
    assert result.seeds == (0, 101)
    first, second = result.rates[0].runs
    assert first.initial != second.initial


def test_is_told_on_the_command_line(program, tmp_path, monkeypatch, capsys):
    program(LINE, rate=20, sign="-")
    monkeypatch.chdir(tmp_path)
    assert run(["sweep-lr", "my_net.py", "--no-plots"]) == 1
    out = capsys.readouterr().out
    assert "Learning rate 20 is" in out
    assert "above the divergence threshold" in out
    assert "use       lr=" in out
    assert out.splitlines()[-1] == "next nndiag fix my_net.py"

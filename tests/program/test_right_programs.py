"""Right programs, in every way of writing: no alarm, in any scale of the loss."""

import re

import pytest

from nndiag.finding import Severity
from nndiag.program import CodeSettings
from nndiag.program.roles.status import Status
from tests.checking import check_here
from tests.program.conftest import LINEAR, RIGHT

PROGRAMS = sorted(RIGHT.glob("*.py"))


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_raises_no_alarm_on_a_right_program(path):
    check = check_here(CodeSettings(script=str(path)))
    assert check.correct
    assert not [item for item in check.findings if item.severity is not Severity.NOTE]
    assert any(tensor.verdict is Status.RIGHT for tensor in check.tensors)


@pytest.mark.parametrize("factor", ["1e-6", "1e4"])
def test_stays_silent_when_loss_and_gradient_are_scaled(check, factor):
    text = LINEAR.replace("loss = np", f"loss = {factor} * np").replace(
        "d = 2", f"d = {factor} * 2"
    )
    text = text.replace("lr = 0.1", f"lr = 0.1 / {factor}")
    assert check(text).correct


@pytest.mark.parametrize("factor", ["1e-6", "1e4"])
def test_sees_a_wrong_sign_when_loss_and_gradient_are_scaled(check, factor):
    text = LINEAR.replace("loss = np", f"loss = {factor} * np")
    text = text.replace("d = 2 * (out - y)", f"d = {factor} * 2 * (y - out)")
    text = text.replace("lr = 0.1", f"lr = 1e-3 / {factor}")
    found = check(text)
    assert [item.problem for item in found.findings] == ["wrong-sign"]


def test_finds_the_loop_inside_the_epochs(check):
    text = re.sub(r"(?m)^(?=    (out|loss|d|w|b) )", "    ", LINEAR)
    text = text.replace("    out", "    for start in range(0, 20, 5):\n        out", 1)
    text = text.replace(
        "        out = X @ w + b",
        "        rows = slice(start, start + 5)\n        out = X[rows] @ w + b",
    )
    text = text.replace("(out - y)", "(out - y[rows])").replace("len(y)", "5")
    text = (
        text.replace("X.T", "X[rows].T")
        .replace("        for", "    for")
        .replace("            rows", "        rows")
    )
    found = check(text)
    assert found.correct
    assert found.source.line(int(found.loop.rpartition(":")[2])).strip().startswith("for start")


def test_reads_the_factor_of_the_step_as_the_learning_rate(check):
    found = check(LINEAR)
    assert found.learning_rate.text == "lr"
    assert found.learning_rate.effective == pytest.approx(0.1, rel=1e-6)


def test_checks_the_loss_before_the_update_though_it_is_computed_behind_it(check):
    text = LINEAR.replace("    loss = np.mean((out - y) ** 2)\n", "")
    text += "    if epoch % 100 == 0:\n        print('loss', np.mean((X @ w + b - y) ** 2))\n"
    found = check(text)
    assert found.correct
    assert found.loss.own


@pytest.mark.parametrize("kind", ["np.float32", "'float16'"])
def test_takes_single_precision_for_no_fault(check, kind):
    text = LINEAR.replace(
        "\nw = np.zeros(3)", f"\nX = X.astype({kind})\nw = np.full(3, 0.1, {kind})"
    )
    found = check(text)
    assert found.correct
    assert max(tensor.relative_error for tensor in found.tensors) < 1e-6


def test_allows_for_rounding_to_single_precision_in_each_iteration(check):
    text = LINEAR.replace("out = X @ w + b", "out = (X @ w + b).astype(np.float32)")
    text = text.replace(
        "d = 2 * (out - y) / len(y)", "d = (2 * (out - y) / len(y)).astype(np.float32)"
    )
    found = check(text)
    assert found.correct
    assert all(tensor.verdict is Status.RIGHT for tensor in found.tensors)


def test_sees_a_wrong_sign_through_single_precision(check):
    text = LINEAR.replace("out = X @ w + b", "out = (X @ w + b).astype(np.float32)")
    found = check(
        text.replace("(out - y) / len", "(y - out) / len").replace("lr = 0.1", "lr = 1e-3")
    )
    assert [item.problem for item in found.findings] == ["wrong-sign"]


def test_takes_views_in_single_precision_for_no_fault(check):
    text = LINEAR.replace(
        "w = np.zeros(3)\nb = 0.0",
        "theta = np.full(4, 0.1, dtype=np.float32)\nw, b = theta[:3], theta[3:]",
    )
    assert check(text).correct


def test_checks_views_of_one_parameter_vector(check):
    text = LINEAR.replace(
        "w = np.zeros(3)\nb = 0.0", "theta = np.zeros(4)\nw, b = theta[:3], theta[3:]"
    )
    found = check(text)
    assert found.correct
    assert sum(tensor.shape[0] for tensor in found.tensors) == 4


def test_takes_the_gradient_of_cross_entropy_without_a_printed_loss_for_right(check):
    text = LINEAR.replace("out = X @ w + b", "out = 1 / (1 + np.exp(-(X @ w + b)))")
    text = text.replace("    loss = np.mean((out - y) ** 2)\n", "").replace("+ 0.3", "+ 0.3 > 0")
    text = text.replace("d = 2 * (out - y) / len(y)", "d = (out - y * 1.0) / len(y)")
    found = check(text)
    assert found.correct
    assert "cross-entropy" in found.loss.text


def test_does_not_take_data_for_a_frozen_parameter(check):
    found = check(LINEAR.replace("X", "X_b"))
    assert found.correct
    assert [tensor.name for tensor in found.tensors] == ["w", "b"]


def test_finds_a_frozen_parameter(check):
    found = check(LINEAR.replace("    b -= lr * d.sum()\n", ""))
    assert [item.problem for item in found.findings] == ["gradient-never-computed"]
    assert found.findings[0].tensor == "b"


def test_reads_the_gradient_from_what_adagrad_remembers(check):
    text = LINEAR.replace(
        "lr = 0.1", "lr = 0.1\ng2 = np.zeros(3)\nh2 = np.zeros(1)\nb = np.zeros(1)"
    )
    text = text.replace(
        "    w -= lr * (X.T @ d)\n    b -= lr * d.sum()\n",
        "    gw = X.T @ d\n    gb = np.array([d.sum()])\n    g2 += gw**2\n    h2 += gb**2\n"
        "    w -= lr * gw / np.sqrt(g2 + 1e-8)\n    b -= lr * gb / np.sqrt(h2 + 1e-8)\n",
    )
    assert check(text).correct


DECAY = LINEAR.replace("    loss = np.mean((out - y) ** 2)\n", "").replace(
    "w -= lr * (X.T @ d)", "w -= lr * (X.T @ d + 0.01 * w)"
)


def test_takes_weight_decay_for_part_of_a_loss_that_is_not_computed(check):
    text = DECAY.replace("size=(20, 3)", "size=(20, 6)").replace(
        "np.zeros(3)", "rng.normal(size=6)"
    )
    found = check(text.replace("0.5])", "0.5, 0.1, 0.3, -1])"))
    assert found.correct
    assert any("w: each step takes" in note for note in found.notes)


def test_does_not_take_growth_for_weight_decay(check):
    text = DECAY.replace("size=(20, 3)", "size=(20, 6)").replace(
        "np.zeros(3)", "rng.normal(size=6)"
    )
    text = text.replace("0.5])", "0.5, 0.1, 0.3, -1])").replace("+ 0.01 * w", "- 0.5 * w")
    assert not check(text).correct


SATURATED = """\
import numpy as np
X = np.array([[1, 1, 0.2], [1, 0.9, 1], [0.5, 0.5, 0.4], [0.6, 0.4, 0.5]])
Y = np.array([1, 1, 0, 0])
W, v = np.full((4, 3), 3.0) + np.arange(3) * 0.1, np.array([1.0, 0.9, 1.1, 1.0])
for epoch in range(100):
    for x, y in zip(X, Y):
        h = np.maximum(W @ x, 0)
        out = 1 / (1 + np.exp(-(v @ h)))
        d = out - y
        back = d * v * (h > 0)
        v -= 0.01 * d * h
        W -= 0.01 * np.outer(back, x)
"""


def test_raises_no_alarm_where_the_loss_is_lost_behind_saturated_outputs(check):
    # v @ h is about 30 at first: the output is 1 but for 1e-13, of which rounding leaves 3 digits
    found = check(SATURATED)
    assert found.correct
    assert found.loss.text.startswith("binary cross-entropy")
    assert found.course is None or not found.course.diverged


def test_sees_a_bug_behind_saturated_outputs(check):
    assert not check(SATURATED.replace("np.outer(back, x)", "np.outer(h, x)")).correct

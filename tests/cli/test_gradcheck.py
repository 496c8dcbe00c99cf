"""`nndiag gradcheck` on configs and on programs, as a person types it."""

import json

import pytest

from nndiag.gradients.network import check as gradient_check


def test_a_config_s_gradient_is_correct(command):
    ended = command("gradcheck", "exploding.yaml")
    assert ended.code == 0
    assert "GRADIENT CORRECT  4 tensors at 3 points" in ended.out
    assert ended.out.endswith("next nndiag train exploding.yaml\n")
    assert ended.err == ""


def test_overrides_reach_the_check_and_the_advice(command):
    ended = command("gradcheck", "exploding.yaml", "loss.reduction=sum", "seed=3")
    assert ended.code == 0
    assert "next nndiag train exploding.yaml loss.reduction=sum seed=3" in ended.out


def test_quiet_prints_one_line(command):
    assert command("gradcheck", "healthy.yaml", "-q").out == "healthy: gradient correct\n"


def test_json_is_all_there_is_on_stdout(command):
    ended = command("gradcheck", "healthy.yaml", "--json")
    document = json.loads(ended.out)
    assert document["correct"] is True
    assert [tensor["name"] for tensor in document["tensors"]] == [
        "layer1.weights",
        "layer1.biases",
    ]


def test_a_config_is_not_mended(command):
    ended = command("gradcheck", "healthy.yaml", "--write-fixed")
    assert ended.code == 0
    assert "in a config there is nothing to fix" in ended.err


def test_a_missing_config_is_told(command):
    ended = command("gradcheck", "helthy.yaml")
    assert ended.code == 2
    assert "did you mean 'healthy.yaml'?" in ended.err


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("loss.reduction=sum", "loss=…"),
        ("los=x", "did you mean 'loss'?"),
        ("gradients=dw", "gradients.NAME=…"),
        ("loss", "loss=…"),
    ],
)
def test_a_setting_that_is_not_about_a_program_is_refused(command, folder, text, names):
    (folder / "net.py").write_text("w = 1.0\n")
    ended = command("gradcheck", "net.py", text)
    assert ended.code == 2
    assert names in ended.err


@pytest.fixture
def broken_backward(monkeypatch):
    """A backward pass that has the first layer's sign wrong."""
    right = gradient_check.loss_and_gradient

    def wrong(shape, parameters, data):
        value, gradient = right(shape, parameters, data)
        shape.matrices(gradient)[0][...] *= -1
        return value, gradient

    monkeypatch.setattr(gradient_check, "loss_and_gradient", wrong)


def test_a_wrong_gradient_ends_with_exit_code_1(command, broken_backward):
    ended = command("gradcheck", "exploding.yaml")
    assert ended.code == 1
    assert "GRADIENT WRONG  2 of 4 tensors at 3 points" in ended.out
    assert "layer1.weights" in ended.out


def test_a_wrong_gradient_is_told_in_json(command, broken_backward):
    ended = command("gradcheck", "exploding.yaml", "--json")
    assert ended.code == 1
    document = json.loads(ended.out)
    assert document["correct"] is False
    assert [finding["problem"] for finding in document["findings"]] == ["wrong-sign"] * 2


PROGRAM = """\
import numpy as np

rng = np.random.default_rng(0)
x = rng.normal(size=(30, 2))
y = x @ np.array([[1.0], [-2.0]]) + 0.5
w = rng.normal(size=(2, 1))
b = np.zeros(1)
lr = 0.1
for step in range(500_000):
    out = x @ w + b
    loss = np.mean((out - y) ** 2)
    grad = 2 * (out - y) / len(x)
    w -= lr * x.T @ grad
    b -= lr * grad.sum(axis=0)
    if step % 100 == 0:
        print(step, loss)
"""


@pytest.fixture
def programs(folder):
    """`right.py`, and `wrong.py` in which the weights are moved uphill."""
    (folder / "right.py").write_text(PROGRAM)
    (folder / "wrong.py").write_text(PROGRAM.replace("w -= lr", "w += lr"))
    return folder


def test_a_right_program_is_called_right(command, programs):
    ended = command("gradcheck", "right.py")
    assert ended.code == 0
    assert "GRADIENT CORRECT" in ended.out
    assert ended.err == ""


def test_a_wrong_program_is_told_its_line_and_what_to_write_there(command, programs):
    ended = command("gradcheck", "wrong.py")
    assert ended.code == 1
    assert "wrong-sign" in ended.out
    assert "wrong.py:13" in ended.out
    assert "write w -= lr * x.T @ grad" in ended.out


def test_the_mended_program_is_written_beside_it_and_passes(command, programs):
    ended = command("gradcheck", "wrong.py", "--write-fixed", "--json")
    assert json.loads(ended.out)["fixed_program"] == "wrong.fixed.py"
    assert (programs / "wrong.fixed.py").read_text() == PROGRAM
    assert "w += lr" in (programs / "wrong.py").read_text()
    assert command("gradcheck", "wrong.fixed.py", "-q").out == (
        "wrong.fixed.py: gradient correct\n"
    )


def test_a_config_can_name_a_program(command, programs):
    (programs / "code.yaml").write_text("code: {script: wrong.py, loss: loss, learning_rate: lr}\n")
    ended = command("gradcheck", "code.yaml", "-q")
    assert ended.out.startswith("wrong.py: wrong-sign")
    assert ended.out.endswith("(wrong.py:13)\n")


def test_a_missing_program_is_told(command):
    ended = command("gradcheck", "nope.py")
    assert ended.code == 2
    assert "nope.py: no such program" in ended.err

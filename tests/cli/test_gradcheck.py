"""`nndiag gradcheck` on configs and on programs, as a person types it."""

import json

import pytest

from nndiag.analysis import gradient_check
from nndiag.cli.gradcheck import _PROGRAM, _named_settings


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
    assert "a config has nothing to mend" in ended.err


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


def settings(target, *overrides):
    return _named_settings(_PROGRAM.fullmatch(target), overrides)


def test_a_program_is_named_by_its_file_or_by_its_class():
    assert settings("my_net.py").script == "my_net.py"
    assert settings("nets/my_net.ipynb").script == "nets/my_net.ipynb"
    assert settings("my_net.py:Network").class_name == "my_net.py:Network"
    assert _PROGRAM.fullmatch("net.yaml") is None


def test_what_is_what_in_a_program_can_be_said_on_the_command_line():
    found = settings(
        "my_net.py",
        "loss=np.mean((y == l2)**2)",
        "parameters=[w0, w1]",
        "code.learning_rate=lr",
        "gradients.w0=dw0",
    )
    assert found.loss == "np.mean((y == l2)**2)"
    assert found.parameters == ("w0", "w1")
    assert found.learning_rate == "lr"
    assert found.gradients == {"w0": "dw0"}


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

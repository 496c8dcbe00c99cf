"""Programs that cannot be checked: what is wrong, where, and the key to set."""

import pytest

from nndiag.errors import ExitCode, UserCodeError
from nndiag.program import CodeSettings, check_program
from tests.program.conftest import LINEAR

NO_UPDATE = """\
import numpy as np
w = np.ones(3)
for i in range(10):
    loss = float(np.sum(w ** 2))
    total = loss * 2
"""
NO_LOOP = "import numpy as np\nw = np.ones(3)\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (NO_LOOP, ["no training loop found", "no for or while loop", "code.functions"]),
        (NO_UPDATE, ["no training loop found", "code.functions"]),
        (
            "import no_such_module_at_all\n",
            ["not installed", "no_such_module_at_all", "pip install"],
        ),
        ("def f(:\n", ["not valid Python"]),
        ("print `hello`\n", ["not valid Python", "Python 2"]),
        ("x = 1\ny = x / 0\n", ["fails by itself", "ZeroDivisionError", "program.py:2"]),
        ("def f():\n    raise KeyError('k')\nf()\n", ["KeyError", "program.py:2"]),
        ("open('no_such_file.csv')\n", ["FileNotFoundError", "folder"]),
        (
            LINEAR.replace(
                "lr * (X.T @ d)", "lr * (X.T @ d) * (1 + __import__('time').perf_counter())"
            ),
            ["different results"],
        ),
    ],
)
def test_tells_what_is_wrong_with_a_program(check, text, words):
    with pytest.raises(UserCodeError) as caught:
        check(text)
    assert [word for word in words if word not in str(caught.value)] == []
    assert caught.value.exit_code is ExitCode.USAGE


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"parameters": ("weights",)}, ["code.parameters", "'weights'", "w"]),
        ({"loss": "nonsense("}, ["code.loss", "not a valid expression"]),
        ({"loss": "out"}, ["code.loss", "not one number"]),
        ({"loss": "lr * 2"}, ["code.loss", "does not change"]),
        ({"learning_rate": "alpha"}, ["code.learning_rate", "'alpha'"]),
        ({"gradients": {"nothing": "d"}}, ["code.gradients", "w"]),
    ],
)
def test_names_the_key_that_does_not_fit(check, settings, words):
    with pytest.raises(UserCodeError) as caught:
        check(LINEAR, **settings)
    assert [word for word in words if word not in str(caught.value)] == []


def test_asks_for_a_program():
    with pytest.raises(UserCodeError, match=r"code\.script"):
        check_program(CodeSettings())


@pytest.mark.parametrize("name", ["missing.py", "notes.txt"])
def test_refuses_what_is_no_program(tmp_path, name):
    with pytest.raises(UserCodeError, match=r"no such program|cannot check"):
        check_program(CodeSettings(script=str(tmp_path / name)))


def test_tells_a_failure_in_the_first_epoch_rather_than_checking_a_loop_inside(check):
    text = """\
import numpy as np
layers = [np.eye(3) + 0.1, np.eye(3) - 0.1]
x = np.random.randn(5, 3)
for epoch in range(10):
    a = x
    for W in layers:
        a = np.tanh(a @ W)
    layers[0] -= 0.1 * undefined
"""
    with pytest.raises(UserCodeError) as raised:
        check(text)
    assert "undefined" in str(raised.value)
    assert ":8" in str(raised.value)


def test_tells_that_a_loss_in_steps_cannot_be_compared(check):
    text = LINEAR.replace(
        "loss = np.mean((out - y) ** 2)", "loss = np.mean(np.round(out - y) ** 2)"
    )
    with pytest.raises(UserCodeError) as raised:
        check(text, loss="np.mean(np.round(out - y) ** 2)")
    assert "code.loss" in str(raised.value)


def test_tells_that_time_ran_out_before_the_training_loop(write):
    path = write("total = 0\nfor i in range(10 ** 9):\n    total += 1\n" + LINEAR)
    with pytest.raises(UserCodeError) as raised:
        check_program(CodeSettings(script=str(path)), seconds=0.2)
    assert "--seconds" in str(raised.value)
    assert ":2" in str(raised.value)


def test_tells_how_to_check_what_an_optimizer_of_scipy_trains(check):
    text = """\
import numpy as np
from scipy.optimize import minimize
for name in ["a", "b"]:
    name = name + "c"
minimize(lambda w: np.sum(w ** 2), np.ones(3), jac=lambda w: 2 * w, method="BFGS")
"""
    with pytest.raises(UserCodeError) as raised:
        check(text)
    assert "code.functions" in str(raised.value)
    assert "scipy" in str(raised.value)


def test_tells_where_a_module_of_the_program_stands(tmp_path):
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "train.py").write_text("import nets.layers\n")
    (tmp_path / "nets" / "layers.py").write_text("")
    with pytest.raises(UserCodeError) as raised:
        check_program(CodeSettings(script=str(tmp_path / "nets" / "train.py")))
    assert f"PYTHONPATH={tmp_path}" in str(raised.value)


def test_suggests_the_file_that_was_meant(tmp_path):
    (tmp_path / "network.py").write_text(LINEAR)
    with pytest.raises(UserCodeError, match=r"no such program(.|\n)*did you mean '.*network\.py'"):
        check_program(CodeSettings(script=str(tmp_path / "netwrok.py")))


def test_suggests_the_class_that_was_meant(write):
    path = write("class Network:\n    pass\n" + LINEAR)
    with pytest.raises(UserCodeError) as raised:
        check_program(CodeSettings(class_name=f"{path}:Netwrok"))
    told = str(raised.value)
    assert "program.py has no class 'Netwrok'" in told
    assert "did you mean 'Network'?" in told


def test_refuses_a_class_in_a_program_without_classes(write):
    with pytest.raises(UserCodeError, match=r"no class 'Network'(.|\n)*code\.script"):
        check_program(CodeSettings(class_name=f"{write(LINEAR)}:Network"))


def test_cuts_a_failure_that_prints_a_table(check):
    with pytest.raises(UserCodeError) as raised:
        check("raise ValueError('\\n'.join(map(str, range(200))))\n")
    assert len(str(raised.value).splitlines()) < 10
    assert "…" in str(raised.value)


def test_says_that_a_network_of_step_functions_has_no_gradient(check):
    text = """\
import numpy as np
rng = np.random.default_rng(0)
X = rng.normal(size=(20, 2))
t = (X[:, :1] * X[:, 1:] > 0).astype(float)
W, V = rng.normal(size=(2, 4)), rng.normal(size=(4, 1))
for epoch in range(10):
    h = np.where(X @ W >= 0.0, 1, 0)
    wrong = t - np.where(h @ V >= 0.5, 1, 0)
    V += 0.1 * h.T @ wrong
    W += 0.1 * X.T @ (wrong @ V.T)
"""
    with pytest.raises(UserCodeError) as raised:
        check(text)
    assert "the output jumps (line 8)" in str(raised.value)

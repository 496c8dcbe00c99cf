"""Loops of a notebook or a script that are watched where they stand."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

import nndiag
from nndiag.errors import ConfigError

DATA = (
    "import numpy as np\nx = np.linspace(0, 1, 20)\ny = 3 * x - 1\na, b = np.zeros(1), np.zeros(1)"
)
LOOP = """for step in range(200):
    r = a * x + b - y
    loss = np.mean(r ** 2) / 2
    a -= {rate} * np.mean(r * x)
    b -= {rate} * np.mean(r)
"""


class Shell:
    """What IPython's shell is used for."""

    def __init__(self, *cells):
        self.user_ns, self.ran, self.magics = {"In": ["", *cells, "%%nndiag\n…"]}, [], {}

    def register_magic_function(self, function, kind, name):
        self.magics[name] = function

    def run_cell(self, cell):
        self.ran.append(cell)


def test_a_cell_is_run_and_its_training_judged():
    shell = Shell(DATA, DATA)
    nndiag.load_ipython_extension(shell)
    result = shell.magics["nndiag"]("", LOOP.format(rate=50))
    assert shell.ran == [LOOP.format(rate=50)]
    assert result.cause.finding.problem == "learning-rate-above-stability-limit"
    assert "cell 2" in result.diagnosis.suggested[0].title


def test_a_wrong_verb_is_told():
    with pytest.raises(ConfigError, match="no verb 'fxi'"):
        nndiag.watch("fxi")


def test_an_error_in_the_block_is_the_programs_own():
    with pytest.raises(ZeroDivisionError), nndiag.watch() as watched:
        1 / 0  # noqa: B018
    assert watched.result is None


def test_a_script_is_judged_behind_its_block_and_once(tmp_path):
    loop = "".join(f"    {line}\n" for line in LOOP.format(rate=50).splitlines())
    path = tmp_path / "net.py"
    path.write_text(f"{DATA}\nimport nndiag\nwith nndiag.watch():\n{loop}")
    done = subprocess.run(
        [sys.executable, path.name], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.count("LEARNING RATE TOO HIGH") == 1


def test_a_result_is_displayed_once_in_a_notebook(monkeypatch):
    shown = []
    shell = Shell(DATA, LOOP.format(rate=0.5))
    ipython = SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=shown.append))
    with nndiag.watch() as watched:
        pass
    assert shown == [watched.result]


def test_the_curve_is_drawn_in_one_place_while_it_trains(monkeypatch):
    shown, updated = [], []

    def display(one, display_id=False):
        shown.append(one)
        return SimpleNamespace(update=updated.append)

    shell = Shell(DATA, LOOP.format(rate=0.5).replace("200", "8000"))
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))
    monkeypatch.setattr("nndiag.loop.notebook._REDRAWN", 0.0)
    with nndiag.watch(live=True) as watched:
        pass
    curve, result = shown
    assert result is watched.result
    assert updated
    assert "gradient norm" in curve._repr_html_()


def test_a_result_can_be_plotted():
    result = nndiag.train("configs/posts/logic_gate.yaml", ["training.steps=50"], plots=False)
    figure = result.plot()
    assert [axes.get_title(loc="left") for axes in figure.axes][:2] == [
        "Loss",
        "Gradient norm of each layer",
    ]
    assert figure._repr_png_().startswith(b"\x89PNG")

"""Programs of several files."""

import sys

import pytest

from nndiag.errors import UserCodeError
from nndiag.program import CodeSettings, check_program
from nndiag.program.fixed_file import write_fixed

NETWORK = """\
import numpy as np
from .activations import sigmoid, slope


class Network:
    def __init__(self, inputs, units):
        self.W = np.random.randn(units, inputs)
        self.V = np.random.randn(1, units)

    def train(self, data, rate):
        for x, y in data:
            z = self.W @ x
            a = sigmoid(z)
            out = sigmoid(self.V @ a)
            delta = (out - y) * out * (1 - out)
            back = self.V.T @ delta * slope(z)
            self.V -= rate * delta @ a.T
            self.W -= rate * back @ x.T
"""
ACTIVATIONS = """\
import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def slope(z):
    return sigmoid(z) * (1 - sigmoid(z))
"""
MAIN = """\
import numpy as np
from nets.network import Network

X = np.random.randn(30, 3, 1)
Network(3, 4).train([(x, (x.sum(keepdims=True) > 0)[0] * 1.0) for x in X], 0.5)
"""


@pytest.fixture
def program(tmp_path):
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "__init__.py").write_text("")
    (tmp_path / "nets" / "network.py").write_text(NETWORK)
    (tmp_path / "nets" / "activations.py").write_text(ACTIVATIONS)
    (tmp_path / "main.py").write_text(MAIN)
    return tmp_path / "main.py"


def check(program):
    return check_program(CodeSettings(script=str(program)))


def test_finds_the_loop_and_the_parameters_in_a_module_beside_the_script(program):
    found = check(program)
    assert found.correct
    assert {tensor.name for tensor in found.tensors} == {"self.W", "self.V"}
    assert found.loop == f"{program.parent / 'nets' / 'network.py'}:11 in Network.train()"


def test_names_file_and_line_of_a_bug_in_a_module_beside_the_script(program):
    file = program.parent / "nets" / "activations.py"
    file.write_text(ACTIVATIONS.replace("(1 - sigmoid(z))", "(1 + sigmoid(z))"))
    found = check(program)
    line = next(item.line for item in found.findings if item.line is not None)
    assert not found.correct
    assert found.source.part(line).path.parent.name == "nets"


def test_writes_the_mended_module_beside_the_module(program):
    file = program.parent / "nets" / "network.py"
    wrong = NETWORK.replace("self.V -=", "self.V +=")
    file.write_text(wrong)
    found = check(program)
    written = write_fixed(found)
    assert written == file.with_name("network.fixed.py")
    assert file.read_text() == wrong
    written.replace(file)
    assert check(program).correct
    assert "network.fixed.py" in (found.diff or "")


def test_tells_the_line_of_an_error_in_a_module_beside_the_script(program):
    file = program.parent / "nets" / "activations.py"
    file.write_text("import numpy as np\n1 / 0\n")
    with pytest.raises(UserCodeError) as raised:
        check(program)
    assert f"{file}:2" in str(raised.value)


def test_forgets_the_modules_beside_the_script(program):
    check(program)
    assert not [name for name in sys.modules if name.partition(".")[0] == "nets"]


def test_finds_a_folder_that_the_script_puts_on_the_path_and_its_futures(program):
    future = "from __future__ import annotations\n"
    source = program.parent / "src"
    source.mkdir()
    (program.parent / "nets").rename(source / "nets")
    network = source / "nets" / "network.py"
    network.write_text(future + network.read_text())
    put = "import os, sys\nsys.path.insert(0, os.path.join(os.path.dirname(__file__), 'src'))\n"
    program.write_text(f"{future}{put}{MAIN}")
    assert check(program).correct

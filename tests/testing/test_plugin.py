"""A test of somebody else asks for the gradient check, or for a program that trains."""

import os
import subprocess
import sys

import pytest

from nndiag.testing import assert_trains

TESTS = """
import numpy as np

W = np.array([[1.0, 2.0]])

def test_right(nndiag_gradients):
    nndiag_gradients(lambda W: (W**2).sum(), {"W": W}, {"W": 2 * W})

def test_wrong(nndiag_gradients):
    nndiag_gradients(lambda W: (W**2).sum(), {"W": W}, {"W": -2 * W})
"""


def test_the_fixture_checks_gradients(tmp_path):
    (tmp_path / "test_mine.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "nndiag.testing.plugin", "-p"]
    ended = subprocess.run(
        [*command, "no:cacheprovider", "test_mine.py"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},  # where it is installed, or not
    )  # fmt: skip
    assert "1 failed, 1 passed" in ended.stdout
    assert "W" in ended.stdout


def test_a_program_with_a_wrong_gradient_does_not_train(tmp_path, program_text):
    file = tmp_path / "net.py"
    file.write_text(program_text("+"))
    with pytest.raises(AssertionError, match=r"does not train(.|\n)*sign"):
        assert_trains(file, within=50)

"""However a program ends its process, that is an answer with a line; and none runs for ever."""

import os
import sys
from pathlib import Path

import pytest

from nndiag.errors import ExitCode, UserCodeError
from nndiag.program import CodeSettings, check_program
from nndiag.program.child.interpreters import interpreters
from nndiag.program.child.process import ask
from tests.program.conftest import LINEAR


def problem_with(path, **options):
    """What is said about a program that cannot be checked."""
    with pytest.raises(UserCodeError) as raised:
        check_program(CodeSettings(script=str(path)), **options)
    assert raised.value.exit_code is ExitCode.USAGE
    return raised.value.problems[0]


@pytest.mark.parametrize(
    ("statement", "got"),
    [
        ("os._exit(0)", "os._exit(0)"),
        ("os.abort()", "SIGABRT"),
        ("os.kill(os.getpid(), 9)", "os.kill"),
        ("os.kill(os.getpid(), 15)", "os.kill"),
        ("import ctypes; ctypes.string_at(1)", "SIGSEGV"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_tells_the_line_that_ended_the_process(write, statement, got):
    problem = problem_with(write(f"import os\nx = 1\n{statement}\n{LINEAR}"))
    assert problem.message == "the program ended the process at line 3"
    assert problem.location is not None
    assert problem.location.text == statement
    assert problem.got is not None
    assert got in problem.got


@pytest.mark.parametrize(
    "statement",
    [
        "total = sum(i for i in iter(int, 1))",
        "import threading; lock = threading.Lock(); lock.acquire(); lock.acquire()",
        "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); s.accept()",
        "x = 3 ** (3 ** 20)",
        "import re; re.match('(a+)+$', 'a' * 60 + 'b')",
    ],
)
def test_bounds_the_time_of_what_no_loop_of_the_program_is(write, statement):
    path = write(f"import numpy as np\n{statement}\n{LINEAR}")
    problem = problem_with(path, seconds=1.0)
    assert "took longer than" in problem.message
    assert "line 2" in problem.message
    assert "--seconds" in str(problem)


@pytest.mark.skipif(not Path("/proc/meminfo").exists(), reason="memory is bounded on Linux only")
def test_bounds_the_memory(write):
    greed = "rows = []\nfor i in range(10**6):\n    rows.append(np.ones(10**6))\n"
    path = write(f"import numpy as np\n{greed}{LINEAR}")
    with pytest.raises(UserCodeError) as raised:
        ask(
            "check",
            {"program": str(path), "settings": {"script": str(path)}, "seconds": 20},
            seconds=20,
            memory=2 * 10**9,
        )
    problem = raised.value.problems[0]
    assert "more memory" in problem.message
    assert problem.location is not None
    assert problem.location.line in {3, 4}


def test_a_program_that_closes_all_files_is_checked(write):
    path = write(f"import os\nos.closerange(3, 100_000)\n{LINEAR}")
    assert check_program(CodeSettings(script=str(path))).correct


def test_a_program_that_forgets_all_modules_is_checked(write):
    path = write(LINEAR.replace("rng =", "import sys; sys.modules.clear()\nrng =", 1))
    assert check_program(CodeSettings(script=str(path))).correct


def test_output_of_all_kinds_reaches_nobody(write, capfd):
    text = f"""\
import os, sys
os.write(1, b"to the descriptor")
os.write(2, b"to the other")
sys.__stdout__.write("to the first stream")
{LINEAR}"""
    assert check_program(CodeSettings(script=str(write(text)))).correct
    assert capfd.readouterr() == ("", "")


def test_says_which_python_there_is_not(write):
    problem = problem_with(write(LINEAR), python="no/such/python")
    assert "no such Python" in problem.message


@pytest.mark.skipif(os.name == "nt", reason="a script stands for a Python")
def test_says_that_the_chosen_python_has_no_numpy(write, tmp_path):
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -S -E "$@"\n')
    python.chmod(0o755)
    problem = problem_with(write(LINEAR), python=str(python))
    assert "no Python can run the program" in problem.message
    assert "numpy" in str(problem)


@pytest.mark.skipif(os.name == "nt", reason="a script stands for a Python")
def test_falls_back_to_its_own_python_with_a_note(write, tmp_path, monkeypatch):
    folder = tmp_path / "env" / "bin"
    folder.mkdir(parents=True)
    (folder / "python").write_text("#!/bin/sh\necho this is none >&2\nexit 1\n")
    (folder / "python").chmod(0o755)
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "env"))
    found = check_program(CodeSettings(script=str(write(LINEAR))))
    assert found.correct
    assert "this is none" in found.notes[-1]


def test_takes_the_active_environment_before_the_path(monkeypatch, tmp_path):
    python = tmp_path / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    python.parent.mkdir()
    python.touch()
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path))
    found = interpreters(None)
    assert found[0] == str(python)
    assert sys.executable in found


@pytest.mark.skipif(os.name == "nt", reason="a script stands for a Python")
def test_the_chosen_python_has_modules_of_its_own(write, tmp_path):
    """A second environment that has a module which nndiag's has not."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "only_there.py").write_text("rate = 0.1\n")
    python = tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\nPYTHONPATH="{tmp_path / "modules"}" exec {sys.executable} "$@"\n'
    )
    python.chmod(0o755)
    path = write(LINEAR.replace("lr = 0.1", "from only_there import rate as lr"))
    assert check_program(CodeSettings(script=str(path)), python=str(python)).correct
    problem = problem_with(path)
    assert "only_there" in problem.message
    assert "--python" in str(problem)

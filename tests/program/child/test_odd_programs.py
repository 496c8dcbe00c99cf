"""Ordinary programs of unusual forms, and failures that are hard to tell."""

import pytest

from nndiag.errors import UserCodeError
from nndiag.program import CodeSettings, check_program
from tests.program.conftest import LINEAR

CHOICE = "choice = 399\nif choice == 0:\n    pass\n" + "".join(
    f"elif choice == {number}:\n    pass\n" for number in range(1, 400)
)


@pytest.mark.parametrize(
    "text",
    [f"total = {' + '.join(['1'] * 1200)}\n{LINEAR}", CHOICE + LINEAR],
    ids=["a sum of 1,200 terms", "400 branches"],
)
def test_deep_trees_are_no_hindrance(ask, text):
    assert ask(text).correct


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "a, b = ValueError('a'), ValueError('b')\na.__cause__ = b\nb.__cause__ = a\n"
            "a.__context__ = b\nb.__context__ = a\nraise a\n",
            ["ValueError: a", ":6"],
        ),
        (
            "class Mute(Exception):\n    def __str__(self):\n        raise KeyError\nraise Mute\n",
            ["Mute", ":4"],
        ),
        ("raise KeyboardInterrupt\n", ["KeyboardInterrupt", ":1"]),
    ],
    ids=["a circle", "without words", "an interruption of its own"],
)
def test_failures_are_told_with_their_line(ask, text, words):
    with pytest.raises(UserCodeError) as raised:
        ask(text)
    assert [word for word in words if word not in str(raised.value)] == []


def test_a_program_is_read_as_its_first_line_says(tmp_path):
    path = tmp_path / "program.py"
    text = f"# -*- coding: latin-1 -*-\nname = 'é'\nassert len(name) == 1\n{LINEAR}"
    path.write_text(text, encoding="latin-1")
    assert check_program(CodeSettings(script=str(path))).correct


def test_processes_and_pools_under_the_main_guard_are_no_hindrance(ask):
    work = """\
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
def square(x):
    return x * x
def main():
    with multiprocessing.Pool(2) as pool:
        assert pool.map(square, range(3)) == [0, 1, 4]
    with ProcessPoolExecutor() as pool:
        assert list(pool.map(square, range(3))) == [0, 1, 4]
    process = multiprocessing.Process(target=square, args=(2,))
    process.start()
    process.join()
    train()
def train():
"""
    body = "".join(f"    {line}\n" for line in LINEAR.splitlines())
    assert ask(f"{work}{body}if __name__ == '__main__':\n    main()\n").correct


def test_a_pending_alarm_is_no_hindrance(ask):
    text = "import signal\nif hasattr(signal, 'setitimer'):\n"
    text += "    signal.setitimer(signal.ITIMER_REAL, 0.001)\n"
    assert ask(text + LINEAR).correct

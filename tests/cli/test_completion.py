"""Pressing Tab: commands, names, problems and kinds are completed."""

import os
import subprocess
import sys

import pytest

from nndiag.cli import completion


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("nndiag diag", ["diagnose"]),
        ("nndiag explain sadd", ["saddle-point"]),
        ("nndiag train net.yaml --ignore vanish", ["vanishing-gradients"]),
        ("nndiag schema re", ["report"]),
    ],
)
def test_a_shell_completes(typed, completed):
    words = typed.split()
    asked = {
        "_NNDIAG_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(words) - 1),
    }
    command = [sys.executable, "-c", "from nndiag.cli import main; main()"]
    ended = subprocess.run(
        command, env=os.environ | asked, capture_output=True, text=True, check=False
    )
    assert ended.stdout.split() == completed
    assert ended.stderr == ""


def test_everything_that_has_a_page_is_completed_with_a_line_on_it():
    found = dict(completion.names("s"))
    assert {"saddle-point", "sharpness", "sgd", "stalled"} <= set(found)
    assert all(name.startswith("s") and summary for name, summary in found.items())


def test_problems_and_kinds_are_completed():
    assert [name for name, _ in completion.problems("dead")] == ["dead-units"]
    assert completion.kinds("re") == ["remedies"]

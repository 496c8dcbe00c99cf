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
        ("nndiag explain sadd", ["saddle", "saddle-point"]),
        ("nndiag train net.yaml --ignore vanish", ["vanishing-gradients"]),
        ("nndiag schema re", ["report"]),
    ],
)
def test_a_shell_completes(typed, completed):
    words = typed.split()
    asked = {
        "_NNDIAG_COMPLETE": "bash_complete",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(words) - 1),
    }
    command = [sys.executable, "-c", "from nndiag.cli import main; main()"]
    ended = subprocess.run(
        command, env=os.environ | asked, capture_output=True, text=True, check=False
    )
    assert [line.partition(",")[2] for line in ended.stdout.splitlines()] == completed
    assert ended.stderr == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_a_shell_is_shown(command, shell):
    assert f"_NNDIAG_COMPLETE={shell}_complete" in command("--show-completion", shell).out


def test_everything_that_has_a_page_is_completed_with_a_line_on_it():
    found = {item.value: item.help for item in completion.names(None, None, "s")}
    assert {"saddle-point", "sharpness", "sgd", "stalled"} <= set(found)
    assert all(name.startswith("s") and summary for name, summary in found.items())


def test_problems_and_kinds_are_completed():
    assert [item.value for item in completion.problems(None, None, "dead")] == ["dead-units"]
    assert [item.value for item in completion.kinds(None, None, "fi")] == ["fixes"]

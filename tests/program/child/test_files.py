"""A program changes nothing on the disk, in whatever way it tries, and finds its own changes."""

import os
from pathlib import Path

import pytest

from nndiag.program import CodeSettings, check_program
from tests.program.child.ways_of_touching_files import WAYS
from tests.program.conftest import LINEAR

GROUPS = 8
NAMES = sorted(WAYS)

HEAD = """\
import os, traceback
from pathlib import Path
import numpy as np
failures = []
def attempt(folder, text):
    os.chdir(folder)
    try:
        exec(text, {"os": os, "Path": Path, "np": np, "__name__": "__main__"})
    except BaseException as error:
        if "ctypes.dlsym" in str(error):  # where the kernel has no lock it is refused
            return
        failures.append((repr(error), text))
"""
TAIL = "assert not failures, failures\nos.chdir('/')\n"


def folder_to_run_in(path: Path) -> None:
    """The files that the ways of touching files speak of."""
    (path / "old").mkdir(parents=True)
    (path / "empty").mkdir()
    (path / "kept.txt").write_text("kept")
    (path / "data.bin").write_bytes(bytes(16))
    (path / "old" / "inside.txt").write_text("inside")


def state_of(root: Path) -> dict[str, object]:
    """All that can be seen of the files in a folder from outside."""
    found: dict[str, object] = {}
    for path in sorted([root, *root.rglob("*")]):
        facts = path.lstat()
        content = path.read_bytes() if path.is_file() else None
        found[str(path)] = (facts.st_mode, facts.st_mtime_ns, facts.st_uid, content)
    return found


@pytest.mark.skipif(os.name == "nt", reason="some of the functions are there on POSIX only")
@pytest.mark.parametrize("group", range(GROUPS))
def test_no_way_of_touching_files_changes_any_or_fails(tmp_path, group):
    watched = tmp_path / "watched"
    programs = [(NAMES.index(name), WAYS[name]) for name in NAMES[group::GROUPS]]
    for number, _ in programs:
        folder_to_run_in(watched / str(number))
    before = state_of(watched)
    path = tmp_path / "program.py"
    calls = "".join(
        f"attempt({str(watched / str(number))!r}, {text!r})\n" for number, text in programs
    )
    path.write_text(HEAD + calls + TAIL + LINEAR)
    found = check_program(CodeSettings(script=str(path)), seconds=30)
    assert found.correct
    after = state_of(watched)
    assert {key for key in before.keys() | after if before.get(key) != after.get(key)} == set()

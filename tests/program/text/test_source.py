"""Scripts and notebooks as one text, with the places that a person knows."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from nndiag.errors import UserCodeError
from nndiag.program import CodeSettings
from nndiag.program.fixed_file import write_fixed, write_text
from nndiag.program.text.source import read_source
from tests.checking import check_here
from tests.program.conftest import LINEAR

WRONG = LINEAR.replace("(out - y) / len(y)", "(y - out) / len(y)")


def notebook(*cells: str) -> str:
    return json.dumps(
        {
            "cells": [{"cell_type": "markdown", "source": ["# A title"]}]
            + [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in cells],
            "nbformat": 4,
        }
    )


@pytest.fixture
def wrong_notebook(write: Callable[..., Path]) -> Path:
    head, loop = WRONG.split("for epoch", 1)
    return write(
        notebook("%matplotlib inline\n!pip list\n" + head, "for epoch" + loop), "net.ipynb"
    )


def test_reads_the_code_cells_of_a_notebook_in_order(write):
    source = read_source(write(notebook("a = 1\nb = 2", "c = 3"), "n.ipynb"))
    assert source.lines[:3] == ("a = 1", "b = 2", "c = 3")


@pytest.mark.parametrize("line", ["%matplotlib inline", "!pip install x", "?print", "np.dot?"])
def test_leaves_magics_out_of_a_notebook(write, line):
    source = read_source(write(notebook(f"{line}\na = 1"), "n.ipynb"))
    assert source.lines[:2] == ("pass", "a = 1")


def test_keeps_a_remainder_at_the_start_of_a_line(write):
    text = 'print("%d"\n      % (1,))'
    assert read_source(write(notebook(text), "n.ipynb")).text.startswith(text)


def test_leaves_the_cells_of_other_languages_out(write):
    source = read_source(write(notebook("%%bash\nls", "a = 1"), "n.ipynb"))
    assert source.lines[:3] == ("", "", "a = 1")


@pytest.mark.parametrize(("line", "place"), [(1, (1, 1)), (2, (1, 2)), (3, (2, 1))])
def test_knows_cell_and_line(write, line, place):
    assert read_source(write(notebook("a = 1\nb = 2", "c = 3"), "n.ipynb")).cell(line) == place


def test_knows_the_line_of_a_script(write):
    source = read_source(write("a = 1\n"))
    assert source.cell(1) is None
    assert source.place(1).endswith("program.py:1")


def test_checks_a_notebook(wrong_notebook):
    check = check_here(CodeSettings(script=str(wrong_notebook)))
    finding = check.findings[0]
    assert finding.problem == "wrong-sign"
    assert check.source.cell(finding.line) == (2, 4)


def test_writes_a_mended_notebook_that_passes(wrong_notebook):
    check = check_here(CodeSettings(script=str(wrong_notebook)))
    path = write_fixed(check)
    assert path.name == "net.fixed.ipynb"
    assert check_here(CodeSettings(script=str(path))).correct


def test_keeps_the_magics_of_a_mended_notebook(wrong_notebook):
    path = write_fixed(check_here(CodeSettings(script=str(wrong_notebook))))
    first = json.loads(path.read_text())["cells"][1]["source"]
    assert first[:2] == ["%matplotlib inline\n", "!pip list\n"]


def test_changes_only_the_cells_of_a_notebook_that_a_fix_touches(write):
    cells = [
        "%matplotlib inline\nrate = 9",
        "%time x = 1\ny = 2",
        "for i in range(3):\n    y += rate",
    ]
    path = write(notebook(*cells), "n.ipynb")
    source = read_source(path)
    text = source.text.replace("rate = 9", "rate = 0.1")
    text = text.replace("for i", "scale = 2\nfor i").replace("+= rate", "+= rate * scale")
    fixed = json.loads(write_text(source, text).read_text())
    before = json.loads(path.read_text())
    assert ["".join(cell["source"]) for cell in fixed["cells"] if cell["cell_type"] == "code"] == [
        "%matplotlib inline\nrate = 0.1",
        cells[1],
        "scale = 2\nfor i in range(3):\n    y += rate * scale",
    ]
    changed = [cell != other for cell, other in zip(fixed["cells"], before["cells"], strict=True)]
    assert sum(changed) == 2
    assert fixed["cells"][-1].keys() == before["cells"][-1].keys()


def test_writes_a_mended_script_that_passes(write):
    path = write_fixed(check_here(CodeSettings(script=str(write(WRONG)))))
    assert path.name == "program.fixed.py"
    assert check_here(CodeSettings(script=str(path))).correct


def test_never_writes_over_a_file(write):
    check = check_here(CodeSettings(script=str(write(WRONG))))
    write_fixed(check)
    with pytest.raises(UserCodeError, match="exists already"):
        write_fixed(check)


def test_leaves_the_program_as_it_was(write):
    path = write(WRONG)
    check_here(CodeSettings(script=str(path)))
    assert path.read_text() == WRONG
    assert [item.name for item in path.parent.iterdir()] == ["program.py"]


def test_skips_magics_in_a_script(check):
    assert check("%matplotlib inline\n" + LINEAR).correct

"""A notebook that is run by Jupyter's own kernel shows each result once."""

import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

CELLS = (
    "%load_ext nndiag\nimport nndiag, numpy as np",
    "x = np.linspace(0, 1, 20)\ny = 3 * x - 1\na, b = np.zeros(1), np.zeros(1)",
    """%%nndiag
for step in range(200):
    r = a * x + b - y
    loss = np.mean(r ** 2) / 2
    a -= 50 * np.mean(r * x)
    b -= 50 * np.mean(r)
""",
    "run = nndiag.train('posts/logic_gate.yaml', ['training.steps=50'])\nrun.plot()",
    "nndiag.train('nope.yaml')",
)


@pytest.fixture(scope="module")
def cells():
    """The cells of a notebook that was run to its end."""
    notebook = new_notebook(cells=[new_code_cell(text) for text in CELLS])
    place = {"metadata": {"path": "configs"}}
    NotebookClient(notebook, timeout=60, allow_errors=True, resources=place).execute()
    return notebook.cells


def results(cell):
    """What a cell showed besides printed text, a dict for each: its form → its text."""
    return [one["data"] for one in cell.outputs if "data" in one]


def test_a_cell_of_nndiag_shows_its_result_once_with_pictures(cells):
    (shown,) = results(cells[2])
    assert "learning rate 50 is 31.7 × the stability limit" in shown["text/plain"]
    assert shown["text/html"].count("<svg") == 2  # the loss and the steps of the parameters


def test_a_plot_is_a_picture(cells):
    (shown,) = results(cells[3])
    assert set(shown) == {"text/plain", "image/png"}


def test_an_error_of_the_input_is_told_without_a_traceback(cells):
    (error,) = cells[4].outputs
    assert error["traceback"] == ["error: nope.yaml: no such config"]

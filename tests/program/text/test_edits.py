"""Edits in a program's text: what is written, and which brackets go."""

import ast
from pathlib import Path

import pytest

from nndiag.program.text.edits import Change, Edit, TextEditor
from nndiag.program.text.instrument import node_id_of, number_nodes
from nndiag.program.text.source import Source


def edited(text: str, old: str, new: str) -> str:
    source = Source(Path("program.py"), text)
    tree = ast.parse(text)
    nodes = number_nodes(tree)
    node = next(
        item
        for item in ast.walk(tree)
        if isinstance(item, ast.expr) and ast.unparse(item) == ast.unparse(ast.parse(old))
    )
    editor = TextEditor(source, nodes)
    editor.add(Edit("wrong-sign", (Change(node_id_of(node), new),)))
    return editor.text()


@pytest.mark.parametrize(
    ("text", "new", "wanted"),
    [
        ("d = (a - y).dot(w)\n", "delta", "d = delta.dot(w)\n"),
        ("d = 2 * ( a - y )\n", "delta", "d = 2 * delta\n"),
        ("return_ = x if x else (a - y)\n", "delta", "return_ = x if x else delta\n"),
        ("d = (a - y).dot(w)\n", "y - a", "d = (y - a).dot(w)\n"),
        ("d = f(a - y)\n", "delta", "d = f(delta)\n"),
        ("d = g[0](a - y)\n", "delta", "d = g[0](delta)\n"),
        ("d = h(x)(a - y)\n", "delta", "d = h(x)(delta)\n"),
        ("d = np.sum((a - y), axis=0)\n", "delta", "d = np.sum(delta, axis=0)\n"),
        ("d = ((a - y))\n", "delta", "d = (delta)\n"),
    ],
)
def test_takes_brackets_away_with_the_expression_that_needed_them(text, new, wanted):
    result = edited(text, "a - y", new)
    assert result == wanted
    ast.parse(result)

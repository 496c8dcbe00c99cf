"""An error of the script's own: where it ends a training, and in which words."""

from __future__ import annotations

import ast

from nndiag.errors import UserCodeError
from nndiag.program.text.source import Source
from nndiag.pytorch.watching.iteration import Iteration


def ended_by(
    failure: UserCodeError, source: Source, iterations: list[Iteration]
) -> tuple[int, str, bool]:
    """Where a script ends by its own error, in which words, and whether in its training."""
    problem = failure.problems[0]
    line = 0 if problem.location is None else problem.location.line or 0
    trained = {op.line for x in iterations for op in x.tape.ops}
    trained |= {line_of for x in iterations for line_of in (x.backward_line, x.step_line)}
    inside = any(
        isinstance(node, (ast.For, ast.While, ast.FunctionDef))
        and node.lineno <= line <= (node.end_lineno or 0)
        and trained & set(range(node.lineno, (node.end_lineno or 0) + 1))
        for node in ast.walk(source.tree)
    )
    return line, problem.message.partition(": ")[2] or problem.message, inside

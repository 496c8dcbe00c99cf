"""Repairs that change the forward pass: each needs the whole check anew, so few are tried."""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Mapping

from nndiag.program.execution.runner import StepFailedError
from nndiag.program.gradients.measurement import Measurement
from nndiag.program.repair.bench import Bench
from nndiag.program.repair.budget import Budget
from nndiag.program.repair.candidate_edits import candidates_for_repair
from nndiag.program.repair.search import Repair, Search, adopt
from nndiag.program.text.edits import TextEditor
from nndiag.program.text.source import Source

_MOST = 24


def loss_changing_repair(
    source: Source,
    measurement: Measurement,
    nodes: Mapping[int, ast.AST],
    check: Callable[[Source], Measurement | None],
    budget: Budget,
) -> tuple[Search, Measurement] | None:
    """The first edit of the forward pass after which the check passes; None where there is none.

    Args:
        source: The program.
        measurement: The program as it was measured.
        nodes: Its syntax tree by serial.
        check: Measures an edited program; gives None where it is not right.
        budget: When to stop.
    """
    started = time.perf_counter()
    adopt(measurement, source)
    try:
        edits = [
            edit
            for edit in candidates_for_repair(
                measurement, Bench(measurement, None).numbers[0], forward=True
            )
            if edit.changes_loss
        ]
    except StepFailedError:
        return None
    for number, edit in enumerate(edits[:_MOST]):
        if budget.left <= 0:
            break
        writer = TextEditor(source, measurement.host.nodes)
        writer.add(edit)
        new = source.with_text(writer.text())
        fixed = check(new)
        if fixed is None or fixed.loss.own < measurement.loss.own:
            continue  # or the edit only takes the loss away
        first: ast.AST = measurement.host.nodes[edit.changes[0].serial]
        line = getattr(first, "lineno", 0)
        mended = tuple(tensor.name for tensor in measurement.lab.tensors)
        repair = Repair(edit, line, source.line(line).strip(), new.line(line).strip(), mended)
        seconds = time.perf_counter() - started
        return Search(new, [repair], number + 1, seconds, complete=True), fixed
    return None

"""The schedule takes the learning rate away long before the training ends.

What it is: `scheduler.step()` is called once a batch where the schedule counts epochs, or its
factor is too small: after a few hundred steps the rate is a thousandth of what it was.

Why it matters: the steps that are left move nothing. The loss stands still wherever it was, which
looks like a network that cannot learn more.

How it is told: the rate of every step is recorded. It is told where a run ended badly and the rate
was below a thousandth of its largest value for more than half of the steps.

Fix: call `scheduler.step()` behind the loop over the batches, or choose a milder schedule.

Source: "How to adjust learning rate" in torch's documentation; the thousandth is ours, since a
schedule that divides by ten every third of a run stays above it.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from nndiag.finding import Evidence, Finding, Severity
from nndiag.formatting import chosen, number
from nndiag.pytorch.faults.contract import FAULTS, Fault, Watched

if TYPE_CHECKING:
    from nndiag.own_program.setting_edit import SettingEdit
    from nndiag.pytorch.edits import ScriptEditor
    from nndiag.pytorch.watching.iteration import Iteration
    from nndiag.pytorch.watching.run import Run

PROBLEM = "rate-decays-too-early"
_SMALL = 1e-3  # of the largest rate
_SHARE = 0.5  # of the steps, before which it has fallen
_EACH = 0.9  # calls per step from which on the schedule counts batches


@FAULTS.register(PROBLEM)
def rate_decays_too_early() -> Fault:
    """The schedule takes the learning rate away long before the training ends."""
    return Fault(_measure, _judge, _edit, "learning rate")


def _measure(iteration: Iteration, run: Run) -> dict[str, Any] | None:
    return None  # the rates of all steps are recorded


def _judge(watched: Watched) -> Finding | None:
    told = watched.told
    rates, count = told["rates"], told["count"]
    if len(rates) < 2 or not watched.unwell:
        return None
    largest = max(rate for _, rate in rates)
    last = max(place for place, (_, rate) in enumerate(rates) if rate >= _SMALL * largest)
    if last + 1 == len(rates) or rates[last + 1][0] > _SHARE * count:
        return None
    step = rates[last + 1][0]
    line, calls = _stepped(told)
    each = calls >= _EACH * count
    why = ": the schedule is stepped once a batch" if each and told["batched"] else ""
    return Finding(
        PROBLEM,
        Severity.ERROR,
        f"the rate falls from {chosen(largest)} below a thousandth of it within {step:,} of "
        f"{count:,} steps, and to {number(rates[-1][1])} at the end{why}",
        evidence=(Evidence("learning_rate", observed=rates[-1][1], limit=largest),),
        line=line or None,
    )


def _stepped(told: Any) -> tuple[int, int]:
    """The line that steps the schedule most often, and how often; zeros for none."""
    line, calls = max(told["scheduled"], key=lambda item: item[1], default=(0, 0))
    return line, calls


def _edit(editor: ScriptEditor, watched: Watched) -> SettingEdit | None:
    from nndiag.own_program.setting_edit import SettingEdit  # noqa: PLC0415 (not in the child)

    line, calls = _stepped(watched.told)
    statement = editor.statement(line) if line else None
    if not isinstance(statement, ast.Expr):
        return None
    loops = editor.loops(line)
    moved = watched.told["batched"] and calls >= _EACH * watched.told["count"]
    if moved and loops and len(loops[-1].body) > 1:
        text = editor.text(statement.value)
        both = (editor.removed(statement), editor.behind(loops[-1], text))
        last = loops[-1].end_lineno or line  # where it stands then: a line above has gone
        return SettingEdit("schedule", "stepped once an epoch", last, both)
    splices = (editor.replaced(statement.value, "pass"),)
    return SettingEdit("schedule", "left out", line, splices)

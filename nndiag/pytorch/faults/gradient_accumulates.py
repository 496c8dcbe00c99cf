"""Each step takes the gradients of earlier steps, too: nothing sets them to zero.

What it is: `backward()` adds to the gradients that are there. Without `zero_grad()` between two
steps, a step is made from the sum of all gradients since the start.

Why it matters: that acts like a momentum that never fades. The run overshoots, swings, and diverges
at rates that are right otherwise; where it trains, it does so by luck.

How it is told: at the probes the gradient that a step takes is held against what the backward
passes since the last step added. What the last step left is still there, to the last digit.
Gradients that several backward passes collect for one step, by design, are no remainder of a step.

Fix: `optimizer.zero_grad()` before each `backward()`.

Source: the page of `Optimizer.zero_grad` in torch's documentation.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from nndiag.finding import Evidence, Finding, Severity
from nndiag.formatting import number
from nndiag.pytorch.faults.contract import FAULTS, Fault, Watched

if TYPE_CHECKING:
    from nndiag.own_program.setting_edit import SettingEdit
    from nndiag.pytorch.edits import ScriptEditor
    from nndiag.pytorch.watching.iteration import Iteration
    from nndiag.pytorch.watching.run import Run

PROBLEM = "gradient-accumulates"
_FEWEST = 2  # probes
_GONE = 1e-6  # of the remainder: a gradient beside which that is of no interest


@FAULTS.register(PROBLEM)
def gradient_accumulates() -> Fault:
    """Each step takes the gradients of earlier steps, too."""
    return Fault(_measure, _judge, _edit, "gradient")


def _measure(iteration: Iteration, run: Run) -> dict[str, Any] | None:
    from nndiag.pytorch.watching.iteration import cosine_of, norm_of  # noqa: PLC0415 (torch)

    if iteration.step == 0 or run.is_scaled or not iteration.taken or not iteration.fresh:
        return None
    by_hand = all(x.optimizer is None for x in iteration.tracked)
    own = {x.name for x in iteration.tracked if by_hand or x.optimizer is not None}
    carried = {name: x for name, x in iteration.carried.items() if name in own}
    fresh = {name: x for name, x in iteration.fresh.items() if name in own}
    return {
        "carried": norm_of(carried),
        "fresh": norm_of(fresh),
        "cosine": cosine_of(iteration.taken, fresh) if carried else 1.0,
        "line": iteration.backward_line,
    }


def _judge(watched: Watched) -> Finding | None:
    seen = [x for x in watched.seen if math.isfinite(x["fresh"])]
    carried = [x for x in seen if x["carried"] > 0]
    if len(carried) < min(_FEWEST, len(seen)) or not carried:
        return None
    if len(carried) < len(seen):
        return None
    alive = [x for x in carried if x["fresh"] > _GONE * x["carried"]] or carried[:1]
    last = max(alive, key=lambda x: x["carried"] / max(x["fresh"], 1e-300))
    cosine = min(x["cosine"] for x in carried)
    ratio = last["carried"] / max(last["fresh"], 1e-300)
    return Finding(
        PROBLEM,
        Severity.ERROR if watched.unwell else Severity.WARNING,
        f"each step takes the gradients of all earlier ones: at step {last['step']} what is left "
        f"of them is {number(ratio)} × the loss's own gradient",
        evidence=(
            Evidence("gradient_norm", observed=last["carried"], limit=0.0, measure="remainder"),
            Evidence("cosine", observed=cosine, limit=1.0),
        ),
        line=last["line"] or None,
    )


def _edit(editor: ScriptEditor, watched: Watched) -> SettingEdit | None:
    from nndiag.own_program.setting_edit import SettingEdit  # noqa: PLC0415 (not in the child)

    line, name = watched.told["backward_line"], watched.told["optimizer"]
    statement = editor.statement(line)
    if statement is None:
        return None
    text = f"{name}.zero_grad()"
    if not name:
        names = [x for x, _, _ in watched.told["tensors"]]
        if len(names) > 4 or not all(x.isidentifier() for x in names):
            return None
        text = "; ".join(f"{x}.grad = None" for x in names)
    return SettingEdit(
        "gradients", "set to zero before each step", line, (editor.inserted(statement, text),)
    )

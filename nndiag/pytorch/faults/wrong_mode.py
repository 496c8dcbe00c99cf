"""A module trains in evaluation mode, or is evaluated in training mode.

What it is: `model.eval()` was called, for an evaluation between epochs for example, and nothing
calls `model.train()` again. Dropout then drops nothing, and batch normalisation uses means and
variances of the past, which it no longer updates.

Why it matters: what was meant to regularise does nothing; with batch normalisation the layers see
values that nothing normalises.

How it is told: by the operations of an iteration whose gradients a step takes: its dropout or batch
normalisation ran in evaluation mode. Batch normalisations whose own parameters are frozen are left.

Fix: `model.train()` at the beginning of each epoch, `model.eval()` before each evaluation.

Source: the page of `Module.train` in torch's documentation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nndiag.finding import Evidence, Finding, Severity
from nndiag.formatting import number
from nndiag.pytorch.faults.contract import FAULTS, Fault, Watched

if TYPE_CHECKING:
    from nndiag.own_program.setting_edit import SettingEdit
    from nndiag.pytorch.edits import ScriptEditor
    from nndiag.pytorch.watching.iteration import Iteration
    from nndiag.pytorch.watching.run import Run

PROBLEM = "wrong-mode"


@FAULTS.register(PROBLEM)
def wrong_mode() -> Fault:
    """A module trains in evaluation mode, or is evaluated in training mode."""
    return Fault(_measure, _judge, _edit, "mode")


def _measure(iteration: Iteration, run: Run) -> dict[str, Any] | None:
    modes = [x for x in (_training(op, iteration) for op in iteration.ops) if x is not None]
    if not modes:
        return None
    off = [op for op in iteration.ops if _training(op, iteration) is False]
    spread = 0.0
    for op in off:
        if op.name == "batch_norm":
            rows = iteration.tensor(op.inputs[0]).detach().cpu().double()
            spread = max(spread, float(rows.std()), float(rows.mean().abs()))
    return {
        "off": [op.name for op in off],
        "of": len(modes),
        "line": off[0].line if off else 0,
        "spread": spread,
    }


def _training(op: Any, iteration: Iteration) -> bool | None:
    """Whether an operation ran in training mode; None where modes do not matter to it."""
    if op.name == "dropout":
        share = op.kwargs.get("p", op.args[1] if len(op.args) > 1 else 0.5)
        mode = op.kwargs.get("training", op.args[2] if len(op.args) > 2 else True)
        return bool(mode) if share else None
    if op.name == "batch_norm":
        own = [iteration.tensor(x) for x in op.inputs[1:]]
        if not any(x.requires_grad for x in own):
            return None
        return bool(op.kwargs.get("training", op.args[5] if len(op.args) > 5 else False))
    return None


def _judge(watched: Watched) -> Finding | None:
    off = [x for x in watched.seen if x["off"]]
    if off and len(off) * 2 >= len(watched.seen):
        first = off[0]
        names = " and ".join(dict.fromkeys(x.replace("_", " ") for x in first["off"]))
        since = f"from step {first['step']} on, " if first["step"] else ""
        size = number(first["spread"]) if first["spread"] and not first["step"] else None
        values = "" if size is None else f"; batch norm does not scale its inputs, of size {size}"
        return Finding(
            PROBLEM,
            Severity.ERROR if watched.unwell and first["spread"] else Severity.WARNING,
            f"{since}the model trains in evaluation mode: {names} ran as in an evaluation{values}",
            evidence=(Evidence("mode", observed=0.0, limit=1.0),),
            line=first["line"] or None,
        )
    evaluated = watched.told["evaluated"]
    if not evaluated:
        return None
    name, line = next(iter(evaluated.items()))
    return Finding(
        PROBLEM,
        Severity.WARNING,
        f"{name} runs in training mode without gradients: an evaluation before which eval() is "
        "missing",
        line=line or None,
    )


def _edit(editor: ScriptEditor, watched: Watched) -> SettingEdit | None:
    from nndiag.own_program.setting_edit import SettingEdit  # noqa: PLC0415 (not in the child)

    loop, model = editor.loop(), watched.told["model"]
    if loop is None or not model or not any(x["off"] for x in watched.seen):
        return None
    first = loop.body[0]
    return SettingEdit(
        "model", "in training mode", first.lineno, (editor.inserted(first, f"{model}.train()"),)
    )

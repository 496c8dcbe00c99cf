"""The loss applies an activation that the network has applied already.

What it is: `CrossEntropyLoss` takes logits and applies log-softmax itself; the network ends in a
softmax. Likewise a sigmoid before `BCEWithLogitsLoss`, or probabilities instead of their logarithm
before `NLLLoss`.

Why it matters: probabilities lie between 0 and 1, so that the second softmax can never be sure:
with k classes the loss cannot fall below ln(e + k − 1) − 1, and the gradients are small.

How it is told: by the operations of an iteration: what the loss is handed is a softmax's result.
The gradient of the script's loss is held against that of the loss with the logits.

Fix: leave the softmax out; for predictions argmax gives the same class without it.

Source: the pages of `CrossEntropyLoss`, `BCEWithLogitsLoss` and `NLLLoss` in torch's documentation.
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

PROBLEM = "softmax-before-cross-entropy"
_TWICE = {
    "cross_entropy": {"softmax", "sigmoid"},
    "binary_cross_entropy_with_logits": {"sigmoid", "softmax"},
    "nll_loss": {"softmax", "sigmoid"},
}
_FIRST = 3  # probes at which gradients are compared


@FAULTS.register(PROBLEM)
def softmax_before_cross_entropy() -> Fault:
    """The loss applies an activation that the network has applied already."""
    return Fault(_measure, _judge, _edit, "loss")


def _measure(iteration: Iteration, run: Run) -> dict[str, Any] | None:
    from nndiag.pytorch.watching.chain import SAME_ROWS  # noqa: PLC0415
    from nndiag.pytorch.watching.iteration import cosine_of, norm_of  # noqa: PLC0415 (torch)
    from nndiag.pytorch.watching.replay import CannotReplayError  # noqa: PLC0415

    for op in iteration.ops if iteration.step < _FIRST else ():
        if op.name not in _TWICE or not op.inputs:
            continue
        value = op.inputs[0]
        maker = iteration.tape.producer(value)
        while maker is not None and maker.name in SAME_ROWS and maker.inputs:
            maker = iteration.tape.producer(maker.inputs[0])
        if maker is None or maker.name not in _TWICE[op.name]:
            continue
        try:
            start = iteration.replay.start()
            own = iteration.replay.gradient(start)
            right = iteration.replay_without(maker).gradient(start)
        except CannotReplayError:
            return None
        return {
            "loss": op.name,
            "inner": maker.name,
            "line": maker.line,
            "loss_line": op.line,
            "classes": int(iteration.tensor(value).shape[-1]),
            "own": norm_of(own),
            "right": norm_of(right),
            "cosine": cosine_of(own, right),
        }
    return None


def _judge(watched: Watched) -> Finding | None:
    if not watched.seen:
        return None
    seen = watched.seen[0]
    loss, inner = seen["loss"], seen["inner"]
    if loss == "nll_loss":
        message = f"nll_loss takes logarithms and is handed the {inner}'s probabilities themselves"
    else:
        message = (
            f"{loss} takes logits and is handed the result of a {inner}, so it is applied twice"
        )
    if loss == "cross_entropy":
        floor = math.log(math.e + seen["classes"] - 1) - 1
        message += f": the loss cannot fall below {number(floor)}"
    return Finding(
        PROBLEM,
        Severity.ERROR if watched.unwell else Severity.WARNING,
        message,
        evidence=(
            Evidence("gradient_norm", observed=seen["own"], limit=seen["right"]),
            Evidence("cosine", observed=seen["cosine"], limit=1.0),
        ),
        line=seen["line"] or None,
    )


def _edit(editor: ScriptEditor, watched: Watched) -> SettingEdit | None:
    from nndiag.own_program.setting_edit import SettingEdit  # noqa: PLC0415 (not in the child)

    seen = watched.seen[0]
    if seen["loss"] == "binary_cross_entropy_with_logits":
        for node in editor.calls():
            name = editor.last(node.func)
            other = {
                "BCEWithLogitsLoss": "BCELoss",
                "binary_cross_entropy_with_logits": "binary_cross_entropy",
            }.get(name)
            if other is not None:
                text = editor.text(node.func)
                splice = editor.replaced(node.func, text[: -len(name)] + other)
                return SettingEdit("loss", "takes probabilities", node.lineno, (splice,))
        return None
    name = seen["inner"]
    if seen["loss"] != "nll_loss":
        return editor.without(name, seen["line"])
    found = editor.applied(name, seen["line"])
    if found is None:
        return None
    text = editor.text(found[0].func)
    new = text.replace("softmax", "log_softmax").replace("Softmax", "LogSoftmax")
    splice = editor.replaced(found[0].func, new)
    return SettingEdit("output", "its logarithm is taken", found[0].lineno, (splice,))

"""The backward of a custom autograd function is not the derivative of its forward.

What it is: in a class over `torch.autograd.Function`, `backward` gives another product than that of
the gradient with the forward's Jacobian: a missing factor, a wrong sign, a forgotten mask.

Why it matters: autograd believes it. Every parameter below the function gets a wrong gradient, and
nothing else says so.

How it is told: the function is called on what the script first gave it, in double precision, and
its backward is held against central differences, input by input: the one gradient check. Functions
whose forward is flat almost everywhere (rounding, signs), or passes its input on, have a backward
of their own by design and are left.

Fix: the derivative of the forward times the incoming gradient.

Source: "Extending PyTorch" in torch's documentation; the check is that of `nndiag gradcheck`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nndiag.finding import Evidence, Finding, Severity
from nndiag.pytorch.faults.contract import FAULTS, Fault, Watched

if TYPE_CHECKING:
    from nndiag.own_program.edits import SettingEdit
    from nndiag.pytorch.edits import ScriptEditor
    from nndiag.pytorch.watching.iteration import Iteration
    from nndiag.pytorch.watching.run import Run

PROBLEM = "wrong-autograd-function"
_LARGEST = 200_000  # numbers of an input that is checked
_FLAT = 1e-9


@FAULTS.register(PROBLEM)
def wrong_autograd_function() -> Fault:
    """The backward of a custom autograd function is not the derivative of its forward."""
    return Fault(_measure, _judge, _edit)


def _measure(iteration: Iteration, run: Run) -> dict[str, Any] | None:
    if iteration.step > 0 or not run.functions:
        return None
    found = {}
    for name, (kind, arguments, line) in run.functions.items():
        checked = _checked(kind, arguments)
        if checked is not None:
            found[name] = {"line": line, "inputs": checked}
    return {"functions": found} if found else None


def _checked(kind: Any, arguments: Any) -> list[dict[str, Any]] | None:
    """The check of each input of a function; None where it cannot be made."""
    from nndiag.gradients.check import check  # noqa: PLC0415

    try:
        function = _Called(kind, arguments)
        found = check(function.value, function.gradient(), function.start)
        passes = function.passes_on()
    except Exception:  # a function that double precision, or a second call, breaks
        return None
    checks = [found[name] for name in function.start]
    return [
        {
            "name": one.name,
            "correct": not one.is_wrong,
            "cosine": one.cosine,
            "scale": one.scale,
            "by_design": passes or float(np.max(np.abs(one.numeric), initial=0.0)) < _FLAT,
        }
        for one in checks
    ]


class _Called:
    """A function of torch as one of arrays: its results, times fixed weights, summed.

    Args:
        kind: The function's class.
        arguments: What the script gave it.
    """

    def __init__(self, kind: Any, arguments: Any) -> None:
        self._kind, self._arguments = kind, arguments
        self._places = {
            f"input {place + 1}": place
            for place, x in enumerate(arguments)
            if hasattr(x, "is_floating_point") and x.is_floating_point() and x.numel() <= _LARGEST
        }
        self.start = {
            name: arguments[place].double().numpy().copy() for name, place in self._places.items()
        }

    def _results(self, held: Any) -> list[Any]:
        given = list(self._arguments)
        for name, place in self._places.items():
            given[place] = held[name]
        result = self._kind.apply(*given)
        parts = result if isinstance(result, tuple) else (result,)
        return [x for x in parts if hasattr(x, "is_floating_point") and x.is_floating_point()]

    def _held(self, theta: Any, *, tracked: bool) -> dict[str, Any]:
        import torch  # noqa: PLC0415 (in the child only)

        return {
            name: torch.from_numpy(np.array(theta[name], dtype=float)).requires_grad_(tracked)
            for name in self._places
        }

    def _sum(self, held: Any) -> Any:
        import torch  # noqa: PLC0415 (in the child only)

        total: Any = 0.0
        for part in self._results(held):
            weights = torch.cos(torch.arange(part.numel(), dtype=torch.float64) ** 2 + 1)
            total = total + (part * weights.reshape(part.shape)).sum()
        return total

    def value(self, theta: Any) -> float:
        """The sum at some inputs."""
        return float(self._sum(self._held(theta, tracked=False)))

    def gradient(self) -> dict[str, Any]:
        """What the function's backward gives."""
        import torch  # noqa: PLC0415 (in the child only)

        held = self._held(self.start, tracked=True)
        found = torch.autograd.grad(self._sum(held), list(held.values()), allow_unused=True)
        return {
            name: np.zeros(self.start[name].shape) if x is None else x.numpy()
            for name, x in zip(held, found)
        }

    def passes_on(self) -> bool:
        """Whether the function gives one of its inputs back."""
        held = self._held(self.start, tracked=False)
        return any(
            part.shape == x.shape and bool((part == x).all())
            for part in self._results(held)
            for x in held.values()
        )


def _judge(watched: Watched) -> Finding | None:
    for seen in watched.seen:
        for name, function in seen["functions"].items():
            wrong = [x for x in function["inputs"] if not x["correct"] and not x["by_design"]]
            if not wrong:
                continue
            one = wrong[0]
            cosine = one["cosine"] if one["cosine"] is not None else 0.0
            which = one["name"] if len(function["inputs"]) > 1 else "its input"
            scaled = one["scale"] is not None and abs(cosine) > 0.999
            how = f"it is {one['scale']:.4g} × that" if scaled else f"cosine {cosine:+.2f}"
            return Finding(
                PROBLEM,
                Severity.ERROR,
                f"{name}.backward gives a gradient of {which} that is not the derivative of its "
                f"forward: {how}",
                evidence=(Evidence("cosine", observed=cosine, limit=1.0),),
                line=function["line"] or None,
                tensor=name,
            )
    return None


def _edit(editor: ScriptEditor, watched: Watched) -> SettingEdit | None:
    return None

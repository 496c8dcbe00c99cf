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

import ast
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nndiag.finding import Evidence, Finding, Severity
from nndiag.pytorch.faults.contract import FAULTS, Fault, Watched

if TYPE_CHECKING:
    from nndiag.own_program.setting_edit import SettingEdit
    from nndiag.pytorch.edits import ScriptEditor
    from nndiag.pytorch.watching.iteration import Iteration
    from nndiag.pytorch.watching.run import Run

PROBLEM = "wrong-autograd-function"
_LARGEST = 200_000  # numbers of an input that is checked
_FLAT = 1e-9


@FAULTS.register(PROBLEM)
def wrong_autograd_function() -> Fault:
    """The backward of a custom autograd function is not the derivative of its forward."""
    return Fault(_measure, _judge, _edit, "gradient")


def _measure(iteration: Iteration, run: Run) -> dict[str, Any] | None:
    if iteration.step > 0 or not run.functions:
        return None
    found = {}
    for name, (kind, arguments, line) in run.functions.items():
        checked = _checked(kind, arguments)
        if checked is not None:
            found[name] = {"line": line, **checked}
    return {"functions": found} if found else None


def _checked(kind: Any, arguments: Any) -> dict[str, Any] | None:
    """The check of each input of a function; None where it cannot be made."""
    from nndiag.gradients.check import check  # noqa: PLC0415
    from nndiag.pytorch.watching.due import due_expression, returned_by  # noqa: PLC0415 (torch)

    try:
        function = _Called(kind, arguments)
        gradient, backward = returned_by(kind, function.gradient)
        found = check(function.value, gradient, function.start)
        passes = function.passes_on()
    except Exception:  # a function that double precision, or a second call, breaks
        return None
    checks = [found[name] for name in function.start]
    inputs = [
        {
            "name": one.name,
            "correct": not one.is_wrong,
            "cosine": one.cosine,
            "scale": one.scale,
            "by_design": passes or float(np.max(np.abs(one.numeric), initial=0.0)) < _FLAT,
        }
        for one in checks
    ]
    for one, seen in zip(checks, inputs):
        if one.is_wrong and not seen["by_design"]:
            place, due = function.places[one.name], function.due(one.name)
            seen["place"] = place
            seen["due"] = None if due is None else due_expression(backward, place, due)
    return {"inputs": inputs, "returned": backward.line, "results": len(backward.results)}


class _Context:
    """Stands for the context of a forward that is called by itself."""

    def save_for_backward(self, *tensors: Any) -> None:
        """Nothing is gone back to."""

    mark_non_differentiable = mark_dirty = set_materialize_grads = save_for_backward


class _Called:
    """A function of torch as one of arrays: its results, times fixed weights, summed.

    Args:
        kind: The function's class.
        arguments: What the script gave it.
    """

    def __init__(self, kind: Any, arguments: Any) -> None:
        self._kind, self._arguments = kind, arguments
        self.places = {
            f"input {place + 1}": place
            for place, x in enumerate(arguments)
            if hasattr(x, "is_floating_point") and x.is_floating_point() and x.numel() <= _LARGEST
        }
        self.start = {
            name: arguments[place].cpu().double().numpy().copy()
            for name, place in self.places.items()
        }

    def _results(self, held: Any, *, apply: Any = None) -> list[Any]:
        given = [x.cpu() if hasattr(x, "is_floating_point") else x for x in self._arguments]
        for name, place in self.places.items():
            given[place] = held[name]
        result = (apply or self._kind.apply)(*given)
        parts = result if isinstance(result, tuple) else (result,)
        return [x for x in parts if hasattr(x, "is_floating_point") and x.is_floating_point()]

    def _held(self, theta: Any, *, tracked: bool) -> dict[str, Any]:
        import torch  # noqa: PLC0415 (in the child only)

        return {
            name: torch.from_numpy(np.array(theta[name], dtype=float)).requires_grad_(tracked)
            for name in self.places
        }

    def _sum(self, held: Any, *, apply: Any = None) -> Any:
        import torch  # noqa: PLC0415 (in the child only)

        total: Any = 0.0
        for part in self._results(held, apply=apply):
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

    def due(self, name: str) -> Any:
        """What the backward is to give for an input: autograd's, of the forward as it is written.

        None where the forward leaves torch, or works in place.
        """
        import torch  # noqa: PLC0415 (in the child only)

        held = self._held(self.start, tracked=True)
        try:
            with torch.enable_grad():
                total = self._sum(held, apply=partial(self._kind.forward, _Context()))
            return torch.autograd.grad(total, [held[name]])[0]
        except RuntimeError:
            return None

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
                line=function["returned"] or function["line"] or None,
                tensor=name,
            )
    return None


def _edit(editor: ScriptEditor, watched: Watched) -> SettingEdit | None:
    """What is due, in the place of what the backward returns now."""
    from nndiag.own_program.setting_edit import SettingEdit  # noqa: PLC0415 (not in the child)

    splices, line = [], 0
    for function in watched.seen[0]["functions"].values():
        statement = editor.statement(function["returned"]) if function["returned"] else None
        wrong = [x for x in function["inputs"] if not x["correct"] and not x["by_design"]]
        if not wrong:
            continue
        if not isinstance(statement, ast.Return) or any(x["due"] is None for x in wrong):
            return None
        line = line or statement.lineno
        for one in wrong:
            node = _returned(statement, one["place"], function["results"])
            if node is None:
                return None
            own = editor.text(node)
            own = own if isinstance(node, (ast.Name, ast.Call, ast.Attribute)) else f"({own})"
            splices.append(editor.replaced(node, one["due"].replace("{returned}", own)))
    return SettingEdit("backward", "returns what is due", line, tuple(splices)) if splices else None


def _returned(statement: ast.Return, place: int, count: int) -> ast.expr | None:
    """The expression of one of the gradients that a backward returns."""
    if isinstance(statement.value, ast.Tuple) and len(statement.value.elts) == count:
        return statement.value.elts[place]
    return statement.value if count == 1 else None

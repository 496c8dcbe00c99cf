"""The expression that a backward is to return, in its own variables, found by its value.

An expression is proposed, computed and held against the gradient that is due; what remains is
proven by running the changed script through the same check.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

RETURNED = "{returned}"
"""Stands for what the backward returns now."""

_FACTORS = (
    "({0} > 0)",
    "({0} < 0)",
    "{0}",
    "{0} ** 2",
    "(1 - {0})",
    "(1 - {0} ** 2)",
    "{0} * (1 - {0})",
    "torch.exp({0})",
    "torch.exp(-{0})",
    "torch.sign({0})",
    "torch.sin({0})",
    "torch.cos({0})",
    "(1 - torch.tanh({0}) ** 2)",
    "torch.sigmoid({0})",
    "torch.sigmoid({0}) * (1 - torch.sigmoid({0}))",
    "torch.sigmoid({0}) * (1 + {0} * (1 - torch.sigmoid({0})))",
    "1 / {0}",
    "1 / {0} ** 2",
    "1 / torch.sqrt({0})",
    "1 / (1 + {0} ** 2)",
    "{0} / (1 + {0} ** 2) ** 2",
    "{0} * torch.exp(-({0} ** 2))",
)
_PRODUCTS = (
    "{g} @ {0}",
    "{g} @ {0}.t()",
    "{g}.t() @ {0}",
    "{0} @ {g}",
    "{0}.t() @ {g}",
    "({0}.t() @ {g}).t()",
    "({g} * {0}).sum(0)",
    "({g} * {0}).sum()",
)
_SUMS = ("{g}", "{g}.sum(0)", "{g}.sum()", "{g}.sum(1)", "{g}.sum(0, keepdim=True)")
_SCALES = (1.0, -1.0, 2.0, -2.0, 0.5, -0.5, 3.0, 4.0, 1 / 3, 0.25)
_SAME = 1e-5  # relative; differences reach 1e-8
_MOST = 6  # variables


@dataclass
class Returned:
    """A backward as it returned.

    Attributes:
        variables: Its tensors by name, the incoming gradients first.
        gradients: How many of them are incoming gradients.
        results: What it gave, one for each argument of the forward.
        line: The line that it returned at.
    """

    variables: dict[str, Any] = field(default_factory=dict)
    gradients: int = 0
    results: tuple[Any, ...] = ()
    line: int = 0


def returned_by(kind: Any, run: Callable[[], Any]) -> tuple[Any, Returned]:
    """What something gives, and how the backward of a function returned in it.

    Args:
        kind: The function's class.
        run: Goes backward through it.
    """
    seen, code = Returned(), kind.backward.__code__

    def at_return(frame: Any, event: str, argument: Any) -> Any:
        if event == "return" and argument is not None:
            arguments = code.co_varnames[1 : code.co_argcount]
            names = [*arguments, *(x for x in frame.f_locals if x not in arguments)]
            tensors = {x: frame.f_locals.get(x) for x in names}
            seen.variables = {
                x: y.detach() for x, y in tensors.items() if isinstance(y, torch.Tensor)
            }
            seen.gradients = sum(isinstance(tensors[x], torch.Tensor) for x in arguments)
            seen.results = argument if isinstance(argument, tuple) else (argument,)
            seen.line = frame.f_lineno
        return at_return

    def at_call(frame: Any, event: str, _: Any) -> Any:
        return at_return if frame.f_code is code else None

    before = sys.gettrace()
    sys.settrace(at_call)
    try:
        return run(), seen
    finally:
        sys.settrace(before)


def due_expression(backward: Returned, place: int, due: Any) -> str | None:
    """The expression whose value is the gradient that is due; None where none is found.

    Args:
        backward: A backward as it returned.
        place: Which of its results is to be another.
        due: What it is to be.
    """
    names = list(backward.variables)[:_MOST]
    known = {name: backward.variables[name].cpu().double() for name in names}
    given = backward.results[place] if place < len(backward.results) else None
    if isinstance(given, torch.Tensor):
        known["_returned"] = given.detach().cpu().double()
    proposed = _proposed(names, backward.gradients, returned="_returned" in known)
    scaled = ((text, _scaled(text, known, due)) for text in proposed)
    found = [(found != text, len(found), found) for text, found in scaled if found is not None]
    return min(found)[2].replace("_returned", RETURNED) if found else None


def _proposed(names: list[str], gradients: int, *, returned: bool) -> Iterator[str]:
    """Expressions that may be what is due, but for a factor."""
    own = ["_returned"] if returned else []
    incoming, others = names[:gradients], names[gradients:]
    yield from own
    for g in incoming:
        yield from (x.format(g=g) for x in _SUMS)
    factors = [x.format(name) for name in others for x in _FACTORS]
    for g in [*incoming, *own]:
        yield from (f"{g} * {factor}" for factor in factors)
    for g in incoming:
        yield from (x.format(name, g=g) for name in others for x in _PRODUCTS)
    for g, one in itertools.product([*incoming, *own], factors):
        yield from (f"{g} * {one} * {name}" for name in others)


def _scaled(text: str, known: Mapping[str, Any], due: Any) -> str | None:
    """An expression, times a simple number where that makes it what is due."""
    try:
        value = eval(text, {"torch": torch}, dict(known)) + 0.0
    except (RuntimeError, TypeError, IndexError):
        return None
    if value.shape != due.shape or not bool(value.isfinite().all()):
        return None
    size = float((value**2).sum())
    scale = float((value * due).sum()) / size if size else 0.0
    if float((scale * value - due).norm()) > _SAME * float(due.norm()):
        return None
    for one in _SCALES:
        if abs(scale - one) <= _SAME * abs(one):
            return text if one == 1 else f"-{text}" if one == -1 else f"{one:.6g} * {text}"
    return _averaged(text, scale, known)


def _averaged(text: str, scale: float, known: Mapping[str, Any]) -> str | None:
    """An expression over the number of values, or of rows, of a variable."""
    for name, tensor in known.items():
        counts = {f"{name}.numel()": tensor.numel()}
        counts |= {f"len({name})": len(tensor)} if tensor.dim() else {}
        for (words, count), one in itertools.product(counts.items(), (1.0, 2.0)):
            if name != "_returned" and abs(scale * count - one) <= _SAME:
                return f"{text} / {words}" if one == 1 else f"2 * {text} / {words}"
    return None

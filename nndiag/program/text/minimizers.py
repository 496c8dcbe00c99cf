"""Training by an optimizer of scipy's: the call says which functions give the cost and gradient.

Course exercises end in `fmin_cg(cost, fprime=gradient, x0=theta, args=(X, y))` or `minimize(cost,
theta, args=(X, y), jac=gradient)`. What is called there stands for the training loop that they do
not have.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import replace

from nndiag.program.text.scopes import SCOPES
from nndiag.program.text.settings import CodeSettings
from nndiag.program.text.source import Source

_LINE = ("f", "x0", "fprime")
_SIGNATURES: Mapping[str, tuple[str, ...]] = {
    "minimize": ("fun", "x0", "args", "method", "jac"),
    "fmin_cg": (*_LINE, "args"),
    "fmin_bfgs": (*_LINE, "args"),
    "fmin_ncg": (*_LINE, "fhess_p", "fhess", "args"),
    "fmin_tnc": ("func", "x0", "fprime", "args", "approx_grad"),
    "fmin_l_bfgs_b": ("func", "x0", "fprime", "args", "approx_grad"),
}
"""Source: the reference of scipy.optimize; `minimize` and the older functions by name."""
_COMMON = {"fun": "f", "func": "f", "jac": "fprime"}


def with_minimized(settings: CodeSettings, source: Source) -> CodeSettings | None:
    """The settings with what an optimizer is called with in the place of a training loop.

    Only calls at module level are seen, whose variables can be named behind the program, and only
    those that are handed a gradient, with the parameters in a variable.

    Returns:
        The settings; None where there is no such call, or where the user says what to check.
    """
    if settings.functions is not None or not _imports_scipy(source.tree):
        return None
    taken = {node.id for node in ast.walk(source.tree) if isinstance(node, ast.Name)}
    cost, gradient = (_free(name, taken) for name in ("cost", "gradient"))
    for call in _calls(source.tree):
        given = _given(call)
        start, minimized, slope = (given.get(name) for name in ("x0", "f", "fprime"))
        if minimized is None or not isinstance(start, ast.Name):
            continue
        arguments = ", ".join([start.id, *_spread(given.get("args"))])
        if _is_both(call, given):
            functions = f"{cost}, {gradient} = {_called(minimized)}({arguments})"
        elif slope is not None and not isinstance(slope, ast.Constant):
            functions = f"{cost} = {_called(minimized)}({arguments})\n"
            functions += f"{gradient} = {_called(slope)}({arguments})"
        else:
            continue  # it differentiates by itself
        return replace(
            settings,
            functions=functions,
            loss=settings.loss or cost,
            gradients=settings.gradients or {start.id: gradient},
        )
    return None


def _imports_scipy(tree: ast.Module) -> bool:
    return any(
        (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("scipy"))
        or (isinstance(node, ast.Import) and any(a.name.startswith("scipy") for a in node.names))
        for node in ast.walk(tree)
    )


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    """The optimizer's calls outside functions, in reading order."""
    if isinstance(node, (*SCOPES, ast.Lambda)):
        return
    if isinstance(node, ast.Call) and _name(node) in _SIGNATURES:
        yield node
    for child in ast.iter_child_nodes(node):
        yield from _calls(child)


def _name(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[2]


def _given(call: ast.Call) -> dict[str, ast.expr]:
    """The arguments by their names, with one name for what the functions call differently."""
    given = dict(zip(_SIGNATURES[_name(call)], call.args))
    given |= {word.arg: word.value for word in call.keywords if word.arg is not None}
    return {_COMMON.get(name, name): value for name, value in given.items()}


def _is_both(call: ast.Call, given: Mapping[str, ast.expr]) -> bool:
    """Whether one function gives the cost and the gradient."""
    slope = given.get("fprime")
    if _name(call) == "minimize":
        return isinstance(slope, ast.Constant) and slope.value is True
    return _name(call) in {"fmin_tnc", "fmin_l_bfgs_b"} and not {"fprime", "approx_grad"} & {*given}


def _spread(arguments: ast.expr | None) -> list[str]:
    """Further arguments as they are written in a call."""
    if arguments is None:
        return []
    if isinstance(arguments, ast.Tuple):
        return [ast.unparse(item) for item in arguments.elts]
    text = ast.unparse(arguments)
    return [f"*({text} if isinstance({text}, tuple) else ({text},))"]


def _called(function: ast.expr) -> str:
    text = ast.unparse(function)
    return f"({text})" if isinstance(function, ast.Lambda) else text


def _free(name: str, taken: set[str]) -> str:
    """The name, or one like it, that the program does not use."""
    while name in taken:
        name += "_"
    return name

"""The expressions that are due where an operation is at fault, in the program's own names.

A few for each kind of fault: they are candidates, and only the whole check of the program with one
of them decides.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import numpy as np

from nndiag.program.location.culprit import Culprit, Fault
from nndiag.program.location.wording import Wording
from nndiag.program.text.edits import Change
from nndiag.program.text.instrument import serial_of

_FORMS: tuple[tuple[str, object], ...] = (
    ("1 - {0} ** 2", lambda a: 1 - a**2),
    ("{0} * (1 - {0})", lambda a: a * (1 - a)),
    ("{0} > 0", lambda a: (a > 0) * 1.0),
    ("1 - np.tanh({0}) ** 2", lambda a: 1 - np.tanh(a) ** 2),
    ("np.cos({0})", np.cos),
    ("1 / (1 + np.exp(-{0}))", lambda a: 1 / (1 + np.exp(-a))),
    ("1 - np.exp(-{0})", lambda a: 1 - np.exp(-a)),
    ("np.exp({0})", np.exp),
    ("2 * {0}", lambda a: 2 * a),
)
"""The usual derivatives, by a unit's output or by its input."""
_SUMS = (
    ("np.sum({0}, axis=0)", 1, False),
    ("np.sum({0}, axis=0, keepdims=True)", 1, True),
    ("np.sum({0}, axis=1, keepdims=True)", 2, True),
    ("np.sum({0}, axis=1)", 2, False),
    ("np.sum({0})", (1, 2), False),
)
"""The sums over the axes of an error, behind the axis of the points."""
_PRODUCTS: tuple[tuple[str, object], ...] = (
    ("{1}.T @ {0}", lambda e, a: np.swapaxes(a, 1, 2) @ e),
    ("{0} @ {1}.T", lambda e, a: e @ np.swapaxes(a, 1, 2)),
    ("{0}.T @ {1}", lambda e, a: np.swapaxes(e, 1, 2) @ a),
    ("{1} @ {0}.T", lambda e, a: a @ np.swapaxes(e, 1, 2)),
)
_MOST = 12
_SHORT = 60


def mends(culprit: Culprit, wording: Wording) -> list[tuple[Change, ...]]:
    """The edits that may be due at a culprit, most likely first."""
    makers = {
        Fault.DERIVATIVE: _derivatives,
        Fault.MISSING_DERIVATIVE: _missing_derivatives,
        Fault.EXTRA_DERIVATIVE: _without,
        Fault.SEED: _seeds,
        Fault.OPERAND: _operands,
        Fault.WEIGHTS: _operands,
        Fault.CHAIN: _chains,
        Fault.FLOW: _flows,
        Fault.REDUCTION: _reductions,
        Fault.UNKNOWN: _seeds,
    }
    maker = makers.get(culprit.fault)
    found = [] if maker is None else list(maker(culprit, wording))
    return list(dict.fromkeys(found))[:_MOST]


def _serial(culprit: Culprit, wording: Wording) -> int:
    return wording.evidence.graph[culprit.node].serial


def _place(culprit: Culprit, wording: Wording) -> ast.expr | None:
    """The operand at fault, where the operation that uses it has it."""
    if culprit.product is None:
        return None
    return wording.operand(culprit.product, culprit.node)


def derivative_texts(wording: Wording, serial: int, due: np.ndarray) -> Iterator[str]:
    """Expressions for a local derivative by what the function at hand uses."""
    for text, node in wording.texts(serial):
        value = wording.evidence.value(node)
        turned = np.swapaxes(value, 1, 2) if value.ndim == 3 else value
        for layout, name in ((value, text), (turned, f"{text}.T")):
            if layout.shape != due.shape or (layout is value and name != text):
                continue
            for form, function in _FORMS:
                with np.errstate(all="ignore"):
                    found = function(layout)  # type: ignore[operator]
                told = (found != 0) & (due != 0)
                same = np.allclose(np.where(told, found, 0), np.where(told, due, 0), rtol=1e-6)
                if told.any() and same and np.all((due == 0) | told):
                    yield form.format(name)
            yield from _leaky(name, layout, due)


def _leaky(text: str, value: np.ndarray, due: np.ndarray) -> Iterator[str]:
    """The derivative of a rectifier with a slope below zero."""
    below = due[(value < 0) & (due != 0)]
    if (
        below.size
        and np.allclose(due[(value > 0) & (due != 0)], 1)
        and np.allclose(below, below[0])
    ):
        yield f"np.where({text} > 0, 1, {float(f'{below[0]:.10g}')!r})"


def _derivatives(culprit: Culprit, wording: Wording) -> Iterator[tuple[Change, ...]]:
    if culprit.due is None:
        return
    place = _place(culprit, wording)
    own = _serial(culprit, wording)
    sites = [own] if own >= 0 else []
    if place is not None and serial_of(place) != own:
        sites.insert(0, serial_of(place))
        yield from _other_arguments(place, wording)
    for serial in sites:
        for text in derivative_texts(wording, serial, culprit.due):
            called = isinstance(ast.parse(text, mode="eval").body, ast.Call)
            yield (Change(serial, text if called else f"({text})"),)


def _other_arguments(place: ast.expr, wording: Wording) -> Iterator[tuple[Change, ...]]:
    """A derivative function with another argument."""
    if not isinstance(place, ast.Call) or not place.args:
        return
    argument = place.args[0]
    own = ast.unparse(argument)
    known = dict(wording.texts(serial_of(argument)))
    shape = None
    if own in known:
        shape = wording.evidence.graph[known[own]].shape
    for text, node in known.items():
        item = wording.evidence.graph[node]
        if text != own and item.size > 1 and (shape is None or item.shape == shape):
            yield (Change(serial_of(argument), text),)


def _missing_derivatives(culprit: Culprit, wording: Wording) -> Iterator[tuple[Change, ...]]:
    place = _place(culprit, wording)
    if place is None or culprit.product is None:
        return
    user = wording.evidence.graph[culprit.product].serial
    last = wording.lines.last_assignment(place, place.lineno)
    own = ast.unparse(place)
    value = ast.unparse(last.value) if isinstance(last, ast.Assign) else None
    texts = [] if culprit.due is None else list(derivative_texts(wording, user, culprit.due))
    for text in dict.fromkeys(texts):
        if isinstance(last, ast.Assign):
            yield (Change(serial_of(last.value), f"({value}) * ({text})"),)
        yield (Change(serial_of(place), f"({own} * ({text}))"),)
    for output, axis in _softmax_outputs(culprit, wording, user):
        form = "{1} * ({0} - np.sum({0} * {1}, axis={2}, keepdims=True))"
        if isinstance(last, ast.Assign) and len(str(value)) <= _SHORT:
            text = form.format(f"({value})", output, axis)
            yield (Change(serial_of(last.value), text),)
        yield (Change(serial_of(place), f"({form.format(own, output, axis)})"),)


def _softmax_outputs(culprit: Culprit, wording: Wording, serial: int) -> Iterator[tuple[str, int]]:
    """The outputs of a softmax, and its axis, whose Jacobian makes a right error of a value."""
    wanted = wording.evidence.adjoint(culprit.target)
    if culprit.flow is None or wanted is None:
        return
    error = wording.evidence.value(culprit.flow)
    for text, node in wording.texts(serial):
        output = wording.evidence.value(node)
        if output.shape != error.shape or output.ndim != 3:
            continue
        for axis in (1, 2):
            found = output * (error - np.sum(error * output, axis=axis, keepdims=True))
            if wording.evidence.multiple(found, wanted) is not None:
                yield text, axis - 1


def _without(culprit: Culprit, wording: Wording) -> Iterator[tuple[Change, ...]]:
    """The right error alone."""
    serial = _serial(culprit, wording)
    if culprit.flow is None or serial < 0:
        return
    place = wording.operand(culprit.node, culprit.flow)
    if place is not None:
        yield (Change(serial, ast.unparse(place)),)
    for text, node in wording.texts(serial):
        if node == culprit.flow:
            yield (Change(serial, text),)


def _seeds(culprit: Culprit, wording: Wording) -> Iterator[tuple[Change, ...]]:
    if culprit.due is None or _serial(culprit, wording) < 0:
        return
    for text in wording.named(_serial(culprit, wording), culprit.due):
        yield (Change(_serial(culprit, wording), text),)


def _operands(culprit: Culprit, wording: Wording) -> Iterator[tuple[Change, ...]]:
    """Another variable in the place of a wrong one."""
    place = _place(culprit, wording)
    if culprit.due is None or place is None:
        return
    outer = culprit.due
    wrong = wording.evidence.value(culprit.node)
    wanted = [outer] if wrong.shape == outer.shape else []
    if outer.ndim == 3:
        wanted.append(np.swapaxes(outer, 1, 2))
    for due in wanted:
        for text in wording.named(serial_of(place), due):
            if text != ast.unparse(place):
                yield (Change(serial_of(place), text),)


def _chains(culprit: Culprit, wording: Wording) -> Iterator[tuple[Change, ...]]:
    """The weights, where an error was handed on without them."""
    place = _place(culprit, wording)
    if culprit.due is None or place is None:
        return
    text = ast.unparse(place)
    turned = [np.swapaxes(culprit.due, 1, 2)] if culprit.due.ndim == 3 else []
    for due in (culprit.due, *turned):
        for weights in wording.named(serial_of(place), due):
            for form in ("({0} @ {1})", "({1} @ {0})"):
                yield (Change(serial_of(place), form.format(text, weights)),)


def _flows(culprit: Culprit, wording: Wording) -> Iterator[tuple[Change, ...]]:
    """The error of the right layer."""
    place = _place(culprit, wording)
    if place is None:
        return
    for text, node in wording.texts(serial_of(place)):
        if node != culprit.node and wording.evidence.factor(node, culprit.target) is not None:
            yield (Change(serial_of(place), text),)


def _reductions(culprit: Culprit, wording: Wording) -> Iterator[tuple[Change, ...]]:
    """A sum over the other axis, or at all; a product of transposed operands."""
    serial = _serial(culprit, wording)
    if culprit.flow is None or serial < 0:
        return
    flow = wording.operand(culprit.node, culprit.flow)
    text = None if flow is None else ast.unparse(flow)
    if text is None:
        text = next((t for t, node in wording.texts(serial) if node == culprit.flow), None)
    if text is None:
        return
    due = wording.evidence.adjoint(culprit.target)
    if due is None:
        return
    error = wording.evidence.value(culprit.flow)
    for form, axes, kept in _SUMS:
        found = error.sum(axis=axes, keepdims=kept) if error.ndim == 3 else None
        if found is not None and wording.evidence.multiple(found, due, turned=False) is not None:
            yield (Change(serial, form.format(text)),)
    for partner, node in wording.texts(serial):
        other = wording.evidence.value(node)
        if other.ndim != 3 or error.ndim != 3 or node == culprit.flow:
            continue
        for form, function in _PRODUCTS:
            try:
                found = function(error, other)  # type: ignore[operator]
            except ValueError:
                continue
            if wording.evidence.multiple(found, due, turned=False) is not None:
                yield (Change(serial, form.format(text, partner)),)

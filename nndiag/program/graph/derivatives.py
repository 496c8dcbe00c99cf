"""How a change of an operation's result is owed to its arguments: one vector-Jacobian product each.

Three kinds of operations cover nearly everything. What works entry by entry has one partial
derivative per argument. What only moves entries about (indexing, reshaping, stacking, padding) is
told by running it on labels. Sums and products have formulas. Everything else is differentiated
numerically, argument by argument, as long as it is small.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Optional

import numpy as np

from nndiag.program.graph.nodes import Graph, Node, Ref, evaluated, filled, refs_in

Array = Any
"""A float array of any shape, or a number."""

_LABEL = float(2**40)  # labels of entries start here: no constant of a program is that large
_MOST_NUMERIC = 3000  # arguments of an unknown function that are moved one by one
_STEP = float(np.finfo(float).eps) ** (1 / 3)

_CANONICAL = {
    "subtract": "sub",
    "multiply": "mul",
    "divide": "truediv",
    "true_divide": "truediv",
    "power": "pow",
    "float_power": "pow",
    "negative": "neg",
    "positive": "pos",
    "fabs": "abs",
    "absolute": "abs",
    "atan": "arctan",
    "dot": "matmul",
    "amax": "max",
    "amin": "min",
}
SHAPED = frozenset(["zeros_like", "ones_like", "empty_like"])
"""Operations that take the shape of their argument, and nothing else of it."""
_FLAT = SHAPED | frozenset(
    [
        "eq",
        "ne",
        "lt",
        "le",
        "gt",
        "ge",
        "equal",
        "not_equal",
        "less",
        "less_equal",
        "greater",
        "greater_equal",
        "sign",
        "floor",
        "ceil",
        "rint",
        "round",
        "around",
        "trunc",
        "fix",
        "argmax",
        "argmin",
        "argsort",
        "floordiv",
        "floor_divide",
        "isnan",
        "isfinite",
        "isinf",
        "heaviside",
        "logical_and",
        "logical_or",
        "logical_not",
        "and_",
        "or_",
        "xor",
        "invert",
        "round_",
        "full_like",
        "shape",
        "size",
        "ndim",
        "any",
        "all",
        "count_nonzero",
        "nonzero",
        "searchsorted",
        "digitize",
        "int",
    ]
)
"""Operations that a small change of an argument does not change."""
MOVES = frozenset(
    [
        "getitem",
        "gather",
        "scatter",
        "reshape",
        "ravel",
        "flatten",
        "T",
        "transpose",
        "swapaxes",
        "moveaxis",
        "rollaxis",
        "expand_dims",
        "squeeze",
        "concatenate",
        "stack",
        "vstack",
        "hstack",
        "dstack",
        "column_stack",
        "row_stack",
        "append",
        "repeat",
        "tile",
        "roll",
        "flip",
        "fliplr",
        "flipud",
        "rot90",
        "diag",
        "diagonal",
        "diagflat",
        "split",
        "array_split",
        "vsplit",
        "hsplit",
        "take",
        "broadcast_to",
        "broadcast_arrays",
        "pad",
        "asanyarray",
        "ascontiguousarray",
        "asfarray",
        "asmatrix",
        "mat",
        "matrix",
        "bmat",
        "atleast_1d",
        "atleast_2d",
        "atleast_3d",
        "insert",
        "delete",
        "resize",
        "real",
        "with_item",
        "copyto",
        "fill",
        "put",
        "item",
        "block",
        "triu",
        "tril",
        "compress",
        "sliding_window_view",
        "as_strided",
        "__getitem__",
        "nan_to_num",
        "float_",
        "A",
        "A1",
        "flat",
        "full",
        "meshgrid",
        "view",
    ]
)
"""Operations that only move entries about."""
_NEEDS_REAL = {
    "getitem": (0,),
    "gather": (0,),
    "take": (0,),
    "with_item": (0, 2),
    "scatter": (0, 2),
}
"""Arguments that are labelled; the others are places."""


def pulled_back(graph: Graph, node: Node, adjoint: Array) -> dict[int, Array] | None:
    """What each input of a node contributes, given the adjoint of its value.

    Args:
        graph: The iteration.
        node: No leaf.
        adjoint: Derivative of the loss by the node's value, of its shape.

    Returns:
        Input's index → contribution to its adjoint, of the input's shape; None where the operation
        is unknown and too large to be differentiated numerically.
    """
    real = [index for index in node.inputs if graph[index].is_real]
    name = _CANONICAL.get(node.operation, node.operation)
    if not real or name in _FLAT:
        return {}
    for rule in (_by_formula, _by_moving, _entrywise):
        found = rule(graph, node, name, adjoint)
        if found is not None:
            return {index: part for index, part in found.items() if index in real}
    return _numeric(graph, node, adjoint, real)


def _value(graph: Graph) -> Callable[[int], Any]:
    return lambda index: graph[index].value


def _plain(graph: Graph) -> Callable[[int], Any]:
    """The values of nodes, matrices as arrays: what they multiply is decided by the operation."""

    def value(index: int) -> Any:
        found = graph[index].value
        return np.asarray(found) if isinstance(found, np.matrix) else found

    return value


def _arguments(graph: Graph, node: Node) -> list[Any]:
    return [filled(item, _plain(graph)) for item in node.arguments]


def _has_matrix(graph: Graph, node: Node) -> bool:
    return any(isinstance(graph[index].value, np.matrix) for index in node.inputs)


def unbroadcast(array: Array, shape: tuple[int, ...]) -> np.ndarray:
    """An array summed over the axes that a smaller shape was broadcast along."""
    array = np.asarray(array, dtype=float)
    if array.ndim > len(shape):
        array = array.sum(axis=tuple(range(array.ndim - len(shape))))
    axes = tuple(axis for axis, size in enumerate(shape) if size == 1 and array.shape[axis] != 1)
    return np.asarray(array.sum(axis=axes, keepdims=True) if axes else array)


# Entry by entry.

Partials = Callable[..., Sequence[Any]]


def _power(base: Array, exponent: Array) -> tuple[Array, Array]:
    base = np.asarray(base, dtype=float)
    by_base = np.where(np.equal(exponent, 0), 0.0, exponent * base ** (np.asarray(exponent) - 1.0))
    return by_base, np.where(base > 0, base**exponent * np.log(np.where(base > 0, base, 1.0)), 0.0)


_PARTIALS: dict[str, Partials] = {
    "add": lambda a, b: (1.0, 1.0),
    "sub": lambda a, b: (1.0, -1.0),
    "mul": lambda a, b: (b, a),
    "truediv": lambda a, b: (1 / np.asarray(b, float), -np.asarray(a, float) / np.square(b)),
    "pow": _power,
    "neg": lambda a: (-1.0,),
    "pos": lambda a: (1.0,),
    "abs": lambda a: (np.sign(a),),
    "exp": lambda a: (np.exp(a),),
    "exp2": lambda a: (np.exp2(a) * np.log(2.0),),
    "expm1": lambda a: (np.exp(a),),
    "log": lambda a: (1 / np.asarray(a, float),),
    "log2": lambda a: (1 / (np.asarray(a, float) * np.log(2.0)),),
    "log10": lambda a: (1 / (np.asarray(a, float) * np.log(10.0)),),
    "log1p": lambda a: (1 / (1 + np.asarray(a, float)),),
    "sqrt": lambda a: (0.5 / np.sqrt(a),),
    "square": lambda a: (2.0 * np.asarray(a, float),),
    "reciprocal": lambda a: (-1 / np.square(a),),
    "sin": lambda a: (np.cos(a),),
    "cos": lambda a: (-np.sin(a),),
    "tanh": lambda a: (1 - np.tanh(a) ** 2,),
    "arctan": lambda a: (1 / (1 + np.square(a)),),
    "sinh": lambda a: (np.cosh(a),),
    "cosh": lambda a: (np.sinh(a),),
    "maximum": lambda a, b: (_larger(a, b), _larger(b, a)),
    "minimum": lambda a, b: (_larger(b, a), _larger(a, b)),
    "fmax": lambda a, b: (_larger(a, b), _larger(b, a)),
    "fmin": lambda a, b: (_larger(b, a), _larger(a, b)),
    "where": lambda c, a, b: (0.0, np.where(c, 1.0, 0.0), np.where(c, 0.0, 1.0)),
    "clip": lambda a, low=None, high=None, *rest: (_inside(a, low, high), 0.0, 0.0),
}


def _larger(a: Array, b: Array) -> np.ndarray:
    return np.where(np.greater(a, b), 1.0, np.where(np.equal(a, b), 0.5, 0.0))


def _inside(a: Array, low: Array, high: Array) -> np.ndarray:
    above = True if low is None else np.greater_equal(a, low)
    below = True if high is None else np.less_equal(a, high)
    return np.where(np.logical_and(above, below), 1.0, 0.0)


def _entrywise(graph: Graph, node: Node, name: str, adjoint: Array) -> dict[int, Array] | None:
    """The contributions where each entry of the result is made from its counterparts alone."""
    partials = _PARTIALS.get(name)
    arguments = _arguments(graph, node)
    if node.operation == "pow" and _has_matrix(graph, node):
        return None
    if partials is None:
        return _numeric_entrywise(graph, node, adjoint)
    if node.keywords and name != "clip":
        return None
    if name == "clip":
        arguments += [filled(node.keywords[key], _value(graph)) for key in sorted(node.keywords)][
            ::-1
        ]
    if name in ("max", "min"):
        return None
    with np.errstate(all="ignore"):
        found = partials(*arguments)
    return _collected(graph, node, [np.multiply(adjoint, part) for part in found])


def _collected(graph: Graph, node: Node, parts: Sequence[Array]) -> dict[int, Array]:
    """Contributions by input, where one may stand at several places."""
    found: dict[int, Array] = {}
    for item, part in zip(node.arguments, parts):
        if isinstance(item, Ref):
            shaped = unbroadcast(np.broadcast_to(part, node.shape), graph[item.node].shape)
            found[item.node] = found.get(item.node, 0.0) + shaped
    return found


def _numeric_entrywise(graph: Graph, node: Node, adjoint: Array) -> dict[int, Array] | None:
    """The same for functions without a formula, where moving all entries at once is enough."""
    if node.part is not None or any(not isinstance(item, Ref) for item in _places(node)):
        return None
    found: dict[int, Array] = {}
    for index in node.inputs:
        if not graph[index].is_real:
            continue
        if graph[index].shape != node.shape or not _is_entrywise(graph, node, index):
            return None
        found[index] = np.multiply(adjoint, _moved_by(graph, node, index, None))
    return found


def _places(node: Node) -> list[Any]:
    return [item for item in node.arguments if isinstance(item, (Ref, list, tuple, dict))]


def _is_entrywise(graph: Graph, node: Node, index: int) -> bool:
    """Whether moving one entry of an input moves only its counterpart."""
    size = graph[index].size
    if size <= 1:
        return True
    chosen = size // 2
    moved = np.array(graph[index].value, dtype=float)
    moved.reshape(-1)[chosen] += 1e-3 * (1 + abs(moved.reshape(-1)[chosen]))
    after = _with(graph, node, index, moved)
    changed = np.flatnonzero(np.ravel(np.not_equal(after, node.value)))
    return set(changed.tolist()) <= {chosen}


def _with(graph: Graph, node: Node, index: int, value: Array) -> Array:
    """A node's value where one input has another one."""
    with np.errstate(all="ignore"):
        return evaluated(node, lambda item: value if item == index else graph[item].value)


def _moved_by(graph: Graph, node: Node, index: int, entry: int | None) -> np.ndarray:
    """Central difference of a node's value by one entry of an input, or by all of them at once."""
    start = np.array(graph[index].value, dtype=float)
    ends, width = [], 0.0
    for sign in (1.0, -1.0):
        moved = start.copy().reshape(-1)
        step = _STEP * np.maximum(np.abs(start.reshape(-1)), 1e-2)
        width = step.reshape(start.shape) if entry is None else step[entry]
        if entry is None:
            moved += sign * step
        else:
            moved[entry] += sign * step[entry]
        given = moved.reshape(start.shape)
        ends.append(np.asarray(_with(graph, node, index, given if start.ndim else float(given))))
    with np.errstate(all="ignore"):
        return np.asarray((ends[0] - ends[1]) / (2 * width))


def _numeric(
    graph: Graph, node: Node, adjoint: Array, real: Sequence[int]
) -> dict[int, Array] | None:
    """The contributions by moving every entry of every input."""
    if sum(graph[index].size for index in real) > _MOST_NUMERIC:
        return None
    found: dict[int, Array] = {}
    for index in real:
        parts = [
            float(np.sum(adjoint * _moved_by(graph, node, index, entry)))
            for entry in range(graph[index].size)
        ]
        found[index] = np.array(parts).reshape(graph[index].shape)
    return found


# Entries that are only moved about.

CASTS = frozenset({"astype", "array", "asarray", "float", "float16", "float32", "float64", "copy"})


def _by_moving(graph: Graph, node: Node, name: str, adjoint: Array) -> dict[int, Array] | None:
    """The contributions where each entry of the result is one entry of an input, or a constant."""
    if name not in MOVES | CASTS:
        return None
    if name in CASTS and len(node.inputs) == 1 and graph[node.inputs[0]].shape == node.shape:
        return {node.inputs[0]: adjoint}  # whatever its rounding, which labels do not survive
    starts, total = {}, 0
    wanted = _labelled_places(node, name)
    for index in node.inputs:
        if graph[index].is_real and index in wanted:
            starts[index] = total
            total += graph[index].size

    def labels(index: int) -> Any:
        item = graph[index]
        if index not in starts:
            return item.value
        own = _LABEL + starts[index] + np.arange(item.size, dtype=float).reshape(item.shape)
        return own.view(np.matrix) if isinstance(item.value, np.matrix) else own

    try:
        found = np.asarray(evaluated(node, labels), dtype=float)
    except (ValueError, TypeError, IndexError):
        return None
    if found.shape != node.shape:
        return None
    mine = found >= _LABEL
    entries = (found[mine] - _LABEL).astype(np.intp)
    whole = np.zeros(total)
    np.add.at(whole, entries, np.broadcast_to(adjoint, node.shape)[mine])
    return {
        index: whole[start : start + graph[index].size].reshape(graph[index].shape)
        for index, start in starts.items()
    }


def _labelled_places(node: Node, name: str) -> set[int]:
    places = _NEEDS_REAL.get(name)
    if places is None:
        return set(node.inputs)
    chosen = [item for place, item in enumerate(node.arguments) if place in places]
    return set(refs_in(chosen))


# Sums and products.


def _by_formula(graph: Graph, node: Node, name: str, adjoint: Array) -> dict[int, Array] | None:
    """The contributions of reductions and of sums of products."""
    rule = _FORMULAS.get(name)
    if name == "reduce" and getattr(node.function, "__self__", None) is not np.add:
        return None
    arguments = _arguments(graph, node)
    if node.operation == "mul" and _has_matrix(graph, node):
        rule = _matmul  # `*` of matrices, not np.multiply
    if rule is None:
        return None
    keywords = {key: filled(item, _value(graph)) for key, item in node.keywords.items()}
    return rule(graph, node, arguments, keywords, np.asarray(adjoint, dtype=float))


def _matmul(
    graph: Graph, node: Node, arguments: list[Any], keywords: dict[str, Any], adjoint: np.ndarray
) -> dict[int, Array] | None:
    a, b = np.asarray(arguments[0], float), np.asarray(arguments[1], float)
    if a.ndim == 0 or b.ndim == 0:
        by_left = np.sum(adjoint * b) if a.ndim == 0 else adjoint * b
        by_right = np.sum(adjoint * a) if b.ndim == 0 else adjoint * a
        return _by_place(graph, node, (by_left, by_right))
    if a.ndim > 2 or b.ndim > 2:
        return _batched(graph, node, a, b, adjoint)
    wide = adjoint.reshape((a.shape[0] if a.ndim == 2 else 1, b.shape[1] if b.ndim == 2 else 1))
    left = wide @ np.atleast_2d(b if b.ndim == 2 else b[:, None]).T
    right = np.atleast_2d(a).T @ wide
    return _by_place(graph, node, (left.reshape(a.shape), right.reshape(b.shape)))


def _batched(
    graph: Graph, node: Node, a: np.ndarray, b: np.ndarray, adjoint: np.ndarray
) -> dict[int, Array] | None:
    if node.operation == "dot" or a.ndim < 2 or b.ndim < 2:
        return None
    left = adjoint @ np.swapaxes(b, -1, -2)
    right = np.swapaxes(a, -1, -2) @ adjoint
    return _by_place(graph, node, (unbroadcast(left, a.shape), unbroadcast(right, b.shape)))


def _by_place(graph: Graph, node: Node, parts: Sequence[Array]) -> dict[int, Array]:
    """Contributions of the first arguments, each of its own shape."""
    found: dict[int, Array] = {}
    for item, part in zip(node.arguments, parts):
        if isinstance(item, Ref):
            shaped = np.reshape(part, graph[item.node].shape)
            found[item.node] = found.get(item.node, 0.0) + shaped
    return found


def _outer(
    graph: Graph, node: Node, arguments: list[Any], keywords: dict[str, Any], adjoint: np.ndarray
) -> dict[int, Array]:
    a, b = np.ravel(arguments[0]), np.ravel(arguments[1])
    wide = adjoint.reshape(a.size, b.size)
    return _by_place(graph, node, (wide @ b, a @ wide))


def _inner(
    graph: Graph, node: Node, arguments: list[Any], keywords: dict[str, Any], adjoint: np.ndarray
) -> dict[int, Array] | None:
    a, b = np.asarray(arguments[0], float), np.asarray(arguments[1], float)
    if a.ndim != 1 or b.ndim != 1:
        return None
    return _by_place(graph, node, (adjoint * b, adjoint * a))


def _einsum(
    graph: Graph, node: Node, arguments: list[Any], keywords: dict[str, Any], adjoint: np.ndarray
) -> dict[int, Array] | None:
    text = arguments[0]
    if not isinstance(text, str) or "." in text:
        return None
    before, arrow, after = text.replace(" ", "").partition("->")
    letters = before.split(",")
    if not arrow:
        every = before.replace(",", "")
        after = "".join(sorted(item for item in set(every) if every.count(item) == 1))
    operands = [np.asarray(item, float) for item in arguments[1:]]
    found: dict[int, Array] = {}
    for place, (own, operand) in enumerate(zip(letters, operands)):
        item = node.arguments[place + 1]
        if not isinstance(item, Ref):
            continue
        others = [part for other, part in enumerate(letters) if other != place]
        values = [part for other, part in enumerate(operands) if other != place]
        known = set(after).union(*map(set, others)) if others else set(after)
        ones = [np.ones(size) for letter, size in zip(own, operand.shape) if letter not in known]
        free = [letter for letter in own if letter not in known]
        if len(set(own)) < len(own):
            return None
        terms = ",".join([after, *others, *free])
        part = np.einsum(f"{terms}->{own}", adjoint, *values, *ones)
        found[item.node] = found.get(item.node, 0.0) + part
    return found


def _axes(keywords: dict[str, Any], arguments: list[Any], ndim: int) -> tuple[int, ...]:
    axis = keywords.get("axis", arguments[1] if len(arguments) > 1 else None)
    if axis is None:
        return tuple(range(ndim))
    return tuple(item % ndim for item in (axis if isinstance(axis, tuple) else (axis,)))


def _spread(adjoint: np.ndarray, shape: tuple[int, ...], axes: tuple[int, ...]) -> np.ndarray:
    """The adjoint of a reduction, beside each entry that was reduced."""
    kept = tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    return np.broadcast_to(adjoint.reshape(kept), shape)


def _sum(
    graph: Graph, node: Node, arguments: list[Any], keywords: dict[str, Any], adjoint: np.ndarray
) -> dict[int, Array] | None:
    first = node.arguments[0]
    if isinstance(first, (list, tuple)):
        return _sum_of_list(graph, node, arguments, keywords, adjoint)
    if "where" in keywords or not isinstance(first, Ref):
        return None
    shape = np.shape(arguments[0])
    if not shape:
        return {first.node: adjoint}
    axes = (0,) if node.function is sum else _axes(keywords, arguments, len(shape))  # Python's sum
    part = _spread(adjoint, shape, axes)
    if node.operation in ("mean", "average"):
        part = part / max(int(np.prod([shape[axis] for axis in axes])), 1)
    return {first.node: np.array(part)}


def _sum_of_list(
    graph: Graph, node: Node, arguments: list[Any], keywords: dict[str, Any], adjoint: np.ndarray
) -> dict[int, Array] | None:
    """Python's own sum, and numpy's over a list."""
    items = node.arguments[0]
    if keywords.get("axis") is not None or (len(arguments) > 1 and node.operation != "sum"):
        return None
    if any(isinstance(item, (list, tuple)) for item in items):
        return None
    over_all = adjoint.ndim == 0
    scale = 1.0
    if node.operation in ("mean", "average"):
        scale = 1.0 / max(sum(np.size(item) for item in arguments[0]), 1)
    found: dict[int, Array] = {}
    for item in (*items, *node.arguments[1:]):
        if isinstance(item, Ref):
            shape = graph[item.node].shape
            part = np.broadcast_to(adjoint, shape) if over_all else unbroadcast(adjoint, shape)
            found[item.node] = found.get(item.node, 0.0) + scale * part
    return found


def _extreme(
    graph: Graph, node: Node, arguments: list[Any], keywords: dict[str, Any], adjoint: np.ndarray
) -> dict[int, Array] | None:
    """Largest or smallest entries."""
    first = node.arguments[0]
    if len(node.arguments) > 1 and all(np.ndim(item) == 0 for item in arguments):
        best = max(arguments) if node.operation == "max" else min(arguments)
        chosen = [float(item == best) for item in arguments]
        return _by_place(graph, node, [adjoint * (part / sum(chosen)) for part in chosen])
    if not isinstance(first, Ref) or np.ndim(arguments[0]) == 0:
        return None
    value = np.asarray(arguments[0], float)
    axes = _axes(keywords, arguments, value.ndim)
    chosen_there = value == _spread(np.asarray(node.value, float), value.shape, axes)
    share = chosen_there / chosen_there.sum(axis=axes, keepdims=True)
    return {first.node: share * _spread(adjoint, value.shape, axes)}


def _spread_of_values(
    graph: Graph, node: Node, arguments: list[Any], keywords: dict[str, Any], adjoint: np.ndarray
) -> dict[int, Array] | None:
    """Variances and standard deviations."""
    first = node.arguments[0]
    if not isinstance(first, Ref) or np.ndim(arguments[0]) == 0:
        return None
    value = np.asarray(arguments[0], float)
    axes = _axes(keywords, arguments, value.ndim)
    count = float(np.prod([value.shape[axis] for axis in axes])) - float(keywords.get("ddof", 0))
    part = 2 * (value - value.mean(axis=axes, keepdims=True)) / count
    if node.operation == "std":
        with np.errstate(all="ignore"):
            part = part / (2 * _spread(np.asarray(node.value, float), value.shape, axes))
    return {first.node: part * _spread(adjoint, value.shape, axes)}


def _cumulated(
    graph: Graph, node: Node, arguments: list[Any], keywords: dict[str, Any], adjoint: np.ndarray
) -> dict[int, Array] | None:
    first = node.arguments[0]
    axis = keywords.get("axis", arguments[1] if len(arguments) > 1 else None)
    if not isinstance(first, Ref) or (axis is None and np.ndim(arguments[0]) != 1):
        return None
    axis = 0 if axis is None else axis
    return {first.node: np.flip(np.cumsum(np.flip(adjoint, axis), axis), axis)}


def _added_at(
    graph: Graph, node: Node, arguments: list[Any], keywords: dict[str, Any], adjoint: np.ndarray
) -> dict[int, Array] | None:
    found: dict[int, Array] = {}
    target, value = node.arguments[0], node.arguments[2]
    if isinstance(target, Ref):
        found[target.node] = adjoint
    if isinstance(value, Ref):
        found[value.node] = unbroadcast(adjoint[arguments[1]], graph[value.node].shape)
    return found


Formula = Callable[..., Optional[dict[int, Array]]]

_FORMULAS: dict[str, Formula] = {
    "matmul": _matmul,
    "outer": _outer,
    "inner": _inner,
    "vdot": _inner,
    "einsum": _einsum,
    "sum": _sum,
    "mean": _sum,
    "average": _sum,
    "reduce": _sum,
    "max": _extreme,
    "min": _extreme,
    "var": _spread_of_values,
    "std": _spread_of_values,
    "cumsum": _cumulated,
    "added_at": _added_at,
}

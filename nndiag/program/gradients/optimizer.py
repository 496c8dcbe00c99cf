"""What an optimizer remembers between iterations, so that its first step can be looked at alone.

Momentum from a zero state steps along the gradient. Adam and its kind do not, but their first
moment is then a multiple of the gradient, and their second one of its square.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from nndiag.program.execution.numbers import Vector, are_same, is_real
from nndiag.program.execution.runner import StepFailedError
from nndiag.program.execution.snapshot import Leaf
from nndiag.program.gradients.computed import Computed
from nndiag.program.gradients.laboratory import Laboratory, Moment, Point
from nndiag.program.loop.motion import nudge
from nndiag.program.loop.tensors import Tensor, tensors_of

_MOST = 24


def moments(
    lab: Laboratory, points: Sequence[Point], changed: Iterable[Leaf]
) -> tuple[Moment, ...]:
    """The optimizer's state: starts at zero, fades, and acts on one parameter only.

    Some programs make it in the first iteration: it is then looked at in the last one.

    Args:
        lab: Runs the step.
        points: Where the program is looked at, in order.
        changed: The numbers that an iteration changes.
    """
    plain = [point for point in points if not point.shifted] or list(points)
    first, last = plain[0], plain[-1]
    own = {leaf for tensor in lab.tensors for leaf in tensor.leaves}
    early = {leaf for leaf, _ in first.snapshot.leaves()}
    late = [leaf for leaf, value in _new(last, early) if is_real(value)]
    there = tensors_of(first.snapshot, [leaf for leaf in changed if leaf in early - own])
    made = tensors_of(last.snapshot, late)
    places = [(first, state) for state in there[:_MOST]]
    places += [(last.with_zeroed(state.leaves), state) for state in made[:_MOST]]
    found = [moment for point, state in places for moment in _moments(lab, point, state)]
    families: dict[tuple[str, ...], list[bool]] = {}
    for item in found:
        if item.state.size > 1:
            families.setdefault(_family(item.state.leaves[0]), []).append(item.squared)
    only = bool(families) and all(map(all, families.values()))  # AdaGrad and RMSprop: squares alone
    return tuple(
        replace(item, squared=only or all(families.get(_family(item.state.leaves[0]), [False])))
        for item in found
    )


def _new(point: Point, early: set[Leaf]) -> Iterator[tuple[Leaf, Any]]:
    """What was not there at first, but for views of what was: an example that was picked out."""
    every = list(point.snapshot.leaves())
    known = [item for leaf, item in every if leaf in early and isinstance(item, np.ndarray)]
    for leaf, value in every:
        data = isinstance(value, np.ndarray) and any(np.may_share_memory(value, x) for x in known)
        if leaf not in early and not data:
            yield leaf, value


def own_expressions(
    lab: Laboratory, points: Iterable[Point], computed: Computed, state: Iterable[Moment]
) -> frozenset[int]:
    """Serials of the optimizer's own expressions: what changes when it remembers something.

    Args:
        lab: Runs the step.
        points: Where the program is looked at.
        computed: Its expressions.
        state: What the optimizer remembers.
    """
    point = max(points, key=lambda item: item.snapshot.iteration)  # made in the first, perhaps
    variant = lab.runner.variant(computed.instruments)

    def remember() -> None:
        for moment in state:
            moment.state.write(point.snapshot, _remembered(moment.state))

    try:
        plain = lab.record(point, variant).values
        changed = lab.record(point, variant, also=remember).values
    except StepFailedError:
        return frozenset()
    return frozenset(
        serial for serial, values in plain.items() if not are_same(values, changed.get(serial, []))
    )


def _moments(lab: Laboratory, point: Point, state: Tensor) -> list[Moment]:
    """The state of one tensor, or of several whose states are kept together."""
    parts = [state]
    if len(state.leaves) > 1:
        parts += [part for leaf in state.leaves for part in tensors_of(point.snapshot, [leaf])]
    found: list[Moment] = []
    for part in parts[:_MOST]:
        try:
            moment = _moment(lab, point, part)
        except StepFailedError:
            continue
        if moment is not None:
            found.append(moment)
            if part is state:
                break
    return found


def _family(leaf: Leaf) -> tuple[str, ...]:
    """What the moments of one kind have in common: `v["W1"]` and `v["b1"]`, `mW1` and `mb1`."""
    if leaf.steps:
        kinds = [f"{kind}:{name}" for kind, name in leaf.steps[:-1]]
        last = str(leaf.steps[-1][1])
        return (leaf.root, *kinds, last[:1] if leaf.steps[-1][0] == "attr" else "")
    return (leaf.root[:1],)


def _moment(lab: Laboratory, point: Point, state: Tensor) -> Moment | None:
    snapshot = point.snapshot
    snapshot.install()
    start = state.read(snapshot)
    if start is None or (np.any(start != 0) and not point.zeroed):
        return None
    lab.run(point, lab.plain)
    plain, ends = state.read(snapshot), _ends(lab.tensors, point)
    if plain is None:
        return None
    change = _remembered(state)
    lab.run(point, lab.plain, also=lambda: state.write(snapshot, change))
    moved = state.read(snapshot)
    if moved is None:
        return None
    kept = (moved - plain) / change
    acted = [
        tensor
        for tensor in lab.tensors
        if tensor.size == state.size and not np.array_equal(_end(tensor, point), ends[tensor.name])
    ]
    if not np.allclose(kept, kept[0]) or not 0 < kept[0] <= 1 + 1e-6 or len(acted) != 1:
        return None
    squared = bool(np.all(plain >= 0)) and state.size > 1
    return Moment(state, acted[0].name, squared)


def _remembered(state: Tensor) -> Vector:
    """Small positive numbers, in the place of the zeros that a state starts from."""
    return np.abs(nudge(state.size, np.zeros(state.size)))


def _end(tensor: Tensor, point: Point) -> Vector:
    values = tensor.read(point.snapshot)
    return np.full(tensor.size, np.nan) if values is None else values


def _ends(tensors: Iterable[Tensor], point: Point) -> dict[str, Vector]:
    return {tensor.name: _end(tensor, point) for tensor in tensors}

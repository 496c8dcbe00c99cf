"""The small edits that may mend a step: of each statement of the way back, by each bug."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

import numpy as np

from nndiag.program.execution.numbers import Vector, are_same, read_vector
from nndiag.program.execution.runner import StepFailedError
from nndiag.program.gradients.computed import Computed, computed_values, residuals
from nndiag.program.gradients.judgement import Verdict
from nndiag.program.gradients.laboratory import Laboratory, Point
from nndiag.program.gradients.measurement import Measurement
from nndiag.program.gradients.optimizer import own_expressions
from nndiag.program.gradients.parts import wrong_part
from nndiag.program.repair.bug import all_edits
from nndiag.program.repair.sites import Site, distinct, flipped_signs, sites
from nndiag.program.repair.workshop import Workshop
from nndiag.program.text.edits import Edit
from nndiag.program.text.instrument import parents_of, serial_of
from nndiag.program.text.scopes import loop_node

_MOST = 12  # variables that may be targets
_SIGN = "wrong-sign"
_VARIABLE = (ast.Name, ast.Attribute, ast.Subscript)


def candidates_for_repair(
    measurement: Measurement, number: int, *, forward: bool = False
) -> list[Edit]:
    """All small edits of the statements of the step, cheapest first.

    Args:
        measurement: The program as it was measured.
        number: At which of its points the statements are looked at.
        forward: Whether statements of the forward pass are edited too.
    """
    lab = measurement.lab
    point = measurement.points[number]
    updates = lab.updates(point)
    resets = frozenset(serial for serials in updates.values() for serial in serials)
    computed = computed_values(lab, point, resets)
    found = residuals(lab, computed)
    flipped_at = [residual.serial for residual in found] or _marked(lab, computed)
    driven = _changed_by(lab, point, computed, flipped_at) if flipped_at else frozenset()
    driven = driven or _behind_targets(lab, point, computed)
    driven = driven or _behind_loss(lab, computed, measurement)
    shop = Workshop(
        nodes=lab.nodes,
        parents=parents_of(measurement.host.tree),
        computed=computed,
        driven=driven,
        residuals=found,
        loss=measurement.loss,
        parameters={tensor.name: tensor.shape for tensor in lab.tensors},
        values={
            tensor.name: point.theta[tensor.name].reshape(tensor.shape) for tensor in lab.tensors
        },
        pieces=_pieces(measurement, number),
        updates=updates,
        examples=measurement.examples,
        loop=loop_node(
            measurement.host.tree.body[measurement.watched.loop.top],
            measurement.watched.loop.ordinal,
        ),
        still=frozenset(name for name, item in measurement.fits[number].items() if item.still),
        partly=frozenset(_partly_still(measurement)),
    )
    own: frozenset[int] = frozenset()
    if lab.proxies:
        own = own_expressions(lab, measurement.points, computed, measurement.moments)
    found_sites = sites(shop, forward=forward)
    return distinct(edit for site in found_sites for edit in _edits_of(site, own))


def _pieces(measurement: Measurement, number: int) -> list[Vector]:
    """The lists and numbers that parameters are made of, where they are not arrays."""
    point = measurement.points[number]
    found: list[Vector] = []
    for tensor in measurement.lab.tensors:
        parts = [read_vector(point.snapshot, leaf) for leaf in tensor.leaves]
        sizes = [part.size for part in parts if part is not None]
        if len(sizes) > 1 and sum(sizes) == tensor.size:
            found += np.split(point.theta[tensor.name], np.cumsum(sizes)[:-1])
    return found


def _partly_still(measurement: Measurement) -> Iterator[str]:
    """The tensors of which some entries are never changed."""
    for name, verdict in measurement.verdicts.items():
        if verdict is Verdict.WRONG:
            part = wrong_part(measurement, name)
            if part is not None and part.verdict is Verdict.NEVER_UPDATED:
                yield name


def _marked(lab: Laboratory, computed: Computed) -> list[int]:
    """The reads of an array behind `d[range(n), y] -= 1`: a residual that is made in place."""
    found = []
    for mark in lab.nodes.values():
        if not isinstance(mark, ast.AugAssign) or not isinstance(mark.op, ast.Sub):
            continue
        if not isinstance(mark.target, ast.Subscript):
            continue
        text = ast.unparse(mark.target.value)
        found += [
            serial
            for serial in computed.acted
            if getattr(lab.nodes.get(serial), "lineno", 0) > mark.lineno
            and isinstance(lab.nodes[serial], _VARIABLE)
            and ast.unparse(lab.nodes[serial]) == text
        ]
    return found


def _changed_by(
    lab: Laboratory, point: Point, computed: Computed, serials: Iterable[int]
) -> frozenset[int]:
    """What changes of all that the parameters act on, when some values are changed."""
    variant = lab.runner.variant(computed.instruments)
    try:
        flipped = lab.record(point, variant, flipped=dict.fromkeys(serials, flipped_signs))
    except StepFailedError:
        return frozenset()
    return frozenset(
        serial
        for serial in computed.acted
        if not are_same(computed.base.values[serial], flipped.values.get(serial, []))
    )


def _behind_targets(lab: Laboratory, point: Point, computed: Computed) -> frozenset[int]:
    """Without a residual to follow: what changes with the targets is the way back, and the loss.

    Targets are what changes least: inputs change the whole way forward too.
    """
    groups: dict[str, list[int]] = {}
    for serial, values in computed.base.values.items():
        node = lab.nodes.get(serial)
        data = isinstance(node, _VARIABLE) and serial not in computed.acted
        if node is not None and data and np.size(values[-1]) > 1:
            groups.setdefault(ast.unparse(node), []).append(serial)
    sets = [_changed_by(lab, point, computed, group) for group in list(groups.values())[:_MOST]]
    updates = {serial for serials in lab.updates(point).values() for serial in serials}
    told = [found for found in sets if _reaches(found, updates, lab)]
    least = min(told, key=len, default=frozenset())
    return least if len(least) < len(max(told, key=len, default=least)) else frozenset()


def _reaches(found: frozenset[int], updates: set[int], lab: Laboratory) -> bool:
    """Whether what changes is used in an update."""
    return any(serial_of(item) in found for one in updates for item in ast.walk(lab.nodes[one]))


def _behind_loss(lab: Laboratory, computed: Computed, measurement: Measurement) -> frozenset[int]:
    """Without a residual to follow: what is first computed behind the loss is the way back."""
    order = computed.base.order
    value = measurement.loss.value(computed.base)
    times = [
        order[serial]
        for serial in computed.acted
        if any(np.size(item) == 1 and item == value for item in computed.base.values[serial])
    ]
    loss = min(times, default=0)
    forward = {
        ast.unparse(lab.nodes[serial])
        for serial in computed.acted
        if order[serial] <= loss and isinstance(lab.nodes[serial], _VARIABLE)
    }
    late = [serial for serial in computed.acted if order[serial] > loss]
    variables = {
        serial
        for serial in late
        if isinstance(lab.nodes[serial], _VARIABLE)
        and ast.unparse(lab.nodes[serial]) not in forward
    }
    return frozenset(
        serial
        for serial in late
        if any(serial_of(item) in variables for item in ast.walk(lab.nodes[serial]))
    )


def _edits_of(site: Site, own: frozenset[int]) -> Iterator[Edit]:
    """The edits of a statement; of an adaptive optimizer's own only those of its sign.

    Of its step the sign alone is compared, so that much would seem to mend it.
    """
    value = site.value
    kept = value is not None and any(serial_of(node) in own for node in ast.walk(value))
    for edit in all_edits(site):
        if not kept or edit.bug == _SIGN:
            yield edit

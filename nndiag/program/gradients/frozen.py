"""Parameters that need a second look: kept once per example, or never changed at all."""

from __future__ import annotations

import ast
from dataclasses import replace

import numpy as np

from nndiag.program.execution.numbers import Vector, is_real
from nndiag.program.execution.runner import StepFailedError
from nndiag.program.execution.views import owner_of
from nndiag.program.gradients.laboratory import Laboratory, Point, shifted
from nndiag.program.gradients.measurement import Measurement
from nndiag.program.gradients.objective import objective_of
from nndiag.program.gradients.preparation import share_unchanged
from nndiag.program.gradients.slopes import Differences
from nndiag.program.loop.tensors import Tensor, never_updated
from nndiag.program.text.settings import CodeSettings


def tie_copies(measurement: Measurement) -> None:
    """Treats a bias that is kept once per example, with equal rows, as the one bias that it is."""
    lab = measurement.lab
    if measurement.trial.explains:
        return
    examples = measurement.examples
    tied = []
    for tensor in lab.tensors:
        equal = len(tensor.shape) == 2 and tensor.shape[0] == examples > 1
        equal = equal and all(
            _rows_equal(lab, tensor, point) for point in measurement.points if not point.shifted
        )
        tied.append(replace(tensor, shape=tensor.shape[1:], copies=examples) if equal else tensor)
    if tuple(tied) == lab.tensors:
        return
    names = [tensor.name for tensor in tied if tensor.copies > 1]
    lab.tensors = tuple(tied)
    snapshots = list({id(point.snapshot): point.snapshot for point in measurement.points}.values())
    points = [point.with_zeroed(measurement.points[0].zeroed) for point in lab.points(snapshots)]
    candidates = [trial.candidate for trial in measurement.all_trials]
    objective = objective_of(
        lab,
        candidates,
        points=points,
        residuals=measurement.residuals,
        computed=measurement.computed,
    )
    if objective.chosen is not None:
        measurement.points = points
        measurement.trial, measurement.all_trials = objective.chosen, objective.trials
        measurement.notes.append(
            f"{', '.join(names)}: one row for each example, all equal and moved alike; "
            "checked as the one bias that they are"
        )


def _rows_equal(lab: Laboratory, tensor: Tensor, point: Point) -> bool:
    values = point.theta[tensor.name].reshape(tensor.shape)
    step = lab.step(point)[tensor.name].reshape(tensor.shape)
    return bool(np.all(values == values[:1]) and np.all(step == step[:1]))


def add_frozen(measurement: Measurement, settings: CodeSettings) -> None:
    """Adds what looks like a parameter, acts on the loss and is never changed."""
    if settings.parameters:
        return
    lab = measurement.lab
    point = min(reversed(measurement.points), key=lambda item: item.snapshot.iteration)
    known = {leaf for tensor in lab.tensors for leaf in tensor.leaves}
    changed = {leaf for test in measurement.watched.tests for leaf in test.changed}
    early = {leaf for leaf, _ in measurement.watched.snapshots[0].leaves()}
    same = {id(owner_of(point.snapshot.original(leaf))) for leaf in known | changed}
    leaves = [
        leaf
        for leaf, value in point.snapshot.leaves()
        if leaf not in known | changed
        and leaf in early
        and (is_real(value) or np.ndim(value) == 2)
        and id(owner_of(value)) not in same
    ]
    host = measurement.host
    names = {node.id for node in host.nodes.values() if isinstance(node, ast.Name)}
    names |= {node.attr for node in host.nodes.values() if isinstance(node, ast.Attribute)}
    rebuilt = {leaf.root for leaf in known}  # a dict of parameters that each iteration makes anew
    likely = never_updated(
        point.snapshot,
        lab.tensors,
        leaves,
        names=frozenset(names),
        passing=host.passing - rebuilt,
        examples=measurement.examples,
    )
    if not likely:
        return
    for snapshot in {id(item.snapshot): item.snapshot for item in measurement.points}.values():
        snapshot.unshare()
    taken = {tensor.name for tensor in lab.tensors}  # units of it that were only idle so far
    frozen = [
        tensor
        for tensor in likely
        if tensor.name not in taken and _acts(measurement, tensor, point)
    ]
    if not frozen:
        share_unchanged(lab, measurement.points)
        return
    lab.tensors = (*lab.tensors, *frozen)
    measurement.points = [
        Point(
            item.snapshot, {**item.theta, **_frozen_theta(frozen, item)}, item.zeroed, item.shifted
        )
        for item in measurement.points
    ]
    measurement.updates |= {tensor.name: () for tensor in frozen}
    share_unchanged(lab, measurement.points)


def _frozen_theta(frozen: list[Tensor], point: Point) -> dict[str, Vector]:
    point.snapshot.install()
    found = {}
    for tensor in frozen:
        values = tensor.read(point.snapshot)
        found[tensor.name] = np.zeros(tensor.size) if values is None else values
    return shifted(found) if point.shifted else found


def _acts(measurement: Measurement, tensor: Tensor, point: Point) -> bool:
    """Whether a small change of a tensor changes the loss."""
    lab = measurement.lab
    differences = Differences(lab, [measurement.loss], measurement.computed)
    snapshot = point.snapshot
    try:
        plain = differences.losses(point)[0]
        snapshot.install()
        start = tensor.read(snapshot)
        if start is None:
            return False
        size = 1e-3 * max(1.0, float(np.max(np.abs(start))))
        moved = start + size * np.cos(np.arange(start.size))  # a softmax feels no common shift

        def change() -> None:
            tensor.write(snapshot, moved)

        recording = lab.record(point, differences.variant, also=change)
    except StepFailedError:
        return False
    value = measurement.loss.value(recording)
    return value is not None and value != plain

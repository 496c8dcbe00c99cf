"""What one iteration of a loop does to the numbers of a program: whether it is a step.

An iteration is a *step* when a small change of some variable at its head comes out at its end
mixed with others: a parameter acts on the forward pass, the forward pass on the gradients, the
gradients on the parameters. What only updates (its gradients are ready), only accumulates, only
counts or only fills caches does not mix.
A single weight cannot mix with anything. Numbers that *lean* are told too: they come out as a part
of themselves and something else. So do smoothed series; they are only taken for parameters where
there is nothing better.
"""

import time
from dataclasses import dataclass, field

import numpy as np

from nndiag.user_code.execution.numbers import (
    Vector,
    is_real,
    read_vector,
    relative_difference,
    vector,
    write_vector,
)
from nndiag.user_code.execution.runner import Runner, StepFailedError, Variant
from nndiag.user_code.execution.snapshot import Leaf, Snapshot

TEST_SECONDS = 0.4
"""How much processor time one iteration may take while its loop is looked for."""
_MOST_LEAVES = 60
_ROUNDING = 1e-9
_LOCAL_ENTRIES = 4
_PART = 1e-6  # how far from all or nothing a part is


@dataclass
class StepTest:
    """What one iteration of a loop was seen to do.

    Attributes:
        changed: Numbers that it changes.
        moving: Those of them that act on others, or on themselves other than by a factor.
        complete: Whether the test ended in time.
        leaning: Single numbers that come out as a part of themselves and something else.
    """

    changed: dict[Leaf, int]
    moving: dict[Leaf, int]
    complete: bool = True
    leaning: dict[Leaf, int] = field(default_factory=dict)


def step_test(runner: Runner, variant: Variant, snapshot: Snapshot) -> StepTest:
    """Runs one iteration on copies and tells what moves in it."""
    nothing = StepTest({}, {})
    hidden = _seen_elsewhere(snapshot)
    before = {
        leaf: numbers
        for leaf, value in snapshot.leaves()
        if leaf not in hidden
        and (numbers := vector(value)) is not None
        and np.isfinite(numbers).all()
    }
    started = time.process_time()
    try:
        runner.run(snapshot, variant)
    except StepFailedError as error:
        return StepTest({}, {}, complete="OutOfTime" not in str(error))
    plain = _ends(snapshot, before)
    changed = {
        leaf: before[leaf].size for leaf in plain if not np.array_equal(plain[leaf], before[leaf])
    }
    changed = {leaf: size for leaf, size in changed.items() if _real_now(snapshot, leaf)}
    if not changed:
        return nothing
    snapshot.share_unchanged(changed)
    try:
        runner.run(snapshot, variant)
    except StepFailedError:
        snapshot.unshare()  # something is written to, with what stood there before
    shares = dict(sorted(changed.items(), key=lambda item: -item[1])[:_MOST_LEAVES])
    effects: dict[Leaf, dict[Leaf, Vector]] = {}
    for leaf in shares:
        if time.process_time() - started > 2 * TEST_SECONDS:
            break
        moved = before[leaf] + nudge(before[leaf].size, before[leaf])
        effects[leaf] = _effects(runner, variant, snapshot, leaf, moved, plain)
    buffers = {
        leaf for leaf in effects if _is_buffer(runner, variant, snapshot, leaf, before[leaf], plain)
    }
    effects = {leaf: found for leaf, found in effects.items() if leaf not in buffers}
    moving = {
        leaf: changed[leaf]
        for leaf in effects
        if _moves(leaf, effects)
        and (
            changed[leaf] == 1
            or not _is_local(
                runner, variant, snapshot, leaf, before[leaf], _near(leaf, plain, effects)
            )
        )
    }
    parts = {leaf: 1 for leaf in effects if _is_part(leaf, effects, before, plain)}
    leaning = {
        leaf: 1
        for leaf in parts
        if not any(leaf in effects[other] for other in parts if other != leaf)
    }
    return StepTest(changed, moving, leaning=leaning)


def _seen_elsewhere(snapshot: Snapshot) -> set[Leaf]:
    """Arrays of which another, smaller one is a view: its changes are theirs."""
    viewed = {id(array) for group in snapshot.views for array in group.arrays}
    arrays = [(leaf, item) for leaf, item in snapshot.leaves() if id(item) in viewed]
    arrays.sort(key=lambda pair: pair[1].size)
    return {
        leaf
        for number, (leaf, item) in enumerate(arrays)
        if any(np.shares_memory(item, other) for _, other in arrays[:number])
    }


def _real_now(snapshot: Snapshot, leaf: Leaf) -> bool:
    try:
        return is_real(snapshot.read(leaf))
    except (LookupError, AttributeError, TypeError):
        return False


def _ends(snapshot: Snapshot, before: dict[Leaf, Vector]) -> dict[Leaf, Vector]:
    """The numbers after an iteration that are still where they were."""
    ends = {}
    for leaf, start in before.items():
        end = read_vector(snapshot, leaf)
        if end is not None and end.shape == start.shape:
            ends[leaf] = end
    return ends


def nudge(size: int, values: Vector) -> Vector:
    """A small change of some numbers, the same for the same size."""
    scale = 1e-3 * max(float(np.sqrt(np.mean(values**2))), 0.1)
    return np.asarray(scale * np.random.default_rng(size).normal(size=size))


def _effects(
    runner: Runner,
    variant: Variant,
    snapshot: Snapshot,
    leaf: Leaf,
    moved: Vector,
    plain: dict[Leaf, Vector],
) -> dict[Leaf, Vector]:
    """What other numbers at a leaf change at the end of the iteration, and by how much."""
    try:
        runner.run(snapshot, variant, before=lambda: write_vector(snapshot, leaf, moved))
    except StepFailedError:
        return {}
    effects = {}
    for other, end in plain.items():
        now = read_vector(snapshot, other)
        if now is not None and now.shape == end.shape and not np.array_equal(now, end):
            effects[other] = now - end
    return effects


def _moves(leaf: Leaf, effects: dict[Leaf, dict[Leaf, Vector]]) -> bool:
    """Whether a change at a leaf comes back to it, by itself or through another one."""
    own = effects[leaf].get(leaf)
    if own is None:
        return False
    others = [other for other in effects[leaf] if other != leaf]
    if own.size == 1:
        most = max(len(found) for found in effects.values()) - 1
        if len(others) <= 1 < most:
            return False  # a velocity acts on its own parameter only
        return any(leaf in effects.get(other, {}) for other in others)
    change = np.random.default_rng(own.size).normal(size=own.size)  # as in `nudge`, up to a factor
    mutual = any(leaf in effects.get(other, {}) for other in others)
    return mutual or bool(others) or not _is_multiple(own, change)


def _is_part(
    leaf: Leaf,
    effects: dict[Leaf, dict[Leaf, Vector]],
    before: dict[Leaf, Vector],
    plain: dict[Leaf, Vector],
) -> bool:
    """Whether a single number comes out as a part of itself and something else."""
    own = effects[leaf].get(leaf)
    if own is None or own.size != 1:
        return False
    factor = own / nudge(1, before[leaf])
    rest = np.abs(plain[leaf] - factor * before[leaf])
    size = np.abs(plain[leaf]) + np.abs(before[leaf])
    return bool(np.abs(factor - 1)[0] > _PART and rest[0] > _PART * size[0])


def _is_buffer(
    runner: Runner,
    variant: Variant,
    snapshot: Snapshot,
    leaf: Leaf,
    start: Vector,
    plain: dict[Leaf, Vector],
) -> bool:
    """Whether the entries that the iteration changes act on nothing, not even on themselves.

    They are written anew, and only others beside them act, such as a constant input.
    """
    written = plain[leaf] != start
    if written.all():
        return False
    moved = start + nudge(start.size, start) * written
    return not _effects(runner, variant, snapshot, leaf, moved, plain)


def _near(
    leaf: Leaf, plain: dict[Leaf, Vector], effects: dict[Leaf, dict[Leaf, Vector]]
) -> dict[Leaf, Vector]:
    """The numbers that may tell whether a leaf acts entry by entry only.

    A single number that it acts on without being acted on is but computed from it.
    """
    return {
        other: end
        for other, end in plain.items()
        if end.size != 1 or plain[leaf].size == 1 or leaf in effects.get(other, {})
    }


def _is_local(
    runner: Runner,
    variant: Variant,
    snapshot: Snapshot,
    leaf: Leaf,
    start: Vector,
    plain: dict[Leaf, Vector],
) -> bool:
    """Whether each entry acts on itself and its counterparts only, as a velocity's do."""
    change = nudge(start.size, start)
    for entry in np.linspace(0, start.size - 1, _LOCAL_ENTRIES).astype(int):
        moved = start.copy()
        moved[entry] += change[entry]
        effects = _effects(runner, variant, snapshot, leaf, moved, plain)
        if any(np.count_nonzero(effect) > 1 for effect in effects.values()):
            return False
        if any(effect.size != start.size for effect in effects.values()):
            return False
    return True


def _is_multiple(effect: Vector, change: Vector) -> bool:
    """Whether an effect is the change times one factor."""
    factor = float(effect @ change) / float(change @ change)
    return relative_difference(effect, factor * change) < 1e3 * _ROUNDING

"""What one iteration of a loop does to the numbers of a program: whether it is a step.

An iteration is a *step* when a small change of some variable at its head comes out at its end
mixed with others: a parameter acts on the forward pass, the forward pass on the gradients, the
gradients on the parameters. What only updates (its gradients are ready), only accumulates, only
counts or only fills caches does not mix.
A single weight cannot mix with anything. Numbers that *lean* are told too: they come out as a part
of themselves and something else. So do smoothed series; they are only taken for parameters where
there is nothing better.
Where all weights are zero, or no unit is alive, an iteration may change nothing: it *rests*, and is
looked at beside that place.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field

import numpy as np

from nndiag.program.execution.numbers import (
    Vector,
    is_real,
    read_vector,
    relative_difference,
    vector,
    write_vector,
)
from nndiag.program.execution.runner import Runner, StepFailedError, Variant
from nndiag.program.execution.snapshot import Leaf, Snapshot
from nndiag.program.execution.views import bytes_of

TEST_SECONDS = 0.4
"""How much processor time one iteration may take while its loop is looked for."""
_MOST_LEAVES = 60
_ROUNDING = 1e-9
_LOCAL_ENTRIES = 4
_ANEW = 1e3  # how much larger than a nudge others are than a number, or as numbers by themselves
_PART = 1e-6  # how far from all or nothing a part is


@dataclass
class StepTest:
    """What one iteration of a loop was seen to do.

    Attributes:
        changed: Numbers that it changes.
        moving: Those of them that act on others, or on themselves other than by a factor.
        complete: Whether the test ended in time.
        leaning: Single numbers that come out as a part of themselves and something else.
        unseen: Changed numbers for which there was no time.
        resting: Whether it changed nothing, with an array of real numbers at its head.
        renewed: Changed numbers that come out the same, whatever stood there before.
    """

    changed: dict[Leaf, int]
    moving: dict[Leaf, int]
    complete: bool = True
    leaning: dict[Leaf, int] = field(default_factory=dict)
    unseen: frozenset[Leaf] = frozenset()
    resting: bool = False
    renewed: frozenset[Leaf] = frozenset()


@dataclass(frozen=True, eq=False)
class _Iteration:
    """One iteration that is run again and again, each time with other numbers at its head.

    Attributes:
        runner: Runs it.
        variant: The program as it is run.
        snapshot: The variables at its head.
        head: The numbers that it begins with: the program's own, or some beside them.
        end: Those of them that are still there at its end, when nothing was moved.
        anew: Whether numbers are replaced by others, rather than changed a little.
        beside: Whether it begins beside the program's own numbers.
    """

    runner: Runner
    variant: Variant
    snapshot: Snapshot
    head: dict[Leaf, Vector]
    end: dict[Leaf, Vector]
    anew: bool = False
    beside: bool = False

    @property
    def changed(self) -> dict[Leaf, int]:
        """The real numbers that it changes, by size; to be asked when it has just run."""
        return {
            leaf: start.size
            for leaf, start in self.head.items()
            if leaf in self.end
            and not np.array_equal(self.end[leaf], start)
            and _real_now(self.snapshot, leaf)
        }

    def nudged(self, leaf: Leaf) -> Vector:
        """A leaf's numbers, changed a little; or others, as small as weights are."""
        start = self.head[leaf]
        return _ANEW * nudge(start.size, np.ones(1)) if self.anew else start + self.change(leaf)

    def change(self, leaf: Leaf) -> Vector:
        """By how much a leaf's numbers are changed."""
        start = self.head[leaf]
        return self.nudged(leaf) - start if self.anew else nudge(start.size, start)

    def effects(self, leaf: Leaf, moved: Vector) -> dict[Leaf, Vector] | None:
        """What other numbers at a leaf change at the end, and by how much; None where they fail."""
        snapshot = self.snapshot
        try:
            written = {**(self.head if self.beside else {}), leaf: moved}
            self.runner.run(snapshot, self.variant, before=lambda: _write(snapshot, written))
        except StepFailedError:
            return None
        effects = {}
        for other, end in self.end.items():
            now = read_vector(snapshot, other)
            if now is not None and now.shape == end.shape and not np.array_equal(now, end):
                effects[other] = now - end
        return effects


Effects = dict[Leaf, dict[Leaf, Vector]]
"""By moved leaf: what its move changed, by leaf."""


def step_test(
    runner: Runner,
    variant: Variant,
    snapshot: Snapshot,
    *,
    seconds: float = 2 * TEST_SECONDS,
    anew: bool = False,
    beside: bool = False,
) -> StepTest:
    """Runs one iteration on copies and tells what moves in it.

    Args:
        runner: Runs the iteration.
        variant: The program as it is.
        snapshot: The variables at its head.
        seconds: Processor time after which no further numbers are looked at.
        anew: Whether numbers are replaced by others: where units are saturated, or only the sign of
            an error counts, small changes come out nowhere.
        beside: Whether to begin beside the numbers that the program has.
    """
    started = time.process_time()
    head = _head(snapshot)
    own = {leaf: x for leaf, x in head.items() if is_real(snapshot.original(leaf))}
    if beside:
        head = head | {leaf: x + _ANEW * nudge(x.size, x) for leaf, x in own.items()}
    try:
        runner.run(snapshot, variant, before=lambda: _write(snapshot, head if beside else {}))
    except StepFailedError as error:
        return StepTest({}, {}, complete="OutOfTime" not in str(error))
    iteration = _Iteration(runner, variant, snapshot, head, _ends(snapshot, head), anew, beside)
    changed = iteration.changed
    if not changed:
        return StepTest({}, {}, resting=any(x.size > 1 for x in own.values()))
    if not beside:
        snapshot.share_unchanged(changed)
    try:
        runner.run(snapshot, variant)
    except StepFailedError:
        snapshot.unshare()  # something is written to, with what stood there before
    known: dict[Leaf, dict[Leaf, Vector] | None] = {}
    for leaf in sorted(changed, key=lambda item: -changed[item])[:_MOST_LEAVES]:
        if time.process_time() - started > seconds:
            break
        known[leaf] = iteration.effects(leaf, iteration.nudged(leaf))
    effects: Effects = {leaf: found or {} for leaf, found in known.items()}
    buffers = {leaf for leaf in effects if _is_buffer(iteration, leaf)}
    effects = {leaf: found for leaf, found in effects.items() if leaf not in buffers}
    moving = {
        leaf: changed[leaf]
        for leaf in effects
        if _moves(iteration, leaf, effects)
        and (changed[leaf] == 1 or not _is_local(iteration, leaf, effects))
    }
    return StepTest(
        changed,
        moving,
        leaning=dict.fromkeys(_leaning(iteration, effects), 1),
        unseen=frozenset(changed) - set(known),
        renewed=frozenset(x for x, found in known.items() if found is not None and x not in found),
    )


def _write(snapshot: Snapshot, numbers: dict[Leaf, Vector]) -> None:
    for leaf, values in numbers.items():
        write_vector(snapshot, leaf, values)


def _head(snapshot: Snapshot) -> dict[Leaf, Vector]:
    """The finite numbers at the head of an iteration."""
    hidden = _seen_elsewhere(snapshot)
    return {
        leaf: numbers
        for leaf, value in snapshot.leaves()
        if leaf not in hidden
        and (numbers := vector(value)) is not None
        and np.isfinite(numbers).all()
    }


def _leaning(iteration: _Iteration, effects: Effects) -> list[Leaf]:
    """The single numbers that come out as a part of themselves, and on which no other such acts."""
    parts = [leaf for leaf in effects if _is_part(iteration, leaf, effects)]
    return [
        leaf
        for leaf in parts
        if not any(leaf in effects[other] for other in parts if other != leaf)
    ]


def _seen_elsewhere(snapshot: Snapshot) -> set[Leaf]:
    """Arrays of which another, smaller one is a view: its changes are theirs."""
    viewed = {id(array) for group in snapshot.views for array in group.arrays}
    arrays = [(leaf, item) for leaf, item in snapshot.leaves() if id(item) in viewed]
    arrays.sort(key=lambda pair: pair[1].size)
    places = sorted((*bytes_of(item), number) for number, (_, item) in enumerate(arrays))
    hidden: set[Leaf] = set()
    for place, (_, high, number) in enumerate(places):
        for low, _, other in itertools.islice(places, place + 1, None):
            if low >= high:  # and so are all that follow
                break
            leaf, larger = arrays[max(number, other)]
            if leaf not in hidden and np.shares_memory(larger, arrays[min(number, other)][1]):
                hidden.add(leaf)
    return hidden


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


def _moves(iteration: _Iteration, leaf: Leaf, effects: Effects) -> bool:
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
    mutual = any(leaf in effects.get(other, {}) for other in others)
    return mutual or bool(others) or not _is_multiple(own, iteration.change(leaf))


def _is_part(iteration: _Iteration, leaf: Leaf, effects: Effects) -> bool:
    """Whether a single number comes out as a part of itself and something else."""
    own = effects[leaf].get(leaf)
    if own is None or own.size != 1:
        return False
    head, end = iteration.head[leaf], iteration.end[leaf]
    factor = own / iteration.change(leaf)
    rest = np.abs(end - factor * head)
    size = np.abs(end) + np.abs(head)
    return bool(np.abs(factor - 1)[0] > _PART and rest[0] > _PART * size[0])


def _is_buffer(iteration: _Iteration, leaf: Leaf) -> bool:
    """Whether the entries that the iteration changes act on nothing, not even on themselves.

    They are written anew, and only others beside them act, such as a constant input.
    """
    start = iteration.head[leaf]
    written = iteration.end[leaf] != start
    if written.all():
        return False
    return not iteration.effects(leaf, start + iteration.change(leaf) * written)


def _is_local(iteration: _Iteration, leaf: Leaf, effects: Effects) -> bool:
    """Whether each entry acts on itself and its counterparts only, as a velocity's do.

    A single number that it acts on without being acted on is but computed from it, and tells
    nothing.
    """
    start, end = iteration.head[leaf], iteration.end
    change = iteration.change(leaf)
    for entry in _spread(np.flatnonzero(end[leaf] != start)):
        moved = start.copy()
        moved[entry] += change[entry]
        telling = [
            effect
            for other, effect in (iteration.effects(leaf, moved) or {}).items()
            if end[other].size != 1 or end[leaf].size == 1 or leaf in effects.get(other, {})
        ]
        if any(np.count_nonzero(effect) > 1 or effect.size != start.size for effect in telling):
            return False
    return True


def _spread(entries: np.ndarray) -> np.ndarray:
    """A few of some entries, from the first to the last.

    Those that no iteration changes, such as the weights of an input that is always zero, tell
    nothing.
    """
    places = np.linspace(0, entries.size - 1, _LOCAL_ENTRIES).astype(int)
    return np.asarray(entries[places])


def _is_multiple(effect: Vector, change: Vector) -> bool:
    """Whether an effect is the change times one factor."""
    factor = float(effect @ change) / float(change @ change)
    return relative_difference(effect, factor * change) < 1e3 * _ROUNDING

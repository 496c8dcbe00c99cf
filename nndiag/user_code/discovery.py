"""Which loop is the training loop: found by watching what one iteration of each loop does.

An iteration is a *step* when a small change of some variable at its head comes out at its end
mixed with others: a parameter acts on the forward pass, the forward pass on the gradients, the
gradients on the parameters. What only updates (its gradients are ready), only accumulates, only
counts or only fills caches does not mix.
The training loop is the innermost loop whose iteration is a step and changes all that the steps of
the loops around it change.
A single weight cannot mix with anything. Where no loop mixes, numbers that *lean* are looked for:
they come out as a part of themselves and something else. So do smoothed series; they are only
taken where there is nothing better.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nndiag.user_code.host import CellReader, Host, StopProgram
from nndiag.user_code.numbers import (
    Vector,
    is_real,
    read_vector,
    relative_difference,
    vector,
    write_vector,
)
from nndiag.user_code.places import is_number
from nndiag.user_code.runner import Runner, StepFailedError, Variant
from nndiag.user_code.scopes import Loop
from nndiag.user_code.snapshot import Leaf, Snapshot, originals_kept, take_snapshot

_TRIES = 6  # iterations of one loop that are tested: an example may leave everything unchanged
_TEST_SECONDS = 0.4
_MOST_LEAVES = 60
_ITERATIONS = (0, 1, 2, 3, 5, 9, 20, 50, 100)  # where the gradient may be checked
_WATCH_SECONDS = 0.3
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


@dataclass
class Watched:
    """What is known of one loop."""

    loop: Loop
    parents: tuple[tuple[int, int], ...] = ()
    tests: list[StepTest] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    covered: set[tuple[int, int]] = field(default_factory=set)
    changed: set[Any] = field(default_factory=set)
    first: Snapshot | None = None
    heads: int = 0

    @property
    def is_step(self) -> bool:
        """Whether an iteration was seen to be a step."""
        return any(test.moving for test in self.tests)

    @property
    def moving(self) -> dict[Leaf, int]:
        """The numbers that its iterations move."""
        return _merged([test.moving for test in self.tests])

    @property
    def settled(self) -> bool:
        """Whether testing it again would tell nothing."""
        return len(self.tests) >= _TRIES or any(not test.complete for test in self.tests)

    def covers(self, other: "Watched") -> bool:
        """Whether one iteration changes all that an iteration of a loop around it moves."""
        return self is other or other.loop.key in self.covered


def _merged(parts: list[dict[Leaf, int]]) -> dict[Leaf, int]:
    whole: dict[Leaf, int] = {}
    for part in parts:
        whole |= part
    return whole


def _live(snapshot: Snapshot, leaves: Iterable[Leaf]) -> set[Any]:
    """What stands at some leaves in the running program: arrays and lists by identity."""
    found: set[Any] = set()
    for leaf in leaves:
        try:
            value = snapshot.read(leaf)
        except (LookupError, AttributeError, TypeError):
            continue
        found.add(float(value) if is_number(value) else id(value))
    return found


class Observer:
    """Watches a program run until it knows its training loop and has seen it at several points."""

    def __init__(self, host: Host, *, prefer: str | None = None, lone: bool = False) -> None:
        self.host = host
        self.prefer = prefer
        self.lone = lone
        self.watched = {key: Watched(loop) for key, loop in host.loops.items()}
        self.chosen: Watched | None = None
        self._stop_at = float("inf")
        if host.stand_in:
            self._choose(next(reversed(self.watched.values())))
            self._stop_at = float("inf")
        host.hooks.head = self.head
        host.hooks.leave = self.leave

    def head(self, key: tuple[int, int], cells: CellReader) -> None:
        """Called at the head of each iteration."""
        record = self.watched[key]
        if self.chosen is not None:
            self._follow(record, cells)
            return
        stack = self.host.hooks.stack
        record.parents = tuple(entry[0] for entry in stack[:-1])
        count = stack[-1][1] if stack else 0
        if count > 0 and record.is_step:
            self._decide(record, final=count >= _TRIES - 1)
        if self.chosen is None and not record.settled:
            self._test(record, cells)
            record.heads += 1
        elif self.chosen is record:
            self._follow(record, cells)
        else:
            record.heads += 1

    def leave(self, key: tuple[int, int]) -> None:
        """Called behind each loop."""
        record = self.watched[key]
        if self.chosen is None and record.is_step:
            self._decide(record, final=True)
        elif self.chosen is record and record.heads > _ITERATIONS[2]:
            raise StopProgram

    def _decide(self, record: Watched, *, final: bool) -> None:
        """Chooses a loop when all loops inside an iteration of this one have been seen."""
        outer = [self.watched[key] for key in record.parents]
        inner = [item for item in self.watched.values() if record.loop.key in item.parents]
        steps = [item for item in (*outer, record, *inner) if item.is_step]
        whole = {item.loop.key for item in steps if item.tests[0].complete}
        steps.sort(key=lambda item: len(item.parents))
        for item in reversed(steps):
            around = whole & set(item.parents)
            if all(item.covers(self.watched[key]) for key in around) and self._preferred(item):
                self._choose(item)
                return
            told = item.settled or (record.settled and item in inner) or (final and item is record)
            if not told and (outer or not final):
                return  # an example may leave a parameter as it is: the next ones may not
        if final and not outer:
            self._choose(record)

    @property
    def has_seen_enough(self) -> bool:
        """Whether the training loop is known for sure though the program failed behind it.

        A whole iteration of each loop around it has run.
        """
        record = self.chosen
        if record is None or not record.snapshots:
            return False
        return all(self.watched[key].heads > 1 for key in record.parents)

    @property
    def leans(self) -> bool:
        """Whether some loop may train a single weight."""
        return any(test.leaning for item in self.watched.values() for test in item.tests)

    def _preferred(self, record: Watched) -> bool:
        return self.prefer is None or self.prefer in {scope.name for scope in record.loop.scopes}

    def _choose(self, record: Watched) -> None:
        self.chosen = record
        self._stop_at = time.perf_counter() + _WATCH_SECONDS

    def _follow(self, record: Watched, cells: CellReader) -> None:
        """Takes snapshots of the chosen loop at a few more iterations, then stops the program."""
        late = time.perf_counter() > self._stop_at
        if record is self.chosen:
            taken = {snapshot.iteration for snapshot in record.snapshots}
            if record.heads in _ITERATIONS and record.heads not in taken:
                record.snapshots.append(self._snapshot(record.heads, cells))
            record.heads += 1
            if record.heads > _ITERATIONS[-1] or (late and len(record.snapshots) > 2):
                raise StopProgram
        if time.perf_counter() > self._stop_at + 4 * _WATCH_SECONDS:
            raise StopProgram

    def _snapshot(self, iteration: int, cells: CellReader) -> Snapshot:
        return take_snapshot(
            iteration=iteration,
            namespaces=self.host.namespaces,
            cells=_cells(cells),
            is_user=self.host.is_user,
            passing=self.host.passing,
        )

    def _test(self, record: Watched, cells: CellReader) -> None:
        snapshot = self._snapshot(record.heads, cells)
        runner = Runner(self.host, record.loop)
        runner.seconds = _TEST_SECONDS
        started = time.perf_counter()
        with originals_kept(snapshot):
            test = step_test(runner, runner.variant(), snapshot)
        if self.lone:
            test = replace(test, moving=test.leaning)
        self._stop_at += time.perf_counter() - started
        record.tests.append(test)
        record.first = record.first or snapshot
        record.changed |= _live(snapshot, test.changed)
        for key in record.parents:
            around = self.watched[key]
            if around.first is not None and _live(around.first, around.moving) <= record.changed:
                record.covered.add(key)
        if record.heads in _ITERATIONS and (test.moving or record.snapshots):
            record.snapshots.append(snapshot)


def _cells(reader: CellReader) -> dict[str, Any]:
    """The cells of a function's variables, from the hook's closure over them."""
    if reader is None:
        return {}
    return dict(zip(reader.__code__.co_freevars, reader.__closure__ or (), strict=True))


def step_test(runner: Runner, variant: Variant, snapshot: Snapshot) -> StepTest:
    """Runs one iteration on copies and tells what moves in it."""
    nothing = StepTest({}, {})
    before = {
        leaf: numbers
        for leaf, value in snapshot.leaves()
        if (numbers := vector(value)) is not None and np.isfinite(numbers).all()
    }
    started = time.perf_counter()
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
        if time.perf_counter() - started > 2 * _TEST_SECONDS:
            break
        moved = before[leaf] + nudge(before[leaf].size, before[leaf])
        effects[leaf] = _effects(runner, variant, snapshot, leaf, moved, plain)
    moving = {
        leaf: changed[leaf]
        for leaf in effects
        if _moves(leaf, effects)
        and (
            changed[leaf] == 1
            or not _is_local(runner, variant, snapshot, leaf, before[leaf], plain)
        )
    }
    parts = {leaf: 1 for leaf in effects if _is_part(leaf, effects, before, plain)}
    leaning = {
        leaf: 1
        for leaf in parts
        if not any(leaf in effects[other] for other in parts if other != leaf)
    }
    return StepTest(changed, moving, leaning=leaning)


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

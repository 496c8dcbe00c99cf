"""Which loop is the training loop: found by watching what one iteration of each loop does.

The training loop is the innermost loop whose iteration is a step (see `motion`) and changes all
that the steps of the loops around it change. Where no iteration mixes anything, a loop is taken in
which a single number leans.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nndiag.program.execution.host import CellReader, Host, StopProgram, cells_of
from nndiag.program.execution.numbers import vector
from nndiag.program.execution.places import is_number
from nndiag.program.execution.runner import Runner
from nndiag.program.execution.snapshot import Leaf, Snapshot, originals_kept, take_snapshot
from nndiag.program.execution.views import owner_of
from nndiag.program.loop.perturbation import TEST_SECONDS, StepTest, step_test
from nndiag.program.text.scopes import Loop

_LOOKS = 3  # iterations of the chosen loop that are tested at least, where that is quick
_QUICK = 0.1
_TRIES = 6  # iterations of one loop that are tested: an example may leave everything unchanged
_ITERATIONS = (0, 1, 2, 3, 5, 9, 20, 50, 100)  # where the gradient may be checked
_WATCH_SECONDS = 0.3


@dataclass
class Watched:
    """What is known of one loop."""

    loop: Loop
    parents: tuple[tuple[int, int], ...] = ()
    tests: list[StepTest] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    covered: set[tuple[int, int]] = field(default_factory=set)
    parted: set[tuple[int, int]] = field(default_factory=set)
    changed: set[Any] = field(default_factory=set)
    first: Snapshot | None = None
    heads: int = 0
    seconds: float = 0.0

    @property
    def is_step(self) -> bool:
        """Whether an iteration was seen to be a step."""
        return any(test.moving for test in self.tests)

    @property
    def moving(self) -> dict[Leaf, int]:
        """The numbers that its iterations move."""
        return _merged([test.moving for test in self.tests])

    @property
    def renewed(self) -> set[Leaf]:
        """The numbers that never depend on what they were before, as those of a cache.

        Beside steps that explode, a small change may be lost to rounding.
        """
        kept = {leaf for x in self.tests for leaf in x.changed.keys() - x.unseen - x.renewed}
        return {leaf for x in self.tests for leaf in x.renewed} - kept

    @property
    def settled(self) -> bool:
        """Whether testing it again would tell nothing, or take too long."""
        most = _TRIES if self.seconds <= _QUICK * len(self.tests) else _TRIES // 2
        return len(self.tests) >= most or any(not test.complete for test in self.tests)

    def covers(self, other: Watched) -> bool:
        """Whether one iteration changes all that an iteration of a loop around it moves.

        Example by example some parameters may stay as they are, so that iterations are taken
        together; but where one changes what others do not, and nothing else, it is a loop over
        layers.
        """
        return self is other or other.loop.key in self.covered - self.parted


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
        found.add(float(value) if is_number(value) else id(owner_of(value)))
    return found


class Observer:
    """Watches a program run until it knows its training loop and has seen it at several points."""

    def __init__(
        self,
        host: Host,
        *,
        prefer: str | None = None,
        lone: bool = False,
        anew: bool = False,
        beside: bool = False,
        refused: frozenset[tuple[int, int]] = frozenset(),
    ) -> None:
        self.host = host
        self._refused = refused
        self.prefer = prefer
        self.lone, self.anew, self.beside = lone, anew, beside
        self.watched = {key: Watched(loop) for key, loop in host.loops.items()}
        self.chosen: Watched | None = None
        self.out_of_time = False
        self._quick = True
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
            self._decide(record, final=count >= _TRIES - 1 or record.settled)
        if self.chosen is None and not record.settled and key not in self._refused:
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
    def changes(self) -> bool:
        """Whether some loop changes numbers at all."""
        return any(test.changed for item in self.watched.values() for test in item.tests)

    @property
    def leans(self) -> bool:
        """Whether some loop may train a single weight."""
        return any(test.leaning for item in self.watched.values() for test in item.tests)

    @property
    def rests(self) -> bool:
        """Whether some loop changes nothing, where equal numbers may be why."""
        return any(test.resting for item in self.watched.values() for test in item.tests)

    def _preferred(self, record: Watched) -> bool:
        return self.prefer is None or self.prefer in {scope.name for scope in record.loop.scopes}

    def _choose(self, record: Watched) -> None:
        self.chosen = record
        self._stop_at = time.process_time() + _WATCH_SECONDS

    def _follow(self, record: Watched, cells: CellReader) -> None:
        """Takes snapshots of the chosen loop at a few more iterations, then stops the program."""
        late = time.process_time() > self._stop_at
        if record is self.chosen:
            taken = {snapshot.iteration for snapshot in record.snapshots}
            if record.heads in _ITERATIONS and record.heads not in taken:
                if 0 < len(record.tests) < _LOOKS and self._quick:
                    self._test(record, cells)  # more parameters may move with another example
                else:
                    record.snapshots.append(self._snapshot(record.heads, cells))
            record.heads += 1
            if record.heads > _ITERATIONS[-1] or (late and len(record.snapshots) > 2):
                raise StopProgram
        if time.process_time() > self._stop_at + 4 * _WATCH_SECONDS:
            raise StopProgram

    def _snapshot(self, iteration: int, cells: CellReader) -> Snapshot:
        return take_snapshot(
            iteration=iteration,
            namespaces=self.host.namespaces,
            cells=cells_of(cells),
            is_user=self.host.is_user,
            passing=self.host.passing,
        )

    def _test(self, record: Watched, cells: CellReader) -> None:
        started = time.process_time()
        snapshot = self._snapshot(record.heads, cells)
        runner = Runner(self.host, record.loop)
        runner.seconds = TEST_SECONDS
        with originals_kept(snapshot):
            test = step_test(runner, runner.variant(), snapshot, anew=self.anew, beside=self.beside)
        if self.lone:
            test = replace(test, moving=test.leaning)
        taken = time.process_time() - started
        self._quick = taken < _QUICK
        record.seconds += taken
        self._stop_at += taken
        if self.chosen is record and record.first is not None:
            start = {leaf for leaf, value in record.first.leaves() if np.any(vector(value))}
            still = record.tests[0].changed.keys() - start  # an optimizer's state looks alike now
            moving = {leaf: size for leaf, size in test.moving.items() if leaf not in still}
            test = replace(test, moving=moving)
        record.tests.append(test)
        record.first = record.first or snapshot
        now = _live(snapshot, test.changed)
        for key in record.parents:
            around = self.watched[key]
            wanted = set() if around.first is None else _live(around.first, around.moving)
            if record.changed & wanted and now & wanted and not record.changed & now & wanted:
                record.parted.add(key)
            if around.first is not None and wanted <= record.changed | now:
                record.covered.add(key)
        record.changed |= now
        if record.heads in _ITERATIONS and (test.moving or record.snapshots):
            record.snapshots.append(snapshot)

"""The expressions that come to what is due, found where the program computes what is not.

The iteration runs once more. Where the expression at fault is computed, its variations are, too,
from the same variables; those that come to the value that is due, at all points, are kept.
"""

from __future__ import annotations

import ast
import difflib
import re
import time
import types
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nndiag.program.execution.runner import StepFailedError
from nndiag.program.location.candidates import Variations
from nndiag.program.location.scene import Scene, scene_at
from nndiag.program.loop.step_evaluator import Point
from nndiag.program.roles.choice import chosen_loss
from nndiag.program.roles.comparison import Comparison
from nndiag.program.roles.losses import Loss
from nndiag.program.roles.multiples import factor_between
from nndiag.program.roles.reading import Reading, read_iteration
from nndiag.program.roles.status import FINE, Status
from nndiag.program.roles.understanding import Understanding
from nndiag.program.roles.verdicts import compared
from nndiag.program.roles.written_parts import targets_of, with_parts
from nndiag.program.text.edits import Change, Edit, Editor
from nndiag.program.text.instrument import Instruments, node_id_of
from nndiag.program.text.tracing import TRACE

_SECONDS = 1.5  # of processor time, for the variations of one expression
_SAME = 1e-6
_MOST = 8
_TELLING = 4  # points that tell whether a single number is a multiple of another
_FEW = 4  # points at which an edit is tried
_NEW = 6  # how much more it takes to add a part than to leave one out
_PLACES = ("0", "1")
_NAMED = 4  # parts of a name that are written rather than a number


class Workbench:
    """Runs the iteration of a program with one expression watched, or with an edit."""

    def __init__(self, found: Understanding) -> None:
        self.found, self.lab = found, found.lab
        self.runner = found.lab.runner
        self.editor = Editor(found.host.tree, found.lab.nodes)
        snapshots = found.watched.snapshots
        self._shared = {k: v for item in snapshots for k, v in item.shared.items()}

    @contextmanager
    def edited(self, changes: Sequence[Change]) -> Iterator[dict[int, ast.stmt]]:
        """The program with an edit; gives its top-level statements that change."""
        tree = self.found.host.tree
        with self.editor.made(Edit("", tuple(changes))) as tops, _put_back(self._shared):
            ast.fix_missing_locations(tree)
            yield {top: tree.body[top] for top in tops}

    def watch(
        self, place: ast.expr, point: Point, watcher: Callable[[types.FrameType, Any], None]
    ) -> None:
        """Runs the iteration at a point and hands over where an expression is computed.

        Raises:
            StepFailedError: The iteration failed.
        """
        tracer = self.found.host.hooks.tracer
        text = f"{TRACE}.scene({ast.unparse(place)})"
        with self.edited([Change(node_id_of(place), text)]) as tops:
            instruments = Instruments(forced=self.found.forced)
            variant = self.runner.variant(instruments, edited=tops)
            tracer.watcher = watcher
            try:
                self.lab.run(point, variant)
            finally:
                tracer.watcher = None

    def scene(self, place: ast.expr, scope: ast.AST, point: Point) -> Scene | None:
        """What can be read where an expression is computed first; None where it is not."""
        found: list[Scene] = []

        def look(frame: types.FrameType, _: Any) -> None:
            if not found:
                found.append(scene_at(frame, place, scope, self.found.host.tree))
                found[0].values = {t: np.copy(value) for t, value in found[0].values.items()}

        try:
            self.watch(place, point, look)
        except (StepFailedError, SyntaxError, ValueError):
            return None
        return next(iter(found), None)

    def readings(self, changes: Sequence[Change], points: Sequence[Point]) -> list[Reading]:
        """The readings of the edited program at some points; none where it cannot be run."""
        try:
            with self.edited(changes) as tops:
                self.runner.edited = tops
                try:
                    return [
                        read_iteration(
                            self.lab, p, updates=self.found.updates, forced=self.found.forced
                        )
                        for p in points
                    ]
                finally:
                    self.runner.edited = {}
        except (StepFailedError, SyntaxError, KeyError, ValueError):
            return []

    def mended(
        self, changes: Sequence[Change], before: Sequence[Comparison], loss: Loss
    ) -> list[str]:
        """The wrong parameters that an edit makes right, at a few points; none if it spoils one.

        What was assumed to be the loss is assumed anew: an edit of the outputs may change that.
        """
        points = [reading.point for reading in self.found.readings[:_FEW]]
        readings = self.readings(changes, points)
        if not readings:
            return []
        targets = targets_of(self.found.host.tree)
        readings = with_parts(readings, self.found.in_parts, targets) or readings
        loss = loss if loss.own else chosen_loss(readings) or loss
        try:
            after = compared(readings, loss, states=self.found.states)
        except (KeyError, ValueError, StopIteration):
            return []
        now, was = grades(after), grades(before)
        if any(now.get(name, 0) > was.get(name, 0) for name in now):
            return []
        return [name for name in was if now.get(name, 0) < was[name]]


@contextmanager
def _put_back(shared: Mapping[int, Any]) -> Iterator[None]:
    """Gives lists and dictionaries that no iteration changes what they hold, if an edit does."""
    before = [(item, item.copy()) for item in shared.values() if isinstance(item, (list, dict))]
    try:
        yield
    finally:
        for item, held in before:
            item.clear()
            item.extend(held) if isinstance(item, list) else item.update(held)


def grades(items: Sequence[Comparison]) -> dict[str, int]:
    """How wrong each parameter is: a wrong direction is more than a wrong sign or size."""
    slight = (Status.WRONG_SIGN, Status.WRONG_SCALE)
    return {
        item.name: 1 if item.status in slight else 2 for item in items if item.status not in FINE
    }


def expressions_due(
    bench: Workbench,
    place: ast.expr,
    scope: ast.AST,
    dues: Sequence[tuple[Point, int, np.ndarray]],
    *,
    any_factor: bool,
    steady: bool = False,
) -> list[str]:
    """Expressions in the place of another that come to what is due, the most likely first.

    Args:
        bench: Runs the program.
        place: The expression at fault.
        scope: The function that it stands in, or the module.
        dues: Points, with which time the expression is computed there, and what is due then; what
            comes at a point that was there before is preferred only.
        any_factor: Whether a multiple of what is due will do; of a single number the same one at
            all points.
        steady: Whether it is the same one also where there are several numbers.
    """
    kept: dict[str, float] | None = None
    seen, points = 0, list[Point]()
    for point, count, due in dues:
        alone = steady or due.size == 1
        watch = _Watch(bench, place, scope, count, due, any_factor, alone, kept)
        try:
            bench.watch(place, point, watch)
        except (StepFailedError, SyntaxError, ValueError):
            continue
        if watch.seen and (watch.found or point not in points):
            kept, seen = watch.found, seen + 1
        points.append(point)
        if kept == {}:
            return []
    if seen < _TELLING and any(due.size == 1 for _, _, due in dues):
        kept = {text: factor for text, factor in (kept or {}).items() if _is_one(factor)}
    effort = _effort(ast.unparse(place))
    plain = {ast.unparse(ast.parse(text, mode="eval")): by < 0 for text, by in (kept or {}).items()}
    return sorted(plain, key=lambda text: (plain[text], effort(text)))[:_MOST]


@dataclass(eq=False)
class _Watch:
    """Tries variations the one time that counts.

    Attributes:
        texts: What to try, with the factors found so far; None for all variations.
        found: Those that come to what is due, with their factors.
    """

    bench: Workbench
    place: ast.expr
    scope: ast.AST
    count: int
    due: np.ndarray
    any_factor: bool
    steady: bool
    texts: dict[str, float] | None
    found: dict[str, float] = field(default_factory=dict)
    times: int = 0

    @property
    def seen(self) -> bool:
        """Whether the expression was computed so often."""
        return self.times > self.count

    def __call__(self, frame: types.FrameType, _: Any) -> None:
        """The expression is being computed."""
        self.times += 1
        if self.times != self.count + 1:
            return
        scene = scene_at(frame, self.place, self.scope, self.bench.found.host.tree)
        texts = Variations(self.place, scene, self.due) if self.texts is None else self.texts
        deadline = time.process_time() + _SECONDS
        for text in texts:
            if time.process_time() > deadline:
                return
            value = scene.value(text)
            factor = None if value is None else _factor(value, self.due)
            if factor is not None and self._will_do(text, factor):
                self.found[text] = factor

    def _will_do(self, text: str, factor: float) -> bool:
        """Whether an expression that comes to a multiple of what is due may be the one."""
        if _is_one(factor) or not self.any_factor or not self.steady:
            return _is_one(factor) or self.any_factor
        known = None if self.texts is None else self.texts[text]
        return factor > 0 and (known is None or abs(factor - known) <= _SAME * known)


def _is_one(factor: float) -> bool:
    return abs(factor - 1) <= _SAME


def _factor(found: Any, due: np.ndarray) -> float | None:
    value = np.asarray(found, float)
    own = tuple(size for size in value.shape if size != 1)
    if own != tuple(size for size in due.shape if size != 1):
        return None
    if not np.any(due):
        return None if np.any(value) else 1.0
    return factor_between(value, due, tolerance=_SAME)


def _effort(before: str) -> Callable[[str], tuple[int, int]]:
    """How much of an expression an edit changes."""
    known = _tokens(before)

    def effort(after: str) -> tuple[int, int]:
        tokens = _tokens(after)
        blocks = difflib.SequenceMatcher(None, known, tokens, autojunk=False).get_matching_blocks()
        kept = sum(block.size for block in blocks)
        new = Counter(tokens) - Counter(known)
        sizes = sum(token.isdigit() and int(token) > 2 for token in new)  # a name says what it is
        places = sum(token in _PLACES for token in new)  # an index or an axis, of what is there
        summand = _NEW * new["+"]  # what is due is seldom a sum
        cost = _NEW * (new.total() + _NAMED * sizes) + summand - places
        return cost + len(known) - kept, len(after)

    return effort


def _tokens(text: str) -> list[str]:
    return re.findall(r"\w+|\*\*|[^\w\s()]", text)

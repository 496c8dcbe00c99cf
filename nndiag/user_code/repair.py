"""Repair as proof: the small edit after which the gradient check passes names the bug.

The numeric gradient does not depend on the backward pass, so that it is formed once; each edit then
costs one run of the step. Edits are searched greedily: of all single edits the one that makes most
tensors right is kept, then the next is searched, until all are right or time is up. An edit that
only makes a step parallel to the gradient counts as a step towards that.
"""

import ast
import copy
import difflib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nndiag.user_code.candidate_edits import candidates_for_repair
from nndiag.user_code.edits import Edit, Editor, TextEditor
from nndiag.user_code.instrument import number_nodes, serial_of
from nndiag.user_code.judgement import SAME, Verdict, is_steady
from nndiag.user_code.laboratory import Laboratory
from nndiag.user_code.measurement import Measurement
from nndiag.user_code.runner import StepFailedError
from nndiag.user_code.slopes import fit
from nndiag.user_code.source import Source

_MOST_KEPT = 6
_WORTH = 0.02


@dataclass(frozen=True)
class Score:
    """How good the step is: which tensors are right, and which are at least parallel.

    Attributes:
        right: Tensors that follow the gradient downhill with the common factor.
        parallel: Tensors that follow it but for a factor or sign.
    """

    right: frozenset[str]
    parallel: frozenset[str]

    @property
    def rank(self) -> tuple[int, int]:
        """Sorts scores."""
        return len(self.right), len(self.parallel)


@dataclass(frozen=True)
class Repair:
    """One edit that was kept.

    Attributes:
        edit: The edit.
        line: Line of the statement in the user's own text.
        before: The statement as it was, its line.
        after: The statement as it is now.
        mended: The tensors that it made right.
    """

    edit: Edit
    line: int
    before: str
    after: str
    mended: tuple[str, ...]


@dataclass
class Search:
    """What the search came to.

    Attributes:
        source: The program with all kept edits.
        repairs: The kept edits, in order.
        tried: How many edits were tried.
        seconds: How long it took.
        complete: Whether all tensors are right now.
        promising: Texts of edits that helped by themselves: they are tried first when one is kept.
    """

    source: Source
    repairs: list[Repair] = field(default_factory=list)
    tried: int = 0
    seconds: float = 0.0
    complete: bool = False
    promising: set[tuple[str, ...]] = field(default_factory=set)


class Bench:
    """Scores edits of a program at a few points."""

    def __init__(self, measurement: Measurement, target: float | None) -> None:
        self.lab: Laboratory = measurement.lab
        self.measurement = measurement
        self.target = target
        heard = [
            number
            for number, fits in enumerate(measurement.fits)
            if sum(item.signal for item in fits.values())
            == max(sum(item.signal for item in other.values()) for other in measurement.fits)
        ]
        same = [n for n in heard[1:] if self._iteration(n) == self._iteration(heard[0])]
        moved = [n for n in heard if measurement.points[n].shifted] or heard
        self.numbers = list(dict.fromkeys([heard[0], *same[:1], moved[-1]]))
        first = measurement.fits[self.numbers[0]]
        self.names = [name for name, item in first.items() if item.signal]

    def _iteration(self, number: int) -> int:
        return self.measurement.points[number].snapshot.iteration

    def score(self, edited: Mapping[int, ast.stmt], *, best: Score | None = None) -> Score | None:
        """The score of an edited program; None where it fails or is no better.

        Args:
            edited: Top-level statements that stand for the program's, by index.
            best: What must be beaten at the first point already.
        """
        try:
            needed = self.lab.step_instruments if self.lab.gradients else None
            variant = self.lab.runner.variant(needed, edited=edited)
            found = []
            for number in self.numbers:
                found.append(self._at(number, variant))
                if best is not None and self._joint(found).rank < best.rank:
                    return None
        except (StepFailedError, SyntaxError, ValueError):
            return None
        return self._joint(found)

    def _at(self, number: int, variant: object) -> dict[str, tuple[bool, float]]:
        measurement = self.measurement
        step = self.lab.step(measurement.points[number], variant)  # type: ignore[arg-type]
        slopes = measurement.slopes[number]
        scales = {}
        for name in self.names:
            chosen = measurement.entries[number][name]
            found = fit(step[name][chosen], slopes.values[name], slopes.noise)
            scales[name] = (found.parallel, found.scale)
        return scales

    def _joint(self, found: Sequence[Mapping[str, tuple[bool, float]]]) -> Score:
        parallel = frozenset(name for name in self.names if all(point[name][0] for point in found))
        scales = {name: [point[name][1] for point in found] for name in parallel}
        right = self._largest_group(scales)
        return Score(frozenset(right), parallel)

    def _steady(self, values: Sequence[float]) -> bool:
        """Whether a factor is the same at the points of one iteration."""
        groups = [self._iteration(number) for number in self.numbers[: len(values)]]
        return is_steady(values, groups)

    def _largest_group(self, scales: Mapping[str, list[float]]) -> list[str]:
        """The tensors with one common, positive and steady factor."""
        best: list[str] = []
        for values in scales.values():
            if min(values) <= 0 or not self._steady(values):
                continue
            if self.target is not None and abs(values[0] - self.target) > 10 * SAME * self.target:
                continue
            group = [
                other
                for other, theirs in scales.items()
                if np.allclose(theirs, values, rtol=SAME, atol=0)
            ]
            best = max(best, group, key=len)
        return best


def search(measurement: Measurement, *, target: float | None, deadline: float) -> Search:
    """Searches the edits after which the step is the gradient.

    Args:
        measurement: The program as it was measured; its host is left with the edited program.
        target: The factor that right tensors must have; None where any common one will do.
        deadline: When to stop, as `time.perf_counter` counts.
    """
    started = time.perf_counter()
    original = measurement.host.source
    found = Search(original)
    bench = Bench(measurement, target)
    score = bench.score({}) or Score(frozenset(), frozenset())
    while len(score.right) < len(bench.names) and len(found.repairs) < _MOST_KEPT:
        kept = _best_edit(bench, measurement, score, found, deadline)
        if kept is None:
            break
        edit, better = kept
        _keep(measurement, original, found, edit, better, score)
        score = better
    found.complete = len(score.right) == len(bench.names)
    found.seconds = time.perf_counter() - started
    return found


def _best_edit(
    bench: Bench, measurement: Measurement, score: Score, found: Search, deadline: float
) -> tuple[Edit, Score] | None:
    """The single edit that makes most tensors right; the cheapest of equally good ones."""
    host = measurement.host
    editor = Editor(host.tree, host.nodes)
    edits = candidates_for_repair(measurement, bench.numbers[0])
    edits.sort(key=lambda edit: _texts(edit) not in found.promising)
    best: tuple[Edit, Score] | None = None
    for edit in edits:
        if time.perf_counter() > deadline:
            break
        if edit.changes_loss:
            continue
        whole = best is not None and len(best[1].right) == len(bench.names)
        if best is not None and whole and edit.cost > best[0].cost + _WORTH:
            break  # all are right already, and what follows is less likely
        found.tried += 1
        result = _tried(bench, editor, host.tree, edit, score)
        if result is None or not score.right <= result.right:
            continue
        if result.rank > score.rank:
            found.promising.add(_texts(edit))
            if best is None or result.rank > best[1].rank:
                best = (edit, result)
    return best


def _texts(edit: Edit) -> tuple[str, ...]:
    return (edit.bug, *(change.text for change in edit.changes))


def _tried(
    bench: Bench, editor: Editor, tree: ast.Module, edit: Edit, score: Score
) -> Score | None:
    try:
        with editor.made(edit) as tops:
            return bench.score({top: tree.body[top] for top in tops}, best=score)
    except SyntaxError:
        return None


def _keep(
    measurement: Measurement,
    original: Source,
    found: Search,
    edit: Edit,
    better: Score,
    before: Score,
) -> None:
    """Writes an edit into the text, and goes on with the edited program."""
    host = measurement.host
    writer = TextEditor(found.source, host.nodes)
    writer.add(edit)
    text = writer.text()
    new = Source(original.path, text, original.cells)
    line = min(host.nodes[change.serial].lineno for change in edit.changes)  # type: ignore[attr-defined]
    own = _own_line(original, found.source, line)
    found.repairs.append(
        Repair(
            edit=edit,
            line=own,
            before=original.line(own).strip(),
            after=_changed_line(found.source, new, line, edit),
            mended=tuple(sorted(better.right - before.right))
            or tuple(sorted(better.parallel - before.parallel)),
        )
    )
    found.source = new
    adopt(measurement, new)


def _mended(
    measurement: Measurement, found: Search, better: Score, before: Score
) -> tuple[str, ...]:
    """The wrong tensors that an edit makes right, or at least parallel to the gradient."""
    done = {name for repair in found.repairs for name in repair.mended if name in before.right}
    wrong = {name for name, verdict in measurement.verdicts.items() if verdict is not Verdict.RIGHT}
    names = (better.right & wrong) - done or better.parallel - before.parallel
    return tuple(tensor.name for tensor in measurement.lab.tensors if tensor.name in names)


def adopt(measurement: Measurement, source: Source) -> None:
    """Goes on with an edited program in the place of the original."""
    host = measurement.host
    extra = measurement.stand_in
    host.source = source
    host.tree = ast.Module([*copy.deepcopy(source.tree.body), *copy.deepcopy(extra)], [])
    host.nodes = number_nodes(host.tree)
    host.inject(measurement.watched.loop.key, measurement.said)
    measurement.lab.runner.forget()
    measurement.lab.plain = measurement.lab.runner.variant()
    measurement.lab.watch_gradients()


def _own_line(original: Source, current: Source, line: int) -> int:
    """The line of the original that a line of the edited text comes from."""
    matcher = difflib.SequenceMatcher(None, current.lines, original.lines, autojunk=False)
    for tag, low, high, start, end in matcher.get_opcodes():
        if low <= line - 1 < high:
            shift = min(line - 1 - low, max(0, end - start - 1))
            return (start + line - low) if tag == "equal" else start + shift + 1
    return line


def _changed_line(old: Source, new: Source, line: int, edit: Edit) -> str:
    """What is to be written at the changed place."""
    beside = [change.text for change in edit.changes if change.where != "instead"]
    if beside:
        return beside[0]
    if len(new.lines) < len(old.lines):
        return "# nothing: the line goes"
    return new.line(line).strip()


def fixed_path(path: Path) -> Path:
    """Where the mended program is written: `my_net.fixed.py` beside `my_net.py`."""
    return path.with_name(f"{path.stem}.fixed{path.suffix}")


__all__ = ["Repair", "Search", "adopt", "fixed_path", "search", "serial_of"]

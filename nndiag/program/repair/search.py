"""Repair as proof: the small edit after which the gradient check passes names the bug.

The numeric gradient does not depend on the backward pass, so that it is formed once; each edit then
costs one run of the step. Edits are searched greedily: of all single edits the one that makes most
tensors right is kept, then the next is searched, until all are right or time is up. An edit that
only makes a step parallel to the gradient counts as a step towards that.
"""

from __future__ import annotations

import ast
import copy
import difflib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from nndiag.program.gradients.measurement import Measurement
from nndiag.program.repair.bench import Bench, Score
from nndiag.program.repair.budget import Budget
from nndiag.program.repair.candidate_edits import candidates_for_repair
from nndiag.program.text.edits import Edit, Editor, TextEditor
from nndiag.program.text.instrument import number_nodes
from nndiag.program.text.source import Source

_MOST_KEPT = 6
_MOST_TRIED = 12_000  # so that the same edits are tried on any machine
_WORTH = 0.02

Texts = tuple[str, ...]
"""An edit by its bug and what it writes, the same in any state of the program."""


@dataclass(frozen=True)
class Repair:
    """One edit that was kept.

    Attributes:
        edit: The edit.
        line: Line of the statement in the user's own text.
        before: The statement as it was, its line.
        after: The statement as it is now.
        mended: The tensors that it made right.
        sure: Whether they are right now, and not only parallel to the gradient.
    """

    edit: Edit
    line: int
    before: str
    after: str
    mended: tuple[str, ...]
    sure: bool = True


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
        only: The bugs whose edits are tried; all where None.
        failed: Edits after which the whole check did not pass.
    """

    source: Source
    repairs: list[Repair] = field(default_factory=list)
    tried: int = 0
    seconds: float = 0.0
    complete: bool = False
    promising: set[Texts] = field(default_factory=set)
    only: frozenset[str] | None = None
    failed: frozenset[Texts] = frozenset()

    @property
    def kept(self) -> frozenset[Texts]:
        """The kept edits."""
        return frozenset(_texts(repair.edit) for repair in self.repairs)


def search(
    measurement: Measurement,
    *,
    target: float | None,
    budget: Budget,
    strict: bool = False,
    only: frozenset[str] | None = None,
    failed: frozenset[Texts] = frozenset(),
) -> Search:
    """Searches the edits after which the step is the gradient.

    Args:
        measurement: The program as it was measured; its host is left with the edited program.
        target: The factor that right tensors must have; None where any common one will do.
        budget: When to stop; a backstop, since the number of trials is bounded too.
        strict: Whether one edit that gives all tensors another common factor will not do.
        only: The bugs whose edits are tried; all where None.
        failed: Edits after which the whole check did not pass.
    """
    started = time.perf_counter()
    original = measurement.host.source
    found = Search(original, only=only, failed=failed)
    bench = Bench(measurement, target)
    score = bench.score({}) or Score(frozenset(), frozenset())
    while not bench.whole(score.right) and len(found.repairs) < _MOST_KEPT:
        loose = not strict and not found.repairs
        kept = _best_edit(bench, score, found, budget=budget, loose=loose)
        if kept is None:
            break
        edit, better = kept
        _keep(measurement, original, found, edit, better, score)
        score = better
    found.complete = bench.whole(score.right)
    found.seconds = time.perf_counter() - started
    return found


def _best_edit(
    bench: Bench, score: Score, found: Search, *, budget: Budget, loose: bool
) -> tuple[Edit, Score] | None:
    """The single edit that makes most tensors right; the cheapest of equally good ones."""
    host = bench.measurement.host
    editor = Editor(host.tree, host.nodes)
    edits = candidates_for_repair(bench.measurement, bench.numbers[0])
    edits.sort(key=lambda edit: _texts(edit) not in found.promising)
    best: tuple[Edit, Score] | None = None
    other: tuple[Edit, Score] | None = None
    for edit in edits:
        if budget.left <= 0 or found.tried >= _MOST_TRIED:
            break
        if edit.changes_loss or _texts(edit) in found.failed:
            continue
        if found.only is not None and edit.bug not in found.only:
            continue
        whole = best is not None and bench.whole(best[1].right)
        if best is not None and whole and edit.cost > best[0].cost + _WORTH:
            break  # all are right already, and what follows is less likely
        found.tried += 1
        result = _tried(bench, editor, host.tree, edit, score)
        if result is None:
            continue
        if other is None and bench.whole(result.alike):
            other = edit, replace(result, right=result.alike)
        if score.right <= result.right and result.rank > score.rank:
            found.promising.add(_texts(edit))
            if best is None or result.rank > best[1].rank:
                best = (edit, result)
    if loose and other is not None and not (best is not None and bench.whole(best[1].right)):
        return other
    return best


def _texts(edit: Edit) -> Texts:
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
    new = original.with_text(text)
    line = _place(host.nodes, edit)
    own = _own_line(original, found.source, line)
    news = better.changed(before) or better.parallel - before.parallel
    found.repairs.append(
        Repair(
            edit=edit,
            line=own,
            before=original.line(own).strip(),
            after=_changed_line(found.source, new, line, edit),
            mended=tuple(item.name for item in measurement.lab.tensors if item.name in news),
            sure=better.right > before.right,
        )
    )
    found.source = new
    adopt(measurement, new)


def _place(nodes: Mapping[int, ast.AST], edit: Edit) -> int:
    """The first line that an edit changes; the one that a new statement comes behind."""
    return min(
        getattr(nodes[change.serial], "end_lineno" if change.where == "after" else "lineno", 0)
        for change in edit.changes
    )


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

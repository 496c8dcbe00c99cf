"""The whole judgement of a program: read, compared, its faults mended one after the other."""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from nndiag.errors import UserCodeError
from nndiag.program.judging.faults import FaultFinder, ProgramFault
from nndiag.program.judging.update_faults import update_faults
from nndiag.program.location.lines import Lines
from nndiag.program.roles.comparison import Comparison
from nndiag.program.roles.status import Status
from nndiag.program.roles.understanding import Understanding, understood
from nndiag.program.roles.verdicts import compared
from nndiag.program.roles.verification import agrees_with_differences
from nndiag.program.roles.ways import update_serial
from nndiag.program.text.edits import Change, Edit, TextEditor
from nndiag.program.text.settings import CodeSettings
from nndiag.program.text.source import Source

FINE = (Status.RIGHT, Status.NO_SIGNAL, Status.UNKNOWN)
"""What is said of parameters of which nothing is known to be wrong."""
_MOST_ROUNDS = 4  # faults that are mended one after the other
_MOST_EDITS = 40  # that are tried in all
_DEADLINE_GRACE = 2.0


@dataclass(frozen=True, eq=False)
class Step:
    """One edit that was kept.

    Attributes:
        fault: What it mends.
        line: The first line that it changes.
        before: What stands there.
        after: What stands there with it.
        mended: The parameters that it makes right.
    """

    fault: ProgramFault
    line: int
    before: str
    after: str
    mended: tuple[str, ...]


@dataclass(eq=False)
class Judgement:
    """What was found in a program.

    Attributes:
        source: The program.
        found: The program, as far as it was understood.
        comparisons: Its parameters, compared.
        faults: What is wrong.
        steps: The edits that mend it, in order.
        fixed: The mended program; None where no edit passes the whole check.
        tried: How many edits were tried.
        is_sound: Whether differences of the loss agree with the derivatives it was compared with.
    """

    source: Source
    found: Understanding
    comparisons: list[Comparison]
    faults: list[ProgramFault] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    fixed: Source | None = None
    tried: int = 0
    is_sound: bool = False

    @property
    def is_right(self) -> bool:
        """Whether nothing is known to be wrong, and something is known to be right."""
        right = any(item.status is Status.RIGHT for item in self.comparisons)
        loss = self.found.loss
        whole = loss is not None and all(  # an iteration of another branch has another loss
            loss.value(item.forward, item.keyed_forward) is not None for item in self.found.readings
        )
        return (
            right and whole and not self.faults and all(i.status in FINE for i in self.comparisons)
        )

    def update_serial(self, name: str) -> int:
        """The expression or statement that gives a parameter its next value; −1 without one."""
        return update_serial(self.found.readings[0], name)


def judged(
    source: Source,
    settings: CodeSettings,
    *,
    deadline: float,
    tell: Callable[[str], None],
) -> Judgement:
    """Judge a program, and search the edits that mend it.

    Args:
        source: The program.
        settings: What the user says about it.
        deadline: When to stop, as `time.perf_counter` counts.
        tell: Is told what is being done.

    Raises:
        UserCodeError: The program cannot be run, or has no training loop.
    """
    result = _read(source, settings, deadline=deadline)
    result.is_sound = result.found.is_one_step and agrees_with_differences(result.found)
    if result.found.loss is None or result.is_right or not result.is_sound:
        return result
    finder = FaultFinder(result.found, result.comparisons)
    result.faults = finder.faults()
    if result.faults:
        tell("trying the expressions that are due")
        _mend(result, settings, deadline=deadline)
    return result


def _read(source: Source, settings: CodeSettings, *, deadline: float) -> Judgement:
    found = understood(source, settings, deadline=deadline)
    comparisons: list[Comparison] = []
    if found.loss is not None:
        comparisons = compared(found.readings, found.loss, states=found.states)
    result = Judgement(source, found, comparisons)
    if found.loss is not None and next(update_faults(found, comparisons), None):
        result.faults = FaultFinder(found, comparisons).faults()
    return result


def _mend(result: Judgement, settings: CodeSettings, *, deadline: float) -> None:
    """Tries the edits of one fault after the other, and keeps what makes parameters right."""
    current = result
    for _ in range(_MOST_ROUNDS):
        better = _mended_once(result, current, settings, deadline=deadline)
        if better is None:
            return
        current = better
        if current.is_right:
            result.fixed = current.source
            return
        current.faults = FaultFinder(current.found, current.comparisons).faults()


def _mended_once(
    result: Judgement, current: Judgement, settings: CodeSettings, *, deadline: float
) -> Judgement | None:
    before = _wrong(current)
    best: Judgement | None = None
    for fault in current.faults:
        for edit in fault.edits:
            if result.tried >= _MOST_EDITS or time.perf_counter() > deadline:
                return best
            edited = _edited(current, edit)
            if edited is None:
                continue
            result.tried += 1
            try:
                found = _read(edited, settings, deadline=deadline + _DEADLINE_GRACE)
            except UserCodeError:
                continue
            if found.found.loss is None or not _is_same_loss(current, found):
                continue
            after = _wrong(found)
            if len(after) < len(before):
                mended = tuple(name for name in before if name not in after)
                result.steps.append(_step(current, edited, fault, mended))
                return found
    return best


def _wrong(item: Judgement) -> list[str]:
    names = [c.name for c in item.comparisons if c.status not in FINE]
    return [*names, *(f"{fault.bug} {fault.serial}" for fault in item.faults if not names)]


def _is_same_loss(before: Judgement, after: Judgement) -> bool:
    """Whether an edit left the loss alone: it mends the gradient, not what is asked for.

    A loss that was assumed may give way to the one that the program computes.
    """
    one, other = before.found.loss, after.found.loss
    if one is None or other is None:
        return False
    return (one.own, one.kind) == (other.own, other.kind) or (other.own and not one.own)


def _edited(current: Judgement, edit: Sequence[Change]) -> Source | None:
    if not edit:
        return None
    editor = TextEditor(current.source, current.found.nodes)
    try:
        editor.add(Edit("", tuple(edit)))
        edited = current.source.with_text(editor.text())
        edited.tree  # noqa: B018 - what is no Python is none
    except (UserCodeError, KeyError, AttributeError, SyntaxError):
        return None
    return edited if edited.text != current.source.text else None


def _step(current: Judgement, edited: Source, fault: ProgramFault, mended: tuple[str, ...]) -> Step:
    pairs = list(zip(current.source.lines, edited.lines))
    number = next((i for i, (old, new) in enumerate(pairs) if old != new), len(pairs) - 1)
    return Step(fault, number + 1, pairs[number][0].strip(), pairs[number][1].strip(), mended)


def node_line(nodes: Mapping[int, ast.AST], serial: int) -> int | None:
    """The line of an expression or a statement; None where there is none."""
    node = nodes.get(serial)
    return node.lineno if isinstance(node, (ast.expr, ast.stmt)) else None


def line_of(fault: ProgramFault, found: Understanding) -> int | None:
    """The line to look at for a fault."""
    if fault.line is not None:
        return fault.line
    statement = Lines(found.host.tree, found.nodes).statement(fault.serial)
    return None if statement is None else statement.lineno

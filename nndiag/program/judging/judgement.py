"""The whole judgement of a program: read, compared, its faults mended one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from nndiag.errors import Problem, UserCodeError
from nndiag.finding import Severity
from nndiag.program.execution import clock
from nndiag.program.execution.host import OutOfTime, loop_place
from nndiag.program.execution.runner import StepFailedError
from nndiag.program.graph.tracer import GraphTooLargeError
from nndiag.program.judging.facts import Facts
from nndiag.program.judging.fault import ProgramFault
from nndiag.program.judging.faults import faults_of
from nndiag.program.judging.in_parts import compared_in_parts
from nndiag.program.judging.moments import is_due, memories
from nndiag.program.judging.refusals import not_understood, sampling_line
from nndiag.program.judging.uniform import (
    Uniform,
    has_stated_rate,
    uniform_factor,
    uniform_fault,
)
from nndiag.program.location.lines import Lines
from nndiag.program.location.synthesis import Workbench, grades
from nndiag.program.result import RepairStep
from nndiag.program.roles.comparison import Comparison
from nndiag.program.roles.loss_text import loss_text
from nndiag.program.roles.scales import hold_singles_to, hold_to_scale
from nndiag.program.roles.status import FINE, Status
from nndiag.program.roles.understanding import Understanding, understood
from nndiag.program.roles.verdicts import compared
from nndiag.program.roles.verification import doubt_of
from nndiag.program.roles.ways import update_node_id
from nndiag.program.text.edits import Change, Edit, TextEditor
from nndiag.program.text.settings import CodeSettings
from nndiag.program.text.source import Source

_MOST_ROUNDS = 4  # faults that are mended one after the other
_MOST_EDITS = 40  # that are tried in all
_MOST_PARTLY = 3  # edits of one fault that mend a part of it: another one may mend the whole
_DEADLINE_GRACE = 2.0
_PAIR = 2  # a factor of two is that of a square
_ERROR = Severity.ERROR


@dataclass(eq=False)
class Judgement:
    """What was found in a program.

    Attributes:
        source: The program.
        found: The program, as far as it was understood.
        comparisons: Its parameters, compared.
        faults: What is wrong.
        mended: The faults that were mended, in order, each with its edit.
        uniform: The factor that all steps share, where nothing else is wrong.
        left: What is wrong with the program as far as it was mended: what no edit mends.
        fixed: The mended program; None where no edit passes the whole check.
        tried: How many edits were tried.
        doubt: Why nothing can be said, as far as differences of the loss tell; empty where they
            agree with the derivatives that it was compared with.
        is_perceptron: Whether its step functions are left out in `found`.
    """

    source: Source
    found: Understanding
    comparisons: list[Comparison]
    faults: list[ProgramFault] = field(default_factory=list)
    mended: list[tuple[ProgramFault, RepairStep]] = field(default_factory=list)
    uniform: Uniform | None = None
    left: list[ProgramFault] = field(default_factory=list)
    fixed: Source | None = None
    tried: int = 0
    doubt: str = ""
    is_perceptron: bool = False

    @property
    def is_right(self) -> bool:
        """Whether nothing is known to be wrong, and something is known to be right."""
        return self.follows and not any(fault.severity is _ERROR for fault in self.faults)

    @property
    def follows(self) -> bool:
        """Whether the steps follow the gradient, as far as that is known, and some do."""
        right = any(item.status is Status.RIGHT for item in self.comparisons)
        loss = self.found.loss
        whole = loss is not None and all(  # an iteration of another branch has another loss
            loss.value(item.forward, item.keyed_forward) is not None for item in self.found.readings
        )
        return right and whole and all(item.status in FINE for item in self.comparisons)

    @property
    def undecided(self) -> Problem | None:
        """Why nothing can be said; None where something can."""
        if self.found.loss is None:
            return not_understood(self.found)
        place = loop_place(self.found.watched.loop, self.source)
        if self.found.ahead and not self.is_right:
            return Problem(
                f"{place}: not checked: the gradient is taken ahead of the parameters",
                got=", ".join(sorted(leaf.root for leaf in self.found.ahead)),
                allowed="a momentum that moves nothing before the loss is computed",
            )
        aimless = None if self.is_right else self._aimless(place)
        if aimless is not None:
            return aimless
        if self.doubt:
            return Problem(
                f"{place}: not checked: {self.doubt}",
                got=loss_text(self.found),
                hint="name another loss: loss=…, or `code.loss` in a config; and seed all "
                "generators outside the loop",
            )
        if not self.faults and not self.is_right:
            return Problem(
                f"{place}: not checked: not every iteration computes the loss",
                got=loss_text(self.found),
                hint="name it, any expression over the loop's variables: loss=…, or `code.loss` in "
                "a config",
            )
        return None

    def _aimless(self, place: str) -> Problem | None:
        """Why its steps are compared with no gradient; None where they are."""
        sampled = sampling_line(self.found, self.comparisons)
        if sampled is not None:
            return Problem(
                f"{place}: not checked: the iteration samples its units "
                f"({self.source.spot(sampled)}), so that its steps follow no gradient",
                got="numbers made of the parameters, compared with others that are drawn",
                allowed="a loss that changes with the parameters smoothly",
            )
        if not self._trains:
            return Problem(
                f"{place}: no training loop found: no step of it is felt by what may be its loss",
                got=loss_text(self.found),
                hint="name the loss under `code.loss`",
            )
        return None

    @property
    def _trains(self) -> bool:
        """Whether the loss feels a parameter that moves, or none is said to stand still."""
        still = (Status.NEVER_UPDATED, Status.NO_SIGNAL, Status.UNKNOWN)
        stands = any(item.status is Status.NEVER_UPDATED for item in self.comparisons)
        moves = any(item.status not in still or item.unmoved for item in self.comparisons)
        return moves or not stands

    def update_node_id(self, name: str) -> int:
        """The expression or statement that gives a parameter its next value; −1 without one."""
        return update_node_id(self.found.readings[0], name)


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
        deadline: When to stop, on `clock.now`.
        tell: Is told what is being done.

    Raises:
        UserCodeError: The program cannot be run, or has no training loop.
    """
    result = compared_program(source, settings, deadline=deadline)
    result = _of_the_loop_around(result, settings, deadline=deadline)
    result.doubt = doubt_of(result.found)
    if result.faults and not result.doubt:
        tell("trying the expressions that are due")
        _mend(result, settings, deadline=deadline)
    return result


def _of_the_loop_around(result: Judgement, settings: CodeSettings, *, deadline: float) -> Judgement:
    """The judgement of the loop around the training loop, where only that has right gradients.

    A loop over layers that updates every parameter is none.
    """
    watched = result.found.watched
    right = any(item.status is Status.RIGHT for item in result.comparisons)
    if right or not watched.parents or _tells_loss(result) or clock.is_over(deadline):
        return result
    refused = frozenset({watched.loop.key})
    try:
        around = compared_program(result.source, settings, deadline=deadline, refused=refused)
    except (UserCodeError, StepFailedError, OutOfTime, GraphTooLargeError):
        return result
    told = any(item.status is Status.RIGHT for item in around.comparisons)
    return around if told and around.found.is_one_step else result


def _tells_loss(result: Judgement) -> bool:
    """Whether the iteration compares outputs with targets, or tells a person its loss."""
    loss = result.found.loss
    return loss is not None and (loss.shown or loss.behind or not loss.own)


def compared_program(
    source: Source,
    settings: CodeSettings,
    *,
    deadline: float,
    refused: frozenset[tuple[int, int]] = frozenset(),
    in_parts: bool = True,
) -> Judgement:
    """A program with its parameters compared, and nothing mended.

    Args:
        source: The program.
        settings: What the user says about it.
        deadline: When to stop, on `clock.now`.
        refused: Loops that are not the training loop.
        in_parts: Whether what several statements write is judged part by part, where it is wrong.
    """
    found = understood(source, settings, deadline=deadline, refused=refused)
    comparisons: list[Comparison] = []
    if found.loss is not None:
        comparisons = compared(found.readings, found.loss, states=found.states)
        if in_parts:
            comparisons = compared_in_parts(found, found.loss, comparisons)
        if found.loss.own and found.rate is not None:
            hold_to_scale(comparisons, found.readings[0].parameters, found.rate.value)
            sizes = [size for size in Facts(found, comparisons).examples if size > _PAIR]
            hold_singles_to(comparisons, found.rate.value, sizes)
    result = Judgement(source, found, comparisons)
    if found.loss is not None:
        facts = Facts(found, comparisons)
        result.faults = faults_of(facts)
        result.uniform = uniform_factor(found, comparisons) if result.is_right else None
        if result.uniform is not None:
            result.faults.append(uniform_fault(facts, result.uniform))
    return result


def _mend(result: Judgement, settings: CodeSettings, *, deadline: float) -> None:
    """Tries the edits of one fault after the other, and keeps what makes parameters right."""
    current, meant = result, result.is_right  # what may be meant is mended where nothing else is
    for _ in range(_MOST_ROUNDS):
        better = _mended_once(result, current, settings, deadline=deadline)
        if better is None:
            _keep_left(result, current)
            return
        current = better
        if current.follows and not (_wrong(current) if meant else _mendable(current)):
            result.fixed, result.left = current.source, current.faults
            return


def _keep_left(result: Judgement, current: Judgement) -> None:
    """What is seen only in the program that was mended in part, with its line in this one."""
    before, after = result.source.lines, current.source.lines
    if current is result or len(before) != len(after):
        return
    known = {fault.bug for fault in result.faults}
    result.left = [
        replace(fault, line=line_of(fault, current.found), edits=[])
        for fault in current.faults
        if fault.bug not in known and not fault.is_vague
    ]


def _mended_once(
    result: Judgement, current: Judgement, settings: CodeSettings, *, deadline: float
) -> Judgement | None:
    """The program with an edit that makes all parameters of a fault right, else some of them."""
    before = _wrong(current)
    bench = Workbench(current.found)
    for fault in current.faults:
        partly: tuple[RepairStep, Judgement] | None = None
        enough = 0
        for edit in fault.edits:
            if enough >= _MOST_PARTLY or result.tried >= _MOST_EDITS or clock.is_over(deadline):
                break
            edited = _edited(current, edit)
            if edited is None or not _promises(current, bench, edit):
                continue
            result.tried += 1
            found = _tried(current, fault, edited, settings, deadline=deadline + _DEADLINE_GRACE)
            after = before if found is None else _wrong(found)
            if found is None or len(after) >= len(before):
                continue
            enough += 1
            mended = tuple(n for n in dict.fromkeys(before) if n not in after)
            partly = partly or (_step(current, edited, fault, mended), found)
            if not set(fault.parameters) & set(after):
                partly = _step(current, edited, fault, mended), found
                break
        if partly is not None:
            result.mended.append((fault, partly[0]))
            return partly[1]
    return None


def _tried(
    current: Judgement,
    fault: ProgramFault,
    edited: Source,
    settings: CodeSettings,
    *,
    deadline: float,
) -> Judgement | None:
    """An edited program; None where it cannot be checked, or is not what the fault asks for."""
    try:
        found = compared_program(edited, settings, deadline=deadline)
    except UserCodeError:
        return None
    if found.found.loss is None or not _is_same_loss(current, found):
        return None
    if _still(found) - _still(current):  # it makes a parameter stand still
        return None
    if current.uniform is not None and not has_stated_rate(found.found, found.comparisons):
        return None
    return None if fault.bug == "wrong-moment" and not _is_due(current, found) else found


def _still(item: Judgement) -> set[str]:
    return {x.name for x in item.comparisons if x.status is Status.NEVER_UPDATED}


def _is_due(current: Judgement, found: Judgement) -> bool:
    """Whether an edit of a memory gives it the recurrence that is due."""
    wrong = [n for fault in current.faults if fault.bug == "wrong-moment" for n in fault.parameters]
    return is_due(memories(current.found), memories(found.found), wrong)


def _promises(current: Judgement, bench: Workbench, edit: Sequence[Change]) -> bool:
    """Whether an edit mends something at a few of the points, or nothing there can tell."""
    loss = current.found.loss
    assert loss is not None
    if all(item.status in FINE for item in current.comparisons):
        return True
    return bool(bench.mended(edit, current.comparisons, loss))


def _wrong(item: Judgement) -> list[str]:
    """What is wrong, each as often as it is grave."""
    names = [name for name, grade in grades(item.comparisons).items() for _ in range(grade)]
    return names or [fault.bug for fault in item.faults if fault.edits or fault.severity is _ERROR]


def _mendable(item: Judgement) -> list[ProgramFault]:
    return [fault for fault in item.faults if fault.edits and fault.severity is _ERROR]


def _is_same_loss(before: Judgement, after: Judgement) -> bool:
    """Whether an edit left the loss alone: it mends the gradient, not what is asked for.

    A loss that was assumed may give way to the one that the program computes, or to another one
    of the same residual, of which it is unknown what is asked for.
    """
    one, other = before.found.loss, after.found.loss
    if one is None or other is None:
        return False
    if one.own:
        return other.own
    return other.own or one.kind == other.kind or one.node_id == other.node_id


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


def _step(
    current: Judgement, edited: Source, fault: ProgramFault, mended: tuple[str, ...]
) -> RepairStep:
    pairs = list(zip(current.source.lines, edited.lines))
    number = next((i for i, (old, new) in enumerate(pairs) if old != new), len(pairs) - 1)
    before, after = pairs[number]
    if before in edited.lines[number + 1 :] and after not in current.source.lines:
        before = ""  # a line is put in
    return RepairStep(fault.bug, number + 1, before.strip(), after.strip(), mended)


def line_of(fault: ProgramFault, found: Understanding) -> int | None:
    """The line to look at for a fault."""
    if fault.line is not None:
        return fault.line
    statement = Lines(found.host.tree, found.nodes).statement(fault.node_id)
    return None if statement is None else statement.lineno

"""What is worth looking at in a program before it is trained, told as of a config."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from nndiag.checkup import CHECKS, Check, Checkup, Patient, Status, in_order
from nndiag.errors import UserCodeError
from nndiag.finding import Finding, Severity
from nndiag.formatting import chosen, number, rough
from nndiag.own_program.mirror import Mirror, Told
from nndiag.own_program.program import Checked, Program
from nndiag.own_program.record import starting
from nndiag.own_program.run import Live
from nndiag.own_program.words import Speaker, suggested
from nndiag.program.text.source import Source
from nndiag.trace import Facts

_STEPS = 100
_BLOWN_UP = 10.0  # times the loss at the start
_SLOW = 1e-4  # of the stability limit


def program_checkup(
    program: Program, *, name: str, notice: Callable[[str], None] = lambda text: None
) -> Checkup:
    """Look at a program before it is trained: its first steps are made, in a child.

    Args:
        program: The program.
        name: What it is called.
        notice: Told what is being looked at.

    Raises:
        UserCodeError: It cannot be run, or its training loop or its loss cannot be found.
    """
    known, source = program.checked(), program.source
    notice(f"making its first {_STEPS} steps")
    try:
        told = program.watcher.watch(steps=_STEPS, **program.looked_for)
    except UserCodeError as error:
        told, failure = None, known.doubt or error
    if told is None or not len(told["rows"]) or not np.isfinite(told["rows"][0, 0]):
        before = program.beforehand()
        if before is not None:
            return Checkup(name, "", (_failed("data", before.finding, source),))
        if told is None:
            raise failure
    looked = _Look(program, told)
    wrong = [_failed(title, finding, source) for title, finding in program.wrong_at_start(told)]
    checks = [x for x in wrong if x.name not in CHECKS]
    for title in CHECKS:
        notice(title)
        found = [x for x in wrong if x.name == title]
        other = None if found else looked.check(title, known)
        checks += found if other is None else [other]
    return Checkup(name, looked.layout, tuple(in_order(checks)))


class _Look:
    """Looks at a program whose first steps were watched."""

    def __init__(self, program: Program, told: Told) -> None:
        self._program, self._source, self._told = program, program.source, told
        live = Live(program)
        self._facts: Facts = live.ended(told, reference=False).facts
        mirror = live.mirror
        self._speaker = Speaker(self._source, told, mirror, self._facts.stability_limit)
        self._speaker.editor = program.editor(self._source, told)
        self._patient = None if mirror is None else _patient(told, mirror)
        self._others = {} if mirror is not None else program.looks(told, self._facts)

    @property
    def layout(self) -> str:
        """The network in a phrase; empty where it is not known."""
        return "" if self._patient is None else self._patient.layout

    def check(self, title: str, known: Checked) -> Check | None:
        """One check; None where it cannot be made."""
        if title == "gradient":
            return self._program.gradient_agrees(known, self._told)
        if title == "learning rate":
            return self.rate()
        if self._patient is not None:
            return self.in_own_words(CHECKS[title](self._patient))
        other = self._others.get(title)
        return None if other is None else self.in_own_words(other())

    def in_own_words(self, check: Check) -> Check:
        """A check with what to write into the program, in the place of a config's key."""
        if check.problem is None or check.status is Status.OK:
            return replace(check, remedy=None)
        finding = self._speaker.told(Finding(check.problem, Severity.ERROR, check.message))
        return replace(check, message=finding.message, remedy=_line(finding, self._source))

    def rate(self) -> Check:
        """The rate against its stability limit, and against the first steps."""
        name, rate, limit = "learning rate", self._told["rate"], self._facts.stability_limit
        losses = self._told["rows"][:, 0]
        known = losses[~np.isnan(losses)]
        lost = self._told["reason"] == "non-finite" or (
            len(known) > 0 and not abs(known[-1]) <= _BLOWN_UP * abs(known[0])
        )
        about = "no rate is named" if rate is None else chosen(rate[1])
        about += "" if limit is None else f", the stability limit is {number(limit)}"
        problem = "learning-rate-above-stability-limit"
        high = limit is not None and rate is not None and rate[1] > limit
        if lost or high:
            steps = f"the first {self._told['count']} steps"
            words = f"the loss explodes in {steps}" if lost else f"{steps} survive it"
            status = Status.FAILED if lost else Status.WARNING
            known = high or limit is None or rate is None  # below its limit it is not the rate
            found = Check(name, status, f"{about}; {words}", problem=problem if known else None)
            return self.in_own_words(found)
        if limit is not None and rate is not None and rate[1] < _SLOW * limit:
            message = f"{about}: {rough(limit / rate[1])} times as large"
            slow = Check(name, Status.WARNING, message, problem="learning-rate-too-small")
            return self.in_own_words(slow)
        return Check(name, Status.OK, about)


def _patient(told: Told, mirror: Mirror) -> Patient:
    start = mirror.vector(told["copies"][0][1])
    built = mirror.built(start, steps=_STEPS)
    names = tuple(f"column {place + 1}" for place in range(mirror.inputs.shape[1]))
    built = replace(built, input_names=names)
    return Patient(built, mirror.data, lambda: starting(mirror, start))


def _failed(name: str, finding: Finding, source: Source) -> Check:
    status = Status.FAILED if finding.severity is Severity.ERROR else Status.WARNING
    return Check(name, status, finding.message, _line(finding, source), finding.problem)


def _line(finding: Finding, source: Source) -> str | None:
    """What to write into the program."""
    return next((item.title for item in suggested(finding, source)), None)

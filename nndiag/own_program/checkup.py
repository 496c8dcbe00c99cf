"""What is worth looking at in a program before it is trained, told as of a config."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from nndiag.checkup import CHECKS, Check, Checkup, Patient, Status, in_order
from nndiag.errors import UserCodeError
from nndiag.finding import Finding, Severity
from nndiag.formatting import chosen, number, rough
from nndiag.own_program.facts import fact_of
from nndiag.own_program.mirror import Mirror, Told, mirror_of
from nndiag.own_program.program import Program
from nndiag.own_program.record import starting
from nndiag.own_program.run import Live
from nndiag.own_program.words import Speaker, suggested
from nndiag.program import CodeSettings, ProgramCheck
from nndiag.program.text.source import Source
from nndiag.trace import Facts

_STEPS = 100
_BLOWN_UP = 10.0  # times the loss at the start
_SLOW = 1e-4  # of the stability limit


def program_checkup(
    settings: CodeSettings,
    *,
    python: str | None = None,
    notice: Callable[[str], None] = lambda text: None,
) -> Checkup:
    """Look at a program before it is trained: its first steps are made, in a child.

    Args:
        settings: Which program, and what is what in it.
        python: The Python that runs it; the user's own by default.
        notice: Told what is being looked at.

    Raises:
        UserCodeError: It cannot be run, or its training loop or its loss cannot be found.
    """
    assert settings.path is not None
    program, name = Program(settings, python=python, tell=notice), settings.path.stem
    known, source = program.checked(), program.source
    notice(f"making its first {_STEPS} steps")
    try:
        told = Program(settings, python=python).watcher.watch(steps=_STEPS)
    except UserCodeError as error:
        told, failure = None, known.doubt or error
    if told is None or not len(told["rows"]) or not np.isfinite(told["rows"][0, 0]):
        before = program.beforehand()
        if before is not None:
            return Checkup(name, "", (_failed("data", before.finding, source),))
        if told is None:
            raise failure
    mirror = mirror_of(told)
    looked = _Look(program, told, mirror)
    checks = []
    for title, look in CHECKS.items():
        notice(title)
        if title == "gradient":
            checks.append(_gradient(known.check, known.doubt))
        elif title == "learning rate":
            checks.append(looked.rate())
        elif looked.patient is not None:
            checks.append(looked.in_own_words(look(looked.patient)))
    layout = "" if looked.patient is None else looked.patient.layout
    fact = fact_of(told, source)
    if fact is not None:
        checks.insert(0, _failed("output", fact, source))
    checks += [] if looked.patient is not None else [looked.unknown()]
    return Checkup(name, layout, tuple(in_order(checks)))


class _Look:
    """Looks at a program whose first steps were watched."""

    def __init__(self, program: Program, told: Told, mirror: Mirror | None) -> None:
        source = program.source
        self._source, self._told = source, told
        self._facts: Facts = Live(program).ended(told, reference=False).facts
        self._speaker = Speaker(source, told, mirror, self._facts.stability_limit)
        self.patient = None if mirror is None else _patient(told, mirror)

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
            return self.in_own_words(Check(name, status, f"{about}; {words}", problem=problem))
        if limit is not None and rate is not None and rate[1] < _SLOW * limit:
            message = f"{about}: {rough(limit / rate[1])} times as large"
            slow = Check(name, Status.WARNING, message, problem="learning-rate-too-small")
            return self.in_own_words(slow)
        return Check(name, Status.OK, about)

    def unknown(self) -> Check:
        """What is said of a program whose network was not recognised."""
        message = "its layers were not recognised: data, scales and output were not looked at"
        return Check("network", Status.NOT_CHECKED, message)


def _patient(told: Told, mirror: Mirror) -> Patient:
    start = mirror.vector(told["copies"][0][1])
    built = mirror.built(start, steps=_STEPS)
    names = tuple(f"column {place + 1}" for place in range(mirror.inputs.shape[1]))
    built = replace(built, input_names=names)
    return Patient(built, mirror.data, lambda: starting(mirror, start))


def _gradient(check: ProgramCheck | None, doubt: UserCodeError | None) -> Check:
    """What the check of the gradient says."""
    if check is None:
        why = "" if doubt is None else doubt.problems[0].message
        return Check("gradient", Status.NOT_CHECKED, why)
    if check.correct:
        return Check("gradient", Status.OK, "agrees with the derivative of the loss")
    return _failed("gradient", check.findings[0], check.source)


def _failed(name: str, finding: Finding, source: Source) -> Check:
    return Check(name, Status.FAILED, finding.message, _line(finding, source), finding.problem)


def _line(finding: Finding, source: Source) -> str | None:
    """What to write into the program."""
    return next((item.title for item in suggested(finding, source)), None)

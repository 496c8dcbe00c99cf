"""A user's program with numpy as what is run, recorded, judged and changed.

`pytorch.script.Script` is a script with torch. One run, one report of it and one search for fixes
ask both alike.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nndiag.checkup import Check, Status
from nndiag.errors import UserCodeError
from nndiag.finding import Diagnosis, Finding, Severity
from nndiag.nn.losses import baseline
from nndiag.own_program.beforehand import Beforehand, beforehand
from nndiag.own_program.edits import Editor
from nndiag.own_program.facts import fact_of, with_facts
from nndiag.own_program.mirror import Mirror, Told, final_loss, mirror_of
from nndiag.own_program.record import Recording, layer_names
from nndiag.own_program.setting_edit import Edits
from nndiag.own_program.watching import Watcher, Watching
from nndiag.own_program.words import suggested
from nndiag.program import CodeSettings, ProgramCheck, check_program
from nndiag.program.text.source import Source, read_source
from nndiag.trace import Facts, TraceRecorder

_CHECKING = 10.0  # seconds
CURED = 0.9
"""The R² from which on a program trains, whatever else is said of it."""
_LENGTHS = frozenset({"summed-instead-of-averaged", "wrong-constant-factor"})
"""Bugs of a step's length alone."""


@dataclass(frozen=True)
class Checked:
    """The check of a program's gradient.

    Attributes:
        check: What it found; None where it could not be made.
        doubt: Why not.
    """

    check: ProgramCheck | None = None
    doubt: UserCodeError | None = None


class Program:
    """A program with numpy.

    Args:
        settings: Which program, and what is what in it.
        watcher: Runs it; a child of its own for each run by default.
        python: The Python that runs it; the user's own by default.
        tell: Told what is being done.
    """

    looked_for: Mapping[str, Any] = {}
    """What a check-up asks its watcher for, besides."""

    def __init__(
        self,
        settings: CodeSettings,
        *,
        watcher: Watching | None = None,
        python: str | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self.settings, self.python, self.tell = settings, python, tell or (lambda _: None)
        self.source = read_source(settings.path or Path())
        self.watcher: Watching = watcher or self._watcher()

    def _watcher(self) -> Watching:
        return Watcher(self.settings, python=self.python, tell=self.tell)

    def checked(self) -> Checked:
        """The check of its gradient, before it is run."""
        try:
            check = check_program(
                self.settings, seconds=_CHECKING, python=self.python, progress=self.tell
            )
        except UserCodeError as error:
            return Checked(doubt=error)
        self.source = check.source
        return Checked(check)

    def chosen(self, told: Told) -> Told:
        """What is told of, where several trainings were watched."""
        return told

    def looked_at(self, told: Told) -> Mapping[str, Any]:
        """What else `diagnose` is asked for."""
        return {}

    def beforehand(self) -> Beforehand | None:
        """What is wrong with its numbers before its training; None where nothing is seen."""
        return beforehand(self.settings, python=self.python)

    def mirror(self, told: Told) -> Mirror | None:
        """Its network, where it is known."""
        return mirror_of(told)

    def layers(self, told: Told, mirror: Mirror | None) -> tuple[str, ...]:
        """What the rows of its record are called."""
        return layer_names(told, mirror)

    def recording(self, told: Told, mirror: Mirror | None, recorder: TraceRecorder) -> Recording:
        """The record of a training of it that has begun; arguments as for `Recording`."""
        return Recording(told, mirror, recorder)

    def editor(self, source: Source, told: Told) -> Editor:
        """Finds places in its text."""
        return Editor(source, told)

    def with_facts(self, found: Diagnosis, told: Told) -> Diagnosis:
        """The diagnosis with what is wrong before any step."""
        return with_facts(found, told, self.source)

    def judged_check(
        self, known: ProgramCheck | None, told: Told, found: Diagnosis
    ) -> ProgramCheck | None:
        """The check of its gradient, with what its run says of it.

        Where the step goes along the gradient and only its length is another than the program's
        rate says, the run tells whether that matters. In a program that trains well, and no better
        where it is mended, what is wrong is a warning.
        """
        if known is None:
            return None
        along, matters = told["scale"] is not None, known.matters
        harmless = matters is not None and matters.is_harmless and self._trains_well(told, found)

        def weighed(finding: Finding) -> Finding:
            excused = known.correct or finding.severity is not Severity.ERROR
            excused = excused or (along and finding.problem in _LENGTHS)
            if excused:
                return replace(finding, severity=Severity.NOTE)
            if not harmless:
                return finding
            says = f"{finding.message}; it trains as well with this fixed"
            return replace(finding, severity=Severity.WARNING, message=says)

        return replace(known, findings=tuple(map(weighed, known.findings)))

    def _trains_well(self, told: Told, found: Diagnosis) -> bool:
        """Whether nothing is wrong with its run, and it explains its targets."""
        reached = self.explained(told)
        return found.cause is None and not found.failing and (reached or 0.0) >= CURED

    def mended(self, check: ProgramCheck | None, told: Told) -> str | None:
        """Its text with the gradient repaired, where that is an error and a repair is known.

        Args:
            check: The check as its run has weighed it.
            told: What was watched of that run.
        """
        wrong = [] if check is None else [x for x in check.findings if x.severity is Severity.ERROR]
        return check.fixed_text if check is not None and wrong else None

    def wrong_at_start(self, told: Told) -> list[tuple[str, Finding]]:
        """What is known to be wrong by its first steps, each with the check-up's title for it."""
        fact = fact_of(told, self.source)
        return [] if fact is None else [("output", fact)]

    def gradient_agrees(self, known: Checked, told: Told) -> Check:
        """What the check of its gradient says, for a check-up."""
        title, check = "gradient", known.check
        if check is None:
            why = "" if known.doubt is None else known.doubt.problems[0].message
            return Check(title, Status.NOT_CHECKED, why)
        if check.correct:
            return Check(title, Status.OK, "agrees with the derivative of the loss")
        found = check.findings[0]
        line = next((x.title for x in suggested(found, check.source)), None)
        return Check(title, Status.FAILED, found.message, line, found.problem)

    def looks(self, told: Told, facts: Facts) -> Mapping[str, Callable[[], Check]]:
        """What a check-up can look at where the network is not known, by title."""
        message = "its layers were not recognised: data, scales and output were not checked"
        return {"data": lambda: Check("network", Status.NOT_CHECKED, message)}

    def base(self, told: Told) -> Edits | None:
        """Changes that belong to every trial; None where no trial proves anything."""
        return ()

    def r_squared(self, told: Told) -> float | None:
        """R² at its end as its run is told it, by its loss; None where that is not known."""
        mirror = self.mirror(told)
        if mirror is None or not told["final"]:
            return None
        with np.errstate(all="ignore"):
            share = 1 - final_loss(mirror, told) / baseline(mirror.shape.loss, mirror.data.targets)
        return share if math.isfinite(share) else -math.inf

    def explained(self, told: Told) -> float | None:
        """Share of the targets' variance that it explains at its end; None where not known."""
        mirror = self.mirror(told)
        if mirror is None or not told["final"]:
            return None
        with np.errstate(all="ignore"):
            return explained(mirror.predictions(told["final"]), mirror.targets)


def explained(predictions: NDArray[np.float64], targets: NDArray[np.float64]) -> float:
    """R²; −inf where it is not finite.

    Args:
        predictions: Shape (B, O).
        targets: Shape (B, O).
    """
    with np.errstate(all="ignore"):
        spread = float(((targets - targets.mean(axis=0)) ** 2).sum())
        share = 1 - float(((predictions - targets) ** 2).sum()) / spread if spread else math.nan
    return share if math.isfinite(share) else -math.inf

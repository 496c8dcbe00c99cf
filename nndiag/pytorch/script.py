"""A script with torch as what is run, recorded, judged and changed."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from nndiag.checkup import Check
from nndiag.errors import NndiagError
from nndiag.finding import Diagnosis, Finding, Outcome, Severity, Skipped
from nndiag.own_program.mirror import Mirror, Told, mirror_of
from nndiag.own_program.program import Checked, Program, explained
from nndiag.own_program.record import Recording
from nndiag.own_program.run import judged
from nndiag.own_program.setting_edit import Edits
from nndiag.own_program.watching import Watcher, Watching
from nndiag.program import ProgramCheck
from nndiag.program.text.source import Source
from nndiag.pytorch.checks import check_of, faults_of
from nndiag.pytorch.checkup import faults_in, gradient_agrees, looks
from nndiag.pytorch.edits import ScriptEditor
from nndiag.pytorch.record import ScriptRecording, layers_of
from nndiag.trace import Facts, TraceRecorder

_CHECKED = 3  # steps


class Script(Program):
    """A script with torch; its faults are measured while it runs.

    One child runs it each time, in which torch stays imported.
    """

    looked_for: Mapping[str, Any] = {"check": True, "handful": True}
    _training: int | None = None

    def _watcher(self) -> Watching:
        return Watcher(
            self.settings, task="watch-script", stays=True, python=self.python, tell=self.tell
        )

    def checked(self) -> Checked:
        """Nothing: the faults are measured in the run."""
        return Checked()

    def beforehand(self) -> None:
        """Nothing."""

    def gradient_check(self) -> ProgramCheck:
        """The check of the gradients of its first steps against differences of its loss.

        Raises:
            UserCodeError: It cannot be run, or makes no training step.
        """
        told = self.watcher.watch(steps=_CHECKED, check=True)
        check = check_of(self.source, told, ScriptEditor(self.source, told), unwell=True)
        return check if self._passes(check.fixed_text) else replace(check, fixed_text=None)

    def _passes(self, text: str | None) -> bool:
        """Whether a mended text passes the same check."""
        if text is None:
            return True
        try:
            told = self.watcher.watch(text=text, steps=_CHECKED, check=True)
        except NndiagError:
            return False
        source = self.source.with_text(text)
        return check_of(source, told, ScriptEditor(source, told), unwell=True).correct

    def mirror(self, told: Told) -> Mirror | None:
        """Its network, where it is a chain of layers and steps are made."""
        return mirror_of(told) if told["stepped"] else None

    def layers(self, told: Told, mirror: Mirror | None) -> tuple[str, ...]:
        """What the rows of its record are called."""
        return layers_of(told, mirror)

    def recording(self, told: Told, mirror: Mirror | None, recorder: TraceRecorder) -> Recording:
        """The record of its run, whatever its network is."""
        return ScriptRecording(recorder) if mirror is None else Recording(told, mirror, recorder)

    def editor(self, source: Source, told: Told) -> ScriptEditor:
        """Finds places in its text."""
        return ScriptEditor(source, told)

    def chosen(self, told: Told) -> Told:
        """Of several trainings, one after the other, the first that is unwell, or the last."""
        earlier = told.get("earlier") or []
        if not earlier:
            return told
        trainings = [*earlier, {**told, "earlier": []}]
        if self._training is None:
            runs = (judged(self, one).diagnosis for one in earlier)
            needy = (number for number, x in enumerate(runs) if x.cause is not None or x.failing)
            self._training = next(needy, len(earlier))
        chosen: Told = trainings[min(self._training, len(earlier))]
        return chosen

    def looked_at(self, told: Told) -> Mapping[str, Any]:
        """Of a loss that is no measure of what was learned, only that it is a number."""
        return {} if told["surrogate"] is None else {"select": ("non-finite-values",)}

    def with_facts(self, found: Diagnosis, told: Told) -> Diagnosis:
        """The diagnosis with what could not be looked at; what is wrong is a measured fault."""
        skipped = tuple(Skipped("watching", note) for note in told["notes"])
        return replace(found, not_checked=(*found.not_checked, *skipped))

    def judged_check(
        self, known: ProgramCheck | None, told: Told, found: Diagnosis
    ) -> ProgramCheck | None:
        """The faults that were measured in its run."""
        source = self.source.with_text(told["text"])
        return check_of(source, told, ScriptEditor(source, told), unwell=_is_unwell(found))

    def mended(self, check: ProgramCheck | None, told: Told) -> str | None:
        """None: what the check mends belongs to every trial."""
        return None

    def wrong_at_start(self, told: Told) -> list[tuple[str, Finding]]:
        """The faults that were measured in its first steps."""
        check = check_of(self.source, told, ScriptEditor(self.source, told), unwell=True)
        return list(faults_in(check))

    def gradient_agrees(self, known: Checked, told: Told) -> Check:
        """The gradients of its first steps beside differences of its loss."""
        return gradient_agrees(told)

    def looks(self, told: Told, facts: Facts) -> Mapping[str, Callable[[], Check]]:
        """What a check-up can look at where its layers are no chain."""
        return looks(told, facts)

    def base(self, told: Told) -> Edits | None:
        """What mends its faults; None where one is to be mended by hand."""
        faults = faults_of(told, ScriptEditor(self.source, told), unwell=True)
        if any(x.severity is Severity.ERROR and edit is None for x, edit in faults):
            return None  # a run beside it proves nothing
        return tuple(edit for _, edit in faults if edit is not None)

    def r_squared(self, told: Told) -> float | None:
        """As for a program; by its outputs, as losses of torch are of many kinds."""
        return self.explained(told)

    def explained(self, told: Told) -> float | None:
        """Share of the targets' variance that the last predictions explain; None if not known."""
        end = told["end"]
        return explained(end["predictions"], end["targets"]) if end else super().explained(told)


def _is_unwell(diagnosis: Diagnosis) -> bool:
    """Whether a run has anything that a fault may be the reason of."""
    ended_badly = diagnosis.outcome in (Outcome.DIVERGED, Outcome.STALLED, Outcome.FLAT)
    return ended_badly or any(x.severity is not Severity.NOTE for x in diagnosis.findings)

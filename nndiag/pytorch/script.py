"""A script with torch as what is run, recorded, judged and changed."""

from nndiag.finding import Diagnosis, Outcome, Severity
from nndiag.own_program.edits import Edits
from nndiag.own_program.mirror import Mirror, Told, mirror_of
from nndiag.own_program.program import Checked, Program, explained
from nndiag.own_program.record import Recording
from nndiag.own_program.watching import Watcher, Watching
from nndiag.program import ProgramCheck
from nndiag.program.text.source import Source
from nndiag.pytorch.checks import check_of, faults_of
from nndiag.pytorch.edits import ScriptEditor
from nndiag.pytorch.record import ScriptRecording, layers_of
from nndiag.trace import TraceRecorder

_CHECKED = 3  # steps


class Script(Program):
    """A script with torch; its faults are measured while it runs.

    One child runs it each time, in which torch stays imported.
    """

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
        return check_of(self.source, told, ScriptEditor(self.source, told), unwell=True)

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

    def with_facts(self, found: Diagnosis, told: Told) -> Diagnosis:
        """The diagnosis as it is: what is wrong before any step is a fault that is measured."""
        return found

    def judged_check(
        self, known: ProgramCheck | None, told: Told, found: Diagnosis
    ) -> ProgramCheck | None:
        """The faults that were measured in its run."""
        source = self.source.with_text(told["text"])
        return check_of(source, told, ScriptEditor(source, told), unwell=_is_unwell(found))

    def mended(self, check: ProgramCheck | None, told: Told) -> str | None:
        """None: what the check mends belongs to every trial."""
        return None

    def base(self, told: Told) -> Edits | None:
        """What mends its faults; None where one is to be mended by hand."""
        faults = faults_of(told, ScriptEditor(self.source, told), unwell=True)
        if any(x.severity is Severity.ERROR and edit is None for x, edit in faults):
            return None  # a run beside it proves nothing
        return tuple(edit for _, edit in faults if edit is not None)

    def r_squared(self, told: Told) -> float | None:
        """Share of the targets' variance that the last predictions explain; None if not known."""
        end = told["end"]
        return explained(end["predictions"], end["targets"]) if end else super().r_squared(told)


def _is_unwell(diagnosis: Diagnosis) -> bool:
    """Whether a run has anything that a fault may be the reason of."""
    ended_badly = diagnosis.outcome in (Outcome.DIVERGED, Outcome.STALLED, Outcome.FLAT)
    return ended_badly or any(x.severity is not Severity.NOTE for x in diagnosis.findings)

"""The search for the smallest change of a script with which it trains.

It is the search of a program, with what a script has besides: the faults that were measured are
mended in every trial, another optimizer can be tried, and R² is that of the last predictions.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from nndiag.errors import NndiagError
from nndiag.finding import Severity
from nndiag.own_program.edits import Editor, SettingEdit
from nndiag.own_program.fix import ProgramFix, ProgramTrial, Search
from nndiag.own_program.mirror import Told, mirror_of
from nndiag.own_program.outcome import r_squared
from nndiag.own_program.run import ProgramRun
from nndiag.program import CodeSettings
from nndiag.program.text.source import Source
from nndiag.pytorch.checks import faults_of
from nndiag.pytorch.edits import ScriptEditor
from nndiag.pytorch.record import layers_of, recorded
from nndiag.pytorch.run import Watcher, judged
from nndiag.trace import TraceRecorder

_CURED = 0.9  # R²
_USUAL = 0.01  # rate of Adam


def fix_script(
    run: ProgramRun,
    settings: CodeSettings,
    watcher: Watcher,
    *,
    notice: Callable[[str], None] | None = None,
) -> ProgramFix:
    """Find the smallest change with which a script trains.

    Args:
        run: The script as it stands.
        settings: Which script.
        watcher: Runs it.
        notice: Told what is being tried.
    """
    assert run.told is not None
    graver = any(x.severity is Severity.ERROR for x in run.diagnosis.findings)
    found = ProgramFix(
        source=run.source,
        diagnosis=run.diagnosis,
        check=run.check,
        healthy=run.diagnosis.cause is None and not graver,
        before=reached(run.told),
    )
    if found.healthy:
        return found
    faults = faults_of(run.told, ScriptEditor(run.source, run.told), unwell=True)
    if any(x.severity is Severity.ERROR and edit is None for x, edit in faults):
        return found  # what is wrong must be mended by hand: a run beside it proves nothing
    search = ScriptSearch(run, settings, watcher, notice=notice or (lambda _: None))
    return replace(search.searched(found), repaired=False)


def reached(told: Told) -> float | None:
    """Share of the targets' variance that the last predictions explain; None where not known."""
    end = told["end"]
    if not end:
        return r_squared(told, mirror_of(told)) if told["stepped"] else None
    with np.errstate(all="ignore"):
        targets, predictions = end["targets"], end["predictions"]
        spread = float(((targets - targets.mean(axis=0)) ** 2).sum())
        share = 1 - float(((predictions - targets) ** 2).sum()) / spread if spread else math.nan
    return share if math.isfinite(share) else -math.inf


class ScriptSearch(Search):
    """A search in progress.

    Args:
        run: The script as it stands.
        settings: Which script.
        watcher: Runs it.
        notice: Told what is being tried.
    """

    def __init__(
        self,
        run: ProgramRun,
        settings: CodeSettings,
        watcher: Watcher,
        *,
        notice: Callable[[str], None],
    ) -> None:
        super().__init__(run, settings, python=None, notice=notice)
        assert run.told is not None
        self._watcher = watcher
        self._repair = None  # what the check mends belongs to every trial
        self._before = reached(run.told)
        self._script = ScriptEditor(run.source, run.told)
        found = faults_of(run.told, self._script, unwell=True)
        self._base = tuple(edit for _, edit in found if edit is not None)

    def _editor(self) -> Editor:
        return self._script

    def _applicable(self, editor: Editor) -> list[SettingEdit]:
        """The changes that this script may need, the likeliest first."""
        plain = super()._applicable(editor)
        adaptive = self._told["settings"]["adaptive"]
        other = None if adaptive else self._script.optimizer("Adam", _USUAL)
        return plain if other is None else [*plain, other]

    def _watched(self, text: str, **more: Any) -> Told | None:
        if "steps" not in more:
            self._made += 1
        try:
            return self._watcher.watch(text=text, **more)
        except NndiagError:
            return None

    def _limit(self, told: Told) -> float | None:
        mirror = mirror_of(told)
        keeper = TraceRecorder(layers=layers_of(told, mirror))
        return recorded(told, mirror, keeper, reference=False).facts.stability_limit

    def _reached(self, told: Told) -> float | None:
        return reached(told)

    def _trains(self, told: Told, reached: float | None) -> bool:
        if reached is not None and reached >= _CURED:
            return True
        run = judged(self._own(told), told, recorder=lambda names: TraceRecorder(layers=names))
        return run.diagnosis.cause is None and not run.diagnosis.failing

    def _holds(self, told: Told, reached: float | None, trial: ProgramTrial) -> bool:
        if math.isinf(trial.r_squared):
            return self._trains(told, reached)
        return super()._holds(told, reached, trial)

    def _own(self, told: Told) -> Source:
        return self._source.with_text(told["text"])

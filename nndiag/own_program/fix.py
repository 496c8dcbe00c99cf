"""The search for the smallest change of a program's text with which it trains.

Candidates are changes of settings, alone and together, on top of the repair of the gradient where
that is wrong. Each is a whole training of the changed program; where a change moves the stability
limit, the rate goes with it, computed from the changed program's first steps. The first that trains
is tried with other random numbers; then each of its changes is left out once.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nndiag.diagnosis import diagnose
from nndiag.errors import NndiagError
from nndiag.finding import Diagnosis, Severity
from nndiag.own_program.edits import Editor, SettingEdit, edited
from nndiag.own_program.mirror import Mirror, Told, mirror_of
from nndiag.own_program.record import layer_names, recorded
from nndiag.own_program.run import ProgramRun, watched
from nndiag.program import CodeSettings, ProgramCheck
from nndiag.program.text.edits import unified_diff
from nndiag.program.text.source import Source
from nndiag.trace import Recorder

_MOST = 18
"""Trainings of a search, confirmation included."""
_SHIFTS = (101, 202)
_PROBED = 3  # steps that tell the stability limit of a changed program
_CURED = 0.9  # R²
_KEPT = 0.8  # of the R², with other random numbers
_NEAR = (0.02, 0.9)  # of the stability limit: a rate in between may stay as it is
_LONGER = 10
_BETTER = 0.1  # of R², by which a change is better than none


@dataclass(frozen=True, eq=False)
class ProgramTrial:
    """A changed program, trained.

    Attributes:
        edits: What was changed.
        r_squared: Share of the targets' variance that it explains at the end; −inf where none.
        cured: Whether it trains.
    """

    edits: tuple[SettingEdit, ...]
    r_squared: float
    cured: bool

    @property
    def title(self) -> str:
        """The changes in words."""
        return " + ".join(f"{x.name} {x.says}" for x in self.edits) or "the gradient repaired"


@dataclass(frozen=True, eq=False)
class ProgramFix:
    """What a search came to.

    Attributes:
        source: The program.
        diagnosis: What is said about it as it stands.
        check: The check of its gradient.
        healthy: Whether there is nothing to fix.
        repaired: Whether the gradient was repaired first.
        before: R² of the program as it stands; None where that is not known.
        winner: The changes with which it trains; None where none were found.
        text: The fixed program.
        others: R² of the fixed program with other random numbers.
        trials: All that was tried.
    """

    source: Source
    diagnosis: Diagnosis
    check: ProgramCheck
    healthy: bool
    repaired: bool = False
    before: float | None = None
    winner: ProgramTrial | None = None
    text: str | None = None
    others: tuple[float, ...] = ()
    trials: tuple[ProgramTrial, ...] = ()

    @property
    def diff(self) -> str | None:
        """The changes as a unified diff; None where there are none."""
        return None if self.text is None else unified_diff(self.source, self.text)


def fix_program(
    run: ProgramRun,
    settings: CodeSettings,
    *,
    python: str | None = None,
    notice: Callable[[str], None] | None = None,
) -> ProgramFix:
    """Find the smallest change with which a program trains.

    Args:
        run: The program as it stands.
        settings: Which program, and what is what in it.
        python: The Python that runs it.
        notice: Told what is being tried.
    """
    grave = any(x.severity is Severity.ERROR for x in run.diagnosis.findings)
    found = ProgramFix(
        source=run.check.source,
        diagnosis=run.diagnosis,
        check=run.check,
        healthy=run.diagnosis.cause is None and not grave,
        before=r_squared(run.told, run.mirror),
    )
    if found.healthy:
        return found
    search = Search(run, settings, python=python, notice=notice or (lambda _: None))
    return search.searched(found)


class Search:
    """A search in progress.

    Args:
        run: The program as it stands.
        settings: Which program, and what is what in it.
        python: The Python that runs it.
        notice: Told what is being tried.
    """

    def __init__(
        self,
        run: ProgramRun,
        settings: CodeSettings,
        *,
        python: str | None,
        notice: Callable[[str], None],
    ) -> None:
        self._settings, self._python, self._notice = settings, python, notice
        self._told, self._mirror = run.told, run.mirror
        self._source = run.check.source
        self._wrong = not run.check.correct and run.told["scale"] is None
        self._repair = run.check.fixed_text if self._wrong else None
        self._trials: list[ProgramTrial] = []
        self._made = 1
        self._before = r_squared(run.told, run.mirror)
        self._base: tuple[SettingEdit, ...] = ()

    def searched(self, found: ProgramFix) -> ProgramFix:
        """What was found, with what came of the search."""
        if self._repair is not None:
            self._source = self._source.with_text(self._repair)
            told = self._watched(self._repair)
            if told is None:
                return found
            self._told, self._mirror = told, mirror_of(told)
            trial = self._judged((), told)
            if trial.cured:
                return self._confirmed(found, trial)
        for trial in self._tried():
            if trial.cured:
                done = self._confirmed(found, self._pruned(trial))
                if done.winner is not None:
                    return done
        return replace(found, repaired=self._repair is not None, trials=tuple(self._trials))

    def _tried(self) -> Iterator[ProgramTrial]:
        """The candidates, trained one after another, few changes first."""
        editor = self._editor()
        plain = self._applicable(editor)
        for combination in _combinations(plain):
            if self._made >= _MOST:
                return
            edits = self._with_rate(editor, (*self._base, *combination))
            if edits is None or any(edits == x.edits for x in self._trials):
                continue
            yield from self._trained(edits)
        best = max(self._trials, key=lambda x: x.r_squared, default=None)
        longer = editor.steps(_LONGER)
        starts = [self._base]
        if best is not None and self._helped(best):
            starts = [best.edits, self._base]
        for edits in starts if longer is not None else ():
            if self._made < _MOST and longer is not None:
                yield from self._trained((*edits, longer))

    def _editor(self) -> Editor:
        """Finds places in the program."""
        return Editor(self._source, self._told)

    def _helped(self, trial: ProgramTrial) -> bool:
        before = self._before
        return before is None or trial.r_squared > before + _BETTER

    def _applicable(self, editor: Editor) -> list[SettingEdit]:
        """The changes that this program may need, the likeliest first."""
        mirror = self._mirror
        found = [editor.real_weights(), editor.unclipped()]
        if mirror is not None and set(np.unique(mirror.targets)) == {-1.0, 1.0}:
            found.append(editor.labels())
        else:
            found += [editor.standardized(), editor.standardized(targets=True)]
        found.append(editor.start())
        return [edit for edit in found if edit is not None and self._matters(edit)]

    def _matters(self, edit: SettingEdit) -> bool:
        """Whether a change of the data changes much."""
        mirror = self._mirror
        if mirror is None or edit.name not in {"inputs", "targets"}:
            return True
        values = mirror.inputs if edit.name == "inputs" else mirror.targets
        if edit.name == "targets" and set(np.unique(values)) <= {0.0, 1.0}:
            return False
        sizes, means = values.std(axis=0), np.abs(values.mean(axis=0))
        varying = sizes > 0
        if not varying.any():
            return False
        sizes, means = sizes[varying], means[varying]
        return bool(sizes.max() > 2 or sizes.min() < 0.3 or (means > 1.5 * sizes).any())

    def _with_rate(
        self, editor: Editor, edits: tuple[SettingEdit, ...]
    ) -> tuple[SettingEdit, ...] | None:
        """The changes with a rate that suits the program as they leave it; None for none at all."""
        text = edited(self._source.text, edits)
        if text is None:
            return None
        told = self._told if not edits else self._watched(text, steps=_PROBED)
        limit = None if told is None else self._limit(told)
        rate = self._told["rate"]
        if limit is None or rate is None or _NEAR[0] * limit < rate[1] < _NEAR[1] * limit:
            return edits or None
        change = editor.rate(limit / 2)
        return (*edits, change) if change is not None else (edits or None)

    def _trained(self, edits: tuple[SettingEdit, ...]) -> Iterator[ProgramTrial]:
        text = edited(self._source.text, edits)
        if text is None:
            return
        self._notice(", ".join(f"{x.name} {x.says}" for x in edits))
        told = self._watched(text)
        if told is not None:
            yield self._judged(edits, told)

    def _watched(self, text: str, **more: Any) -> Told | None:
        """One training of a changed program; None where it cannot be run."""
        if "steps" not in more:
            self._made += 1
        try:
            return watched(self._settings, python=self._python, text=text, **more)
        except NndiagError:
            return None

    def _judged(self, edits: tuple[SettingEdit, ...], told: Told) -> ProgramTrial:
        """A trained program with what came of it."""
        reached = self._reached(told)
        trial = ProgramTrial(
            edits, -math.inf if reached is None else reached, self._trains(told, reached)
        )
        self._trials.append(trial)
        return trial

    def _pruned(self, trial: ProgramTrial) -> ProgramTrial:
        """The trial without the changes that it does not need."""
        for edit in trial.edits if len(trial.edits) > 1 else ():
            if edit in self._base:
                continue
            fewer = tuple(x for x in trial.edits if x is not edit)
            if self._made >= _MOST or any(fewer == x.edits for x in self._trials):
                continue
            for shorter in self._trained(fewer):
                if shorter.cured and shorter.r_squared >= trial.r_squared - _BETTER / 2:
                    return self._pruned(shorter)
        return trial

    def _confirmed(self, found: ProgramFix, trial: ProgramTrial) -> ProgramFix:
        """The fix, where it holds with other random numbers too."""
        text = edited(self._source.text, trial.edits)
        others, held = [], True
        for shift in _SHIFTS:
            told = None if text is None else self._watched(text, shift=shift)
            reached = None if told is None else self._reached(told)
            others.append(-math.inf if reached is None else reached)
            held = held and told is not None and self._holds(told, reached, trial)
        return replace(
            found,
            repaired=self._repair is not None,
            winner=trial if held else None,
            text=text if held else None,
            others=tuple(others),
            trials=tuple(self._trials),
        )

    def _limit(self, told: Told) -> float | None:
        """The stability limit of a program's rate at its start; None where it is not known."""
        mirror = mirror_of(told)
        keeper = Recorder(layers=layer_names(told, mirror))
        return recorded(told, mirror, keeper, reference=False).facts.stability_limit

    def _reached(self, told: Told) -> float | None:
        """The R² at the end of a training; None where it is not known."""
        return r_squared(told, mirror_of(told))

    def _trains(self, told: Told, reached: float | None) -> bool:
        """Whether a changed program trains."""
        return _trains(told, mirror_of(told), reached)

    def _holds(self, told: Told, reached: float | None, trial: ProgramTrial) -> bool:
        """Whether a fix works with other random numbers, too."""
        return reached is not None and reached >= _KEPT * trial.r_squared


def _combinations(edits: Sequence[SettingEdit]) -> Iterator[tuple[SettingEdit, ...]]:
    """None (the rate alone), each alone, what belongs to the data together, then all."""
    yield ()
    for edit in edits:
        yield (edit,)
    data = tuple(x for x in edits if x.name in {"inputs", "targets"})
    if len(data) > 1:
        yield data
    start = tuple(x for x in edits if x.name == "starting weights")
    for first in data:
        if start:
            yield (first, *start)
    if len(edits) > len(data) + len(start) or (len(data) > 1 and start) or len(edits) > 2:
        yield tuple(edits)


def _trains(told: Told, mirror: Mirror | None, reached: float | None) -> bool:
    """Whether a changed program trains: it explains its targets, or nothing is said of it."""
    if reached is not None and reached >= _CURED:
        return True
    if mirror is None and reached is None:
        return False
    if not told["right"] and told["scale"] is None and not told["adaptive"]:
        return False
    trace = recorded(told, mirror, Recorder(layers=layer_names(told, mirror)))
    diagnosis = diagnose(trace)
    return diagnosis.cause is None and not any(
        x.severity is Severity.ERROR for x in diagnosis.findings
    )


def r_squared(told: Told, mirror: Mirror | None) -> float | None:
    """Share of the targets' variance that the run explains at its end; None where not known."""
    if mirror is None or not told["final"]:
        return None
    with np.errstate(all="ignore"):
        predicted = mirror.predictions(told["final"])
        spread = float(((mirror.targets - mirror.targets.mean(axis=0)) ** 2).sum())
        share = 1 - float(((predicted - mirror.targets) ** 2).sum()) / spread if spread else np.nan
    return float(share) if np.isfinite(share) else -math.inf

"""The search for the smallest change of a program's text with which it trains.

Candidates are changes of settings, alone and together, on top of the repair of the gradient where
that is wrong. Each is a whole training of the changed program; where a change moves the stability
limit, the rate goes with it, computed from the changed program's first steps. The first that trains
is tried with other random numbers; then each of its changes is left out once.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from nndiag.errors import NndiagError
from nndiag.finding import Severity
from nndiag.formatting import Pace
from nndiag.own_program.candidates import USUAL, WIDER, Candidates
from nndiag.own_program.combinations import combinations
from nndiag.own_program.edits import Editor
from nndiag.own_program.mirror import Told, last_loss
from nndiag.own_program.outcome import fell, limit_of, trains
from nndiag.own_program.program import CURED, Program
from nndiag.own_program.run import Keeper, Live, ProgramRun
from nndiag.own_program.setting_edit import Edits, SettingEdit, edited
from nndiag.own_program.trial import ProgramFix, ProgramTrial
from nndiag.own_program.words import CAREFUL, HALF, LOWER, borne

_MOST = 17
"""Trainings of a search, confirmation included."""
_SHIFTS = (101, 202, 303)
_HOLDING = 2  # of them, with which a fix has to hold
_PROBED = 3  # steps that tell the stability limit of a changed program
_KEPT = 0.8  # of the R², with other random numbers
_BELOW = 0.9  # of the stability limit, below which a rate may stay as it is
_NEAR = (0.02, 1e-3)
"""Of the stability limit, above which it may: by itself, and with other changes."""
_NARROW = 8  # units of a hidden layer that may be too few
_LONGER = (10, 100, 1000)
_MOST_STEPS = 100_000
_TRIAL = 200_000  # steps of a trial; of the best, that are too few for it, all
_BETTER = 0.1  # of R², by which a change is better than none
_TENTH = 0.1  # of a rate that explodes all the same
_LOWER = 0.5  # of the program's last loss, below which a change helped, where R² is not known
_RESCALING = frozenset({"targets", "loss", "the loss"})
"""Edits behind which losses are no longer those of the program as it was."""


def fix_program(
    run: ProgramRun,
    program: Program,
    *,
    notice: Callable[[str], None] | None = None,
    recorder: Keeper | None = None,
) -> ProgramFix:
    """Find the smallest change with which a program trains.

    Args:
        run: The program as it stands.
        program: Runs it with its text changed.
        notice: Told what is being tried.
        recorder: Gives the recorder of each training; None keeps nothing of them.
    """
    search = Search(run, program, notice=notice or (lambda _: None), recorder=recorder)
    found = ProgramFix(
        source=run.source,
        diagnosis=run.diagnosis,
        check=run.check,
        healthy=run.diagnosis.cause is None and not run.diagnosis.failing,
        before=search.r_squared,
        loss_before=search.loss_before,
    )
    return search.mended(found) if found.healthy else search.searched(found)


class Search:
    """A search in progress.

    Args:
        run: The program as it stands.
        program: Runs it with its text changed.
        notice: Told what is being tried.
        recorder: Gives the recorder of each training; None keeps nothing of them.

    Attributes:
        before: What the program as it stands explains; None where that is not known.
        r_squared: Its R², likewise.
        loss_before: Its last loss; nan where none is known.
    """

    def __init__(
        self,
        run: ProgramRun,
        program: Program,
        *,
        notice: Callable[[str], None],
        recorder: Keeper | None = None,
    ) -> None:
        self._program, self._notice, self._recorder = program, notice, recorder
        self._told: Told = run.told or {}
        self._mirror = run.mirror
        self._source = run.source
        self._repair = program.mended(run.check, self._told)
        self._problems = [x.problem for x in run.diagnosis.findings]
        first = None if run.beforehand is None else run.beforehand.edit
        self._base = program.base(self._told) if first is None else (first,)
        if self._repair is not None:
            self._source = self._source.with_text(self._repair)
        self._shared = self._one_bias_for_all(run)
        self._asked: Edits | None = None
        self._base = self._base if self._shared is None else (*(self._base or ()), self._shared)
        self._trials: list[ProgramTrial] = []
        self._made, self._pace = 1, Pace(_MOST)
        self.before = None if run.told is None else program.explained(run.told)
        self.r_squared = None if run.told is None else program.r_squared(run.told)
        self.loss_before = last_loss(self._told)
        rate = self._told.get("rate") or [None, math.nan]
        lower = [borne(x, rate[1]) for x in run.diagnosis.findings if x.problem in LOWER]
        self._borne = min((x for x in lower if x is not None and x > 0), default=None)
        wrong = run.check is not None and not run.check.correct
        self._unmended = wrong and self._repair is None and not self._base

    def _one_bias_for_all(self, run: ProgramRun) -> SettingEdit | None:
        """The change without which no setting helps a program whose biases are one an example."""
        names = [
            x.tensor
            for x in run.diagnosis.findings
            if x.problem == "bias-per-example" and x.severity is Severity.ERROR and x.tensor
        ]
        if not names:
            return None
        return self._program.editor(self._source, self._told).shared_biases(names)

    def mended(self, found: ProgramFix) -> ProgramFix:
        """What mends the faults of a program that trains all the same, where it still does then."""
        warned = found.check is not None and found.check.findings
        text = edited(self._source.text, self._base) if warned and self._base else None
        told = None if text is None else self._watched(text)
        if told is None or self._base is None:
            return found
        trial = self._judged(self._base, told)
        done = self._confirmed(found, trial) if trial.cured else found
        return found if done.winner is None else replace(done, healthy=False)

    def searched(self, found: ProgramFix) -> ProgramFix:
        """What was found, with what came of the search."""
        if self._base is None or (self._unmended and self.before is None):
            return found  # nothing would tell that a change helps
        text = edited(self._source.text, self._base)
        if text is None and not self._told:
            return found
        if text is not None and (self._base or self._repair is not None):
            told = self._watched(text)
            if told is None:
                return found
            self._told, self._mirror = told, self._program.mirror(told)
            trial = self._judged(self._base, told)
            if trial.cured:
                return self._confirmed(found, trial)
        for trial in self._tried():
            if trial.cured:
                done = self._confirmed(found, self._pruned(self._further(trial)))
                if done.winner is not None:
                    return done
        return replace(found, repaired=self._repair is not None, trials=tuple(self._trials))

    def _tried(self) -> Iterator[ProgramTrial]:
        """The candidates, trained one after another, few changes first."""
        editor = self._program.editor(self._source, self._told)
        candidates = Candidates(
            editor,
            self._told,
            self._mirror,
            problems=self._problems,
            probed=self._probed,
        )
        plain = candidates.applicable()
        for combination in sorted(combinations(plain), key=candidates.is_beside_the_cause):
            if self._made >= _MOST:
                return
            edits = self._with_rate(editor, (*(self._base or ()), *combination))
            if edits is None or any(edits == x.edits for x in self._trials):
                continue
            if self._asked is None and not candidates.is_beside_the_cause(combination):
                self._asked = edits
            yield from self._trained(edits)
            if edits == self._asked:
                yield from self._lowered(editor, edits)
        yield from self._of_best(lambda kept: self._raised(editor, kept), but="learning rate")
        wider = editor.units(WIDER) if self._is_narrow else None
        if wider is not None:
            yield from self._of_best(_adding(wider), but="hidden units")
        for factor in _LONGER if self._is_finite else ():
            longer = editor.steps(factor)
            if longer is not None and factor * self._told["count"] <= _MOST_STEPS:
                yield from self._of_best(_adding(longer), but="steps")
        best = max(self._trials, key=_worth, default=None)
        if best is not None and best.steps >= _TRIAL and self._helped(best):
            yield from self._trained(best.edits, steps=None)

    @property
    def _is_narrow(self) -> bool:
        """Whether a hidden layer has so few units that a start may leave it at a poor minimum."""
        return any(link["units"] < _NARROW for link in self._told["links"][:-1])

    @property
    def _is_finite(self) -> bool:
        """Whether any training came to an end, so that a longer one may come further."""
        return math.isfinite(self.loss_before) or any(math.isfinite(x.loss) for x in self._trials)

    def _of_best(
        self, change: Callable[[Edits], Edits | None], *, but: str
    ) -> Iterator[ProgramTrial]:
        """The best trial with one more change in the place of another.

        Where none helped by itself it is what the cause asks for that is changed further.
        """
        best = max(self._trials, key=_worth, default=None)
        known = (best.edits if best is not None and self._helped(best) else self._asked) or ()
        edits = change(tuple(x for x in known if x.name != but))
        if edits and self._made < _MOST and all(edits != x.edits for x in self._trials):
            yield from self._trained(edits)

    def _raised(self, editor: Editor, kept: Edits, *, share: float = CAREFUL) -> Edits | None:
        """The changes with a rate nearer to the stability limit."""
        told = self._probed(kept)
        limit = None if told is None else limit_of(self._program, told)
        change = None if limit is None else editor.rate(limit / share)
        return (*kept, change) if change is not None else None

    def _lowered(self, editor: Editor, edits: Edits) -> Iterator[ProgramTrial]:
        """What exploded, with a tenth of the rate: single examples may be far larger than most."""
        trial, rate = next(reversed(self._trials), None), self._told["rate"]
        exploded = trial is not None and trial.edits == edits and trial.explained == -math.inf
        if exploded and rate is not None and not any(x.name == "learning rate" for x in edits):
            change = editor.rate(_TENTH * float(rate[1]))
            yield from self._trained((*edits, change)) if change is not None else ()

    def _further(self, trial: ProgramTrial) -> ProgramTrial:
        """A change that trains, with half the stability limit as its rate where that goes far."""
        if trial.explained is None or trial.explained >= CURED or self._made >= _MOST:
            return trial
        kept = tuple(x for x in trial.edits if x.name != "learning rate")
        editor = self._program.editor(self._source, self._told)
        edits = self._raised(editor, kept, share=HALF)
        for other in () if edits is None or edits == trial.edits else self._trained(edits):
            if other.cured and _share(other) >= min(trial.explained + _BETTER, CURED):
                return other
        return trial

    def _holds(self, told: Told, reached: float | None, trial: ProgramTrial) -> bool:
        """Whether a fix works with other random numbers, too."""
        if trial.explained is None or math.isinf(trial.explained):
            return self._cured(trial.edits, told, reached) or fell(told, share=_LOWER)
        return reached is not None and reached >= _KEPT * trial.explained

    def _helped(self, trial: ProgramTrial) -> bool:
        before = self.before
        if trial.explained is None:
            return math.isfinite(_worth(trial)[1])
        return before is None or _share(trial) > before + _BETTER

    def _with_rate(self, editor: Editor, edits: Edits) -> Edits | None:
        """The changes with a rate that suits the program as they leave it; None for none at all."""
        text = edited(self._source.text, edits)
        if text is None or any(x.name == "learning rate" for x in edits):
            return None if text is None else edits
        told = self._probed(edits) if edits else self._told
        limit = None if told is None else limit_of(self._program, told)
        rate = self._told["rate"]
        if limit is None and rate is not None and self._told["adaptive"]:
            usual = None if USUAL[0] <= rate[1] <= USUAL[2] else editor.rate(USUAL[1])
            return (*edits, usual) if usual is not None else (edits or None)
        if self._borne is not None and (limit is None or not edits):
            limit = min(self._borne, limit or math.inf)
        if limit is None or rate is None or _NEAR[bool(edits)] * limit < rate[1] < _BELOW * limit:
            return edits or None
        change = editor.rate(limit / (HALF if rate[1] > limit else CAREFUL))
        return (*edits, change) if change is not None else (edits or None)

    def _probed(self, edits: Edits) -> Told | None:
        """The first steps of the program with some changes; None where it cannot be run."""
        text = edited(self._source.text, edits)
        return None if text is None else self._watched(text, steps=_PROBED)

    def _trained(self, edits: Edits, *, steps: int | None = _TRIAL) -> Iterator[ProgramTrial]:
        text = edited(self._source.text, edits)
        if text is None:
            return
        words = ", ".join(f"{x.name} {x.says}" for x in edits)
        self._notice(f"{words} (runs: {self._pace.words(self._made)})")
        if (told := self._watched(text, steps=steps)) is not None:
            yield self._judged(edits, told)

    def _watched(self, text: str, *, steps: int | None = _TRIAL, **more: Any) -> Told | None:
        """One training of a changed program; None where it cannot be run."""
        live = None
        if steps != _PROBED:
            self._made += 1
            live = None if self._recorder is None else Live(self._program, self._recorder)
        take = None if live is None else live.take
        try:
            told = self._program.chosen(
                self._program.watcher.watch(text=text, steps=steps, live=take, **more)
            )
        except NndiagError:
            return None
        if live is not None:
            live.ended(told, reference=False)
        return told

    def _judged(self, edits: Edits, told: Told) -> ProgramTrial:
        """A trained program with what came of it."""
        reached = self._program.explained(told)
        cured = self._cured(edits, told, reached)
        trial = ProgramTrial(
            edits, reached, self._program.r_squared(told), last_loss(told), cured, told["count"]
        )
        self._trials.append(trial)
        return trial

    def _cured(self, edits: Edits, told: Told, reached: float | None) -> bool:
        """Whether a changed program trains.

        It has to explain more than the program as it stands. Where that is not known, its loss has
        to be lower than the program's own by far, and no step may be wrong.
        """
        if reached is not None and self.before is not None:
            if reached < min(self.before + _BETTER, CURED):
                return False  # whatever is said of it, it came no further
        elif reached is None:
            before = self.loss_before
            compared = math.isfinite(before) and not any(x.name in _RESCALING for x in edits)
            if self._unmended or (compared and not last_loss(told) < before - _LOWER * abs(before)):
                return False
        return trains(self._program, told, reached)

    def _pruned(self, trial: ProgramTrial) -> ProgramTrial:
        """The trial without the changes that it does not need."""
        for edit in trial.edits if len(trial.edits) > 1 else ():
            fewer = tuple(x for x in trial.edits if x is not edit)
            if (
                edit is self._shared
                or self._made >= _MOST
                or any(fewer == x.edits for x in self._trials)
            ):
                continue
            for shorter in self._trained(fewer, steps=_length_of(trial)):
                if shorter.cured and _share(shorter) >= _share(trial) - _BETTER / 2:
                    return self._pruned(shorter)
        return trial

    def _confirmed(self, found: ProgramFix, trial: ProgramTrial) -> ProgramFix:
        """The fix, where it holds with other random numbers too.

        A repair of the gradient alone is proved by the check: other numbers tell how far it leads.
        """
        text = edited(self._source.text, trial.edits)
        others: list[float] = []
        holding = 0
        for shift in _SHIFTS:
            if holding < _HOLDING and text is not None:
                told = self._watched(text, steps=_length_of(trial), shift=shift)
                reached = None if told is None else self._program.explained(told)
                shown = None if told is None else self._program.r_squared(told)
                known = last_loss(told or {}) if shown is None else shown
                others.append(-math.inf if told is None else known)
                holding += told is not None and self._holds(told, reached, trial)
        proved = self._repair is not None and trial.edits == self._base
        held = proved or holding >= _HOLDING
        return replace(
            found,
            repaired=self._repair is not None,
            winner=trial if held else None,
            text=text if held else None,
            others=tuple(others),
            trials=tuple(self._trials),
        )


def _length_of(trial: ProgramTrial) -> int | None:
    """The steps that trainings take that are compared with a trial; None for all."""
    return None if trial.steps > _TRIAL else _TRIAL


def _share(trial: ProgramTrial) -> float:
    return -math.inf if trial.explained is None else trial.explained


def _worth(trial: ProgramTrial) -> tuple[float, float]:
    """Its share, less where another optimizer gave it; of those without, the lower loss."""
    lower = -trial.loss if math.isfinite(trial.loss) and not _is_rescaled(trial) else -math.inf
    return _share(trial) - _BETTER / 2 * any(x.name == "optimizer" for x in trial.edits), lower


def _is_rescaled(trial: ProgramTrial) -> bool:
    return any(x.name in _RESCALING for x in trial.edits)


def _adding(edit: SettingEdit) -> Callable[[Edits], Edits]:
    return lambda kept: (*kept, edit)

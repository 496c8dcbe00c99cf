"""How a run went: its outcome, the numbers behind it, and how much a symptom in it matters.

The outcome is decided from how far the run got (R²), from what is left (Newton decrement,
negative curvature, what the data allow) and from whether it is still falling, never from the
gradient's size. Read by every detector, computed once per trace.
"""

from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np

from nndiag.detectors.attainable import ROUNDING, Learned, learned
from nndiag.detectors.curve import Curve, Growth, growth, loss_curve
from nndiag.detectors.held_out import are_others, falls_outside, turn_of, validation_r_squared
from nndiag.detectors.movement import path
from nndiag.finding import Outcome, Severity
from nndiag.trace import Trace
from nndiag.trace.classes import class_numbers, confusion_of
from nndiag.trace.statistics import rate_ran_out

# Calibrated on nndiag's own healthy and broken configs; each is relative to the run's own scale.
_BLOWN_UP = 10.0  # the loss exceeded the worse of start and mean baseline by this: a blow-up
_ENDED_ABOVE = 2.0  # … and a run that ends above it by this has diverged
_RECOVERING = 0.5  # … unless its loss is about to fall by this share, and is below the blow-up
_STILL_FALLING = 0.05  # share of what is left of the loss that as many steps again would take off
_NOTHING_LEFT = 1e-5  # loss over mean baseline's: the error is 0.3 % of the targets' deviation
_NO_R_SQUARED = 0.05  # not distinguishable from predicting the mean
_GAIN_TAKEN = 0.05  # Newton decrement over loss: no more than this is left
_FLAT = 1e-3  # negative curvature over the largest: below, it is no saddle
_STRICT = 1e-4  # without R² only a minimum with clearly positive curvature counts as one
_HARDLY_MOVED = 0.5  # of the weights' length: random weights have to turn by more to be others
_HARDLY_LOWER = 0.75  # of the mean baseline's loss
_NO_SPREAD = 1e-9  # of the targets' std: rounding
_FALLS = 0.02  # share of the loss that as many steps again would take off
_SAME = 0.05  # losses that differ by this share are called equal
_FEWEST = 3  # losses
_FEWEST_ALONE = 8  # losses from which a rest is seen, where no curvature tells of it
_FEW = 50  # steps; the curve of fewer says too little to call a loss that fell flat
_FAST = 0.5  # share of the loss that as many steps again would take off a run that falls fast
_FAILED = 0.5  # less than this share of the attainable: the run failed
NEARLY_ALL = 0.75  # from this share on, a run that is still falling is on a good way


@dataclass(frozen=True, eq=False)
class RunSummary:
    """How a run went.

    Attributes:
        outcome: How it ended.
        curve: Its loss curve.
        growth: Where its loss blew up, if it did.
        learned: How much it learned of what there was to learn.
        expected_gain: By how much the loss would fall in as many steps again.
        steps: Number of its steps.
        numbers: All of that and more by name, finite numbers only.
    """

    outcome: Outcome
    curve: Curve
    growth: Growth | None
    learned: Learned
    expected_gain: float
    steps: int
    numbers: dict[str, float]

    @property
    def r_squared(self) -> float | None:
        """1 − loss / loss of the mean baseline; None without either."""
        return self.learned.r_squared

    @property
    def attainable(self) -> float:
        """Share of the targets' variance that a model could explain, by the data."""
        return self.learned.attainable

    @property
    def shortfall(self) -> float | None:
        """How much of the attainable share the run does not explain; None where not known."""
        return self.learned.shortfall

    @property
    def good(self) -> bool:
        """Whether the run learned what there is to learn, as far as can be told."""
        return self.outcome is not Outcome.DIVERGED and self.learned.good

    @property
    def failed(self) -> bool:
        """Whether the run ended without most of what it could have learned."""
        if self.outcome is Outcome.DIVERGED:
            return True
        if self.outcome not in (Outcome.STALLED, Outcome.CONVERGED) or self.good:
            return False
        if self.shortfall is None:
            return self.r_squared is not None and self.r_squared < _FAILED
        return self.shortfall > (1 - _FAILED) * self.attainable

    @property
    def severity(self) -> Severity | None:
        """How much a symptom matters in this run; None where the run is healthy with it.

        A run of few steps that is still falling has not shown yet what its symptoms lead to.
        """
        if self.failed:
            return Severity.ERROR
        improving = self.outcome is Outcome.IMPROVING
        if self.good or (improving and self.short):
            return None
        falling = _still_falling(self.curve, got=self.learned, gain=self.expected_gain)
        begun = self.r_squared is None or self.r_squared > _NO_R_SQUARED
        share = self.learned.share
        far = improving and not self.fast and share is not None and share < NEARLY_ALL
        return None if falling and begun and not far else Severity.WARNING

    @property
    def short(self) -> bool:
        """Whether the run had too few steps to show where it leads."""
        return self.steps < _FEW

    @property
    def fast(self) -> bool:
        """Whether as many steps again would take off most of the loss."""
        return self.expected_gain > _FAST * abs(self.curve.final)


_COURSES: "WeakKeyDictionary[Trace, RunSummary]" = WeakKeyDictionary()


def course_of(trace: Trace) -> RunSummary:
    """How a run went; computed once for each trace."""
    if trace not in _COURSES:
        with np.errstate(all="ignore"):  # overflow in a broken run is a finding, no warning
            _COURSES[trace] = _course(trace)
    return _COURSES[trace]


def _course(trace: Trace) -> RunSummary:
    curve = loss_curve(trace)
    blow_up = growth(trace, reference=reference_loss(trace, curve), factor=_BLOWN_UP)
    level = curve.settled
    if _predicts_one_value(trace):  # what is lower is the noise of the batches
        level = max(level, trace.facts.baseline_loss or level)
    got = learned(trace, loss=level, last=curve.final, first=curve.initial)
    gain = curve.expected_gain() if len(curve.losses) else 0.0
    outcome = _outcome(trace, curve, got=got, gain=gain)
    if _nothing_left(trace, curve) or _is_classified(trace, curve):
        got = replace(got, done=True)
    course = RunSummary(outcome, curve, blow_up, got, gain, trace.steps, {})
    course.numbers.update(_numbers(trace, course))
    return course


def reference_loss(trace: Trace, curve: Curve) -> float:
    """The worse of the start and the mean baseline: a run above that is worse than none."""
    baseline = trace.facts.baseline_loss or 0.0
    return max(abs(curve.initial), baseline) if len(curve.losses) else np.inf


def _outcome(trace: Trace, curve: Curve, *, got: Learned, gain: float) -> Outcome:
    """The one word for how the run ended."""
    surrogate = trace.facts.surrogate is not None and bool(np.isfinite(curve.losses).all())
    if not surrogate and _diverged(trace, curve, gain=gain):
        return Outcome.DIVERGED
    if trace.ending is None or trace.ending.reason == "interrupted":
        return Outcome.INTERRUPTED
    if surrogate or len(curve.losses) < _FEWEST:  # else nothing can be said
        return Outcome.UNJUDGED if surrogate else Outcome.IMPROVING
    turned = turn_of(trace) is not None and not are_others(trace)  # what still falls is by heart
    if trace.ending.reason == "stopped early" and not falls_outside(trace):
        turned = True
    if turned or _nothing_left(trace, curve) or _is_classified(trace, curve):
        return Outcome.CONVERGED
    falling = trace.ending.reason != "converged" and _still_falling(curve, got=got, gain=gain)
    if _predicts_one_value(trace):
        falling = False  # by the noise of the batches only, whatever its loss seems to do
    if _lets_nothing_through(trace) and not (got.r_squared or 0.0) > _NO_R_SQUARED:
        falling = False  # these are the outputs' biases, on their way to the mean baseline
    if falling or (len(curve.losses) < _FEWEST_ALONE and not _has_curvature(trace)):
        return Outcome.CONVERGED if _at_its_best(trace, got) else Outcome.IMPROVING
    return _outcome_at_rest(trace, curve, got=got, gain=gain)


def _nothing_left(trace: Trace, curve: Curve) -> bool:
    """Whether the loss is next to nothing beside the mean baseline's, or where that is rounding."""
    baseline = trace.facts.baseline_loss or 0.0
    rounding = baseline <= ROUNDING * abs(curve.initial)
    return curve.final <= _NOTHING_LEFT * (curve.peak if rounding else baseline)


def every_class_right(trace: Trace) -> bool:
    """Whether a classifier puts every training example into its class at the end.

    Then only its confidence still grows: the cross-entropy of separable classes has no minimum.
    """
    if not (trace.facts.loss or "").endswith("cross_entropy"):
        return False
    counts = confusion_of(trace)
    return counts is not None and int(np.trace(counts)) == int(counts.sum())


def _is_classified(trace: Trace, curve: Curve) -> bool:
    """Whether every class is right, by more than the first few steps of a run give."""
    whole = trace.facts.baseline_loss or np.inf
    hardly = trace.steps < _FEW and curve.final > _HARDLY_LOWER * whole
    return every_class_right(trace) and not hardly


def _lets_nothing_through(trace: Trace) -> bool:
    """Whether all units of some hidden layer are dead on every example at the end."""
    shares = trace.series.get("dead_share")
    if shares is None or not len(shares.steps) or shares.values.shape[1] < 2:
        return False
    return bool((shares.values[-1, :-1] == 1.0).any())


def _predicts_one_value(trace: Trace) -> bool:
    """Whether the predictions do not vary at all at the last record, in a run of many."""
    spread, targets = trace.series.get("prediction_deviation"), trace.facts.targets
    if spread is None or len(spread.steps) < _FEWEST or targets is None or trace.steps < _FEW:
        return False
    return bool(spread.values[-1] <= _NO_SPREAD * float(np.std(targets)))


def _at_its_best(trace: Trace, got: Learned) -> bool:
    """Whether a strong optimizer brings the same network no further than the run, from anywhere."""
    ending = trace.ending
    if ending is None or ending.reference_loss is None or not got.good:
        return False
    return ending.loss <= (1 + _SAME) * ending.reference_loss


def _diverged(trace: Trace, curve: Curve, *, gain: float) -> bool:
    """Whether the loss ended non-finite, or far above both its start and the mean baseline."""
    if curve.non_finite or not len(curve.losses):
        return True
    level = abs(curve.level(float(curve.times[-1])))
    reference = reference_loss(trace, curve)
    recovering = gain >= _RECOVERING * level and level <= _BLOWN_UP * reference
    return level > _ENDED_ABOVE * reference and not recovering


def _still_falling(curve: Curve, *, got: Learned, gain: float) -> bool:
    """Whether as many steps again would take off a share of what is left that matters."""
    return bool(len(curve.losses)) and gain > _STILL_FALLING * got.left * abs(curve.final)


def _outcome_at_rest(trace: Trace, curve: Curve, *, got: Learned, gain: float) -> Outcome:
    """Converged or stalled, for a run whose loss no longer falls; improving where it only began."""
    ending, r_squared = trace.ending, got.r_squared
    if _only_began(trace, curve, r_squared=r_squared, gain=gain):
        return Outcome.IMPROVING
    if got.good:
        return Outcome.CONVERGED
    if ending is None or not _has_curvature(trace):
        if r_squared is None or rate_ran_out(trace):
            return Outcome.FLAT
        return Outcome.CONVERGED if r_squared >= _FAILED else Outcome.STALLED
    decrement, largest = ending.newton_decrement or 0.0, ending.largest_eigenvalue or 0.0
    smallest = 0.0 if ending.smallest_eigenvalue is None else ending.smallest_eigenvalue
    settled = decrement <= _GAIN_TAKEN * abs(curve.final) and smallest >= -_FLAT * largest
    if r_squared is not None and r_squared < _NO_R_SQUARED:
        settled = settled and smallest > _STRICT * largest
    return Outcome.CONVERGED if settled else Outcome.STALLED


def _only_began(trace: Trace, curve: Curve, *, r_squared: float | None, gain: float) -> bool:
    """Whether a run has left its start, has more in reach, and was too short to get there.

    That is one of few steps that beats a constant, or one whose weights have moved less than half
    their length and whose loss still falls a little.
    """
    ending = trace.ending
    if ending is None or ending.reason == "converged" or not _has_curvature(trace):
        return False
    if not (ending.newton_decrement or 0.0) > _GAIN_TAKEN * abs(curve.final):
        return False
    if trace.steps < _FEW:
        return r_squared is not None and r_squared > _NO_R_SQUARED and curve.final < curve.initial
    moved = path(trace) if "update_ratio" in trace.series else np.nan
    return bool(0 < moved < _HARDLY_MOVED and gain > _FALLS * abs(curve.final))


def _has_curvature(trace: Trace) -> bool:
    """Whether the Newton decrement was measured and means something.

    It does not for absolute errors, which are straight, where nothing curves upwards, and where
    steps drop values: they lead to the minimum of another loss.
    """
    ending = trace.ending
    if any(layer.dropout for layer in trace.facts.layers):
        return False
    if ending is None or ending.newton_decrement is None or ending.largest_eigenvalue is None:
        return False
    return ending.largest_eigenvalue > 0 and trace.facts.loss != "mean_absolute_error"


def _numbers(trace: Trace, course: RunSummary) -> dict[str, float]:
    """Everything behind the outcome that is a finite number."""
    curve, blow_up, turn = course.curve, course.growth, turn_of(trace)
    curved = trace.ending if _has_curvature(trace) else None
    numbers = {
        "initial_loss": curve.initial,
        "final_loss": curve.final,
        "best_loss": curve.best,
        "baseline_loss": trace.facts.baseline_loss,
        "r_squared": course.r_squared,
        "validation_r_squared": validation_r_squared(trace),
        "validation_best_step": None if turn is None else turn.steps[0],
        "attainable": course.attainable,
        "shortfall": course.shortfall,
        "expected_gain": course.expected_gain,
        "newton_decrement": curved.newton_decrement if curved else None,
        "smallest_eigenvalue": curved.smallest_eigenvalue if curved else None,
        "largest_eigenvalue": curved.largest_eigenvalue if curved else None,
        "onset_step": blow_up.onset if blow_up else None,
        "growth_per_step": blow_up.factor if blow_up else None,
        "peak_loss": blow_up.top if blow_up else None,
    }
    known = {name: float(x) for name, x in numbers.items() if x is not None and np.isfinite(x)}
    return known | class_numbers(trace)

"""One training of one config, measured on a scale that other losses and scalings share."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nndiag.analysis.reference_fit import ReferenceFit
from nndiag.arrays import FloatArray
from nndiag.detectors import course_of
from nndiag.diagnosis import diagnose
from nndiag.experiment import Experiment
from nndiag.experiment.building import Built, build
from nndiag.finding import Diagnosis, Outcome, Severity
from nndiag.nn.network import examples, predicted
from nndiag.trace import Trace
from nndiag.training import Progress, TrainingResult, train
from nndiag.training.reference import END
from nndiag.training.stored_run import (
    keep_parameters,
    named_parameters,
    recorded,
    recorded_seconds,
    recorder_of,
)

WORST_ERROR = 10.0
"""Error of a run that diverged; no other counts as worse."""

_ON_A_GOOD_WAY = 0.25  # error below which a run that still improves without findings is healthy
_HARDLY_WRONG = 0.05  # … or share of the mistakes of always naming the most frequent class


class OutOfTimeError(Exception):
    """The time for a run is over."""


@dataclass(frozen=True, eq=False)
class Run:
    """One training and what is said about it.

    Attributes:
        experiment: What was trained.
        built: The same, built.
        trace: The record.
        diagnosis: What is said about it.
        parameters: The last parameters, shape (P,).
        good: Whether it learned what there is to learn, by the diagnosis of its own loss.
        score: Share of the targets' variance that the predictions explain, see `score_of`; None
            where it is not defined or not finite.
        accuracy: Share of examples whose class is right, see `accuracy_of`; None where targets are
            not classes.
        seconds: Time that it took.
    """

    experiment: Experiment
    built: Built
    trace: Trace
    diagnosis: Diagnosis
    parameters: FloatArray
    good: bool
    score: float | None
    accuracy: float | None
    seconds: float

    @property
    def loss(self) -> float:
        """Loss over all training examples at the end."""
        ending = self.trace.ending
        return ending.loss if ending is not None else float(self.trace.loss[-1])

    @property
    def error(self) -> float:
        """Share of the variance that is left unexplained, at most `WORST_ERROR`."""
        if self.diagnosis.outcome is Outcome.DIVERGED or self.score is None:
            return WORST_ERROR
        return min(1 - self.score, WORST_ERROR)

    @property
    def noise(self) -> float:
        """Share of the variance that no model explains, by the data; 0 where that is not known."""
        return 1 - self.diagnosis.numbers.get("attainable", 1.0)

    @property
    def chance(self) -> float:
        """By how much its error may differ on other validation examples; 0 where there are none.

        A variance estimated from n values is off by √(2/n); by twice that in one of 20 cases.
        """
        if self.built.validation is None:
            return 0.0
        return 2 * self.error * float(np.sqrt(2 / len(self.built.validation[1])))

    @property
    def could_know_by_heart(self) -> bool:
        """Whether it has as many parameters as numbers to fit, and no validation examples."""
        return (
            self.built.validation is None and self.built.shape.size >= self.built.training[1].size
        )

    @property
    def problems(self) -> frozenset[str]:
        """Problems that were found and are more than notes."""
        findings = self.diagnosis.findings
        return frozenset(x.problem for x in findings if x.severity is not Severity.NOTE)

    @property
    def needs_cure(self) -> bool:
        """Whether anything is wrong with it."""
        return self.diagnosis.cause is not None or self.diagnosis.failing or not self.well

    @property
    def well(self) -> bool:
        """Whether it learned what there is to learn, or is on a good way there."""
        improving = self.diagnosis.outcome is Outcome.IMPROVING and not self.problems
        return self.good or (improving and (self.error <= _ON_A_GOOD_WAY or self.tells_classes))

    @property
    def tells_classes(self) -> bool:
        """Whether nearly every example is put into its class, however sure the network is of it."""
        if self.accuracy is None:
            return False
        return 1 - self.accuracy <= _HARDLY_WRONG * (1 - _most_frequent(self.built))


def measured(
    experiment: Experiment,
    *,
    deadline: float = np.inf,
    progress: Callable[[Progress], None] | None = None,
    folder: Path | None = None,
    read_only: bool = False,
) -> Run:
    """Train a config and diagnose the run, or take over what was recorded of it.

    Args:
        experiment: What to train.
        deadline: When it has to be over, as `time.monotonic` counts.
        progress: Called about ten times a second.
        folder: Where it is recorded while it goes on, with a number behind it where that is taken;
            what stands there already, whole, is not trained again.
        read_only: Whether nothing else is trained.

    Raises:
        OutOfTimeError: The deadline came first, or it was not recorded and is not to be trained.
        KeyboardInterrupt: Ctrl-C.
    """
    start = time.monotonic()

    def watch(now: Progress) -> None:
        if time.monotonic() > deadline:
            raise OutOfTimeError
        if progress is not None:
            progress(now)

    built = build(experiment)
    known = None if folder is None else recorded(experiment, built, folder)
    if known is None and read_only:
        raise OutOfTimeError
    result = known or _trained(experiment, built, folder, watch)
    seconds = time.monotonic() - start if known is None else recorded_seconds(known)
    wanted = experiment.config.diagnosis
    diagnosis = diagnose(result.trace, thresholds=wanted.thresholds, ignore=wanted.ignore)
    return run_of(experiment, built, result, diagnosis, seconds=seconds)


def _trained(
    experiment: Experiment,
    built: Built,
    folder: Path | None,
    watch: Callable[[Progress], None],
) -> TrainingResult:
    """The training, recorded where there is a folder.

    Raises:
        OutOfTimeError, KeyboardInterrupt: As `measured`.
    """
    recorder, place = recorder_of(experiment, built, folder)
    try:
        result = train(built, recorder, progress=watch)
    finally:
        recorder.close()
    ending = result.trace.ending
    if ending is None or ending.reason == "interrupted":
        raise KeyboardInterrupt
    if place is not None:
        keep_parameters(place, named_parameters(built, result.parameters))
    return result


def run_of(
    experiment: Experiment,
    built: Built,
    result: TrainingResult,
    diagnosis: Diagnosis,
    *,
    seconds: float,
) -> Run:
    """A training that was already made and diagnosed, measured.

    Args:
        experiment: What was trained.
        built: The same, built.
        result: The training.
        diagnosis: What is said about it.
        seconds: Time that it took.
    """
    return Run(
        experiment=experiment,
        built=built,
        trace=result.trace,
        diagnosis=diagnosis,
        parameters=result.parameters,
        good=course_of(result.trace).good,
        score=score_of(built, result.parameters),
        accuracy=accuracy_of(built, result.parameters),
        seconds=seconds,
    )


def with_reference(run: Run, fit: ReferenceFit) -> Run:
    """A run diagnosed again with what its network can reach."""
    ending = run.trace.ending
    if ending is None or not np.isfinite(ending.loss):
        return run
    known = replace(ending, reference_loss=fit.loss, reference_loss_from_end=fit.losses.get(END))
    trace = replace(run.trace, ending=known)
    wanted = run.experiment.config.diagnosis
    diagnosis = diagnose(trace, thresholds=wanted.thresholds, ignore=wanted.ignore)
    return replace(run, trace=trace, diagnosis=diagnosis)


def score_of(built: Built, parameters: FloatArray) -> float | None:
    """Explained share of the variance of the raw targets: 1 − Σ(p − y)² / Σ(y − ȳ)².

    The mean over the target columns that vary; on whichever of the training and the held-out
    examples it is smaller. It does not depend on the loss, its reduction, the scaling of the
    targets or the encoding of classes, so that runs that differ in them can be compared.
    """
    return _smallest(_explained(built, parameters, *part) for part in _parts(built))


def accuracy_of(built: Built, parameters: FloatArray) -> float | None:
    """Share of examples whose class is predicted; None where targets are not classes.

    On whichever of the training and the validation examples it is smaller.
    """
    values = np.unique(built.target_scaling.undo(built.training[1]))
    if len(values) != 2:
        return None
    return _smallest(_right(built, parameters, *part, values=values) for part in _parts(built))


def _most_frequent(built: Built) -> float:
    """Share of the training examples that are of the most frequent of two or more classes."""
    raw = built.target_scaling.undo(built.training[1])
    shares = (raw > (raw.min() + raw.max()) / 2).mean(axis=0)  # (O,)
    return float(max(shares[0], 1 - shares[0]) if len(shares) == 1 else shares.max())


def _parts(built: Built) -> list[tuple[FloatArray, FloatArray]]:
    """The training examples and those held out."""
    return [built.training] if built.validation is None else [built.training, built.validation]


def _smallest(shares: Iterable[float | None]) -> float | None:
    return min((share for share in shares if share is not None), default=None)


def _right(
    built: Built,
    parameters: FloatArray,
    inputs: FloatArray,
    targets: FloatArray,
    *,
    values: FloatArray,
) -> float | None:
    """Share of examples whose class, one of two values or the largest column, is predicted."""
    with np.errstate(all="ignore"):
        predictions, raw = _raw(built, parameters, inputs, targets)
    if not np.isfinite(predictions).all():
        return None
    if raw.shape[1] > 1 and ((raw == values[1]).sum(axis=1) == 1).all():
        right = predictions.argmax(axis=1) == raw.argmax(axis=1)
    else:
        middle = values.mean()
        right = (predictions > middle) == (raw > middle)
    return float(np.mean(right))


def _explained(
    built: Built, parameters: FloatArray, inputs: FloatArray, targets: FloatArray
) -> float | None:
    with np.errstate(all="ignore"):
        predictions, raw = _raw(built, parameters, inputs, targets)
        spread = ((raw - raw.mean(axis=0)) ** 2).sum(axis=0)
        shares = 1 - ((predictions - raw) ** 2).sum(axis=0) / spread
    varies = spread > 0
    share = float(shares[varies].mean()) if varies.any() else np.nan
    return share if np.isfinite(share) else None


def _raw(
    built: Built, parameters: FloatArray, inputs: FloatArray, targets: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Predictions and targets on the scale of the data set, both (B, O)."""
    data = examples(built.shape, inputs, targets)
    outputs = predicted(built.shape, parameters, data).T
    return built.target_scaling.undo(outputs), built.target_scaling.undo(targets)

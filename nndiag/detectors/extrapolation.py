"""The network is asked about inputs of a kind that it was never shown.

What it sees
    Validation examples that lie where no training example is, or whose targets lie on another
    level, and a run that is right on the training examples and wrong on these.

Why it matters
    A network is fitted where the examples are. Beyond them nothing holds it: bounded activations
    level off, ReLU and its kin go on as straight lines, and neither follows a sine or a parabola.
    More training of the same examples does not change that.

Fires when
    Most validation examples are more than twice as far from their nearest training example as
    nearly all training examples are from theirs, or more than half of their squared error is one
    offset, beyond four standard errors, as where targets drift with time. The run explains at
    least `learned` of the training targets; and the mean squared error of those examples is above
    `missed` of the variance of their own targets or of the training targets, whichever is smaller,
    but `missed`² of the latter in any case, and more than `apart` times that of the training
    examples.

Silent when
    There are no validation examples, or they lie among the training examples, as those drawn at
    random do (see `overfitting`); the run did not learn; it is right on them, too.

Thresholds
    learned = 0.5, missed = 0.1, apart = 4: ours; a network that goes on well beyond its examples is
    no more than two or three times as far off there.

Fixes
    Examples from the range that is asked about; inputs in which that range is no new one (an angle
    instead of a time, a logarithm, a difference); a model with the right form. Of a drift: the
    change as the target, or the time among the inputs.

Source
    Barnard and Wessels 1992, Extrapolation and interpolation in neural network classifiers; Xu et
    al. 2021, How neural networks extrapolate, sec. 3: ReLU networks become linear along every
    direction. The thresholds are ours.
"""

import numpy as np
from numpy.typing import NDArray

from nndiag.arrays import FloatArray
from nndiag.bounds import Positive, Share
from nndiag.detectors.contract import Findings, Stage, detector
from nndiag.detectors.held_out import apart_of, lie_apart, offset_of
from nndiag.detectors.run_summary import course_of
from nndiag.finding import Evidence, Finding, Outcome, Severity
from nndiag.formatting import number, percent
from nndiag.trace import Trace

PROBLEM = "extrapolation"
_STRAIGHT = frozenset({"relu", "leaky_relu", "elu", "gelu", "softplus"})


@detector(
    PROBLEM,
    stage=Stage.HELD_OUT,
    headline="asked outside its examples",
    facts=("inputs", "targets", "validation_inputs", "validation_targets"),
    ending=("predictions", "validation_predictions"),
)
def extrapolation(
    trace: Trace, *, learned: Share = 0.5, missed: Positive = 0.1, apart: Positive = 4.0
) -> Findings:
    """The network is asked about inputs of a kind that it was never shown."""
    facts, ending = trace.facts, trace.ending
    offset, far = offset_of(trace), apart_of(trace)
    if ending is None or not (lie_apart(trace) or offset is not None):
        return []
    inside = _squared_error(ending.predictions, facts.targets)
    outside = _squared_error(ending.validation_predictions, facts.validation_targets)
    if inside is None or outside is None or course_of(trace).outcome is Outcome.DIVERGED:
        return []
    assert facts.targets is not None
    variance = float(facts.targets.var(axis=0).sum())
    assert facts.validation_targets is not None
    if far is None or not lie_apart(trace):
        far = np.ones(len(outside), bool)
    own = float(facts.validation_targets[far].var(axis=0).sum())
    here, there = float(inside.mean()), float(outside[far].mean())
    limit = max(missed * min(variance, own), missed**2 * variance, apart * here)
    if not (here <= (1 - learned) * variance and there > limit):
        return []
    message = _where(trace, far) + (
        f"; the mean squared error is {number(there)} there and {number(here)} on the training "
        f"examples{_shape_words(trace)}"
    )
    evidence = Evidence("validation_predictions", there, limit, measure="squared error")
    return [Finding(PROBLEM, Severity.WARNING, message, evidence=(evidence,))]


def _where(trace: Trace, far: NDArray[np.bool_]) -> str:
    """What kind the validation examples are of."""
    offset = offset_of(trace)
    if lie_apart(trace) or offset is None:
        share = percent(float(far.mean()))
        where = "of the validation examples lie where no training example is"
        return f"{share} {where}{_range_words(trace)}"
    largest = float(offset[np.abs(offset).argmax()])
    side = "above" if largest > 0 else "below"
    return (
        f"the targets of the validation examples lie {number(abs(largest))} {side} what is "
        "predicted of them, in the mean, though such inputs were shown: the targets drift, or what "
        "parts the examples is no input"
    )


def _squared_error(predictions: FloatArray | None, targets: FloatArray | None) -> FloatArray | None:
    """Of each example, summed over the outputs, shape (B,); None where it cannot be had."""
    if predictions is None or targets is None or predictions.shape != targets.shape:
        return None
    error = ((predictions - targets) ** 2).sum(axis=1)
    return np.asarray(error) if np.isfinite(error).all() else None


def _range_words(trace: Trace) -> str:
    """The column that leaves the training range most, where one does."""
    inputs, others = trace.facts.inputs, trace.facts.validation_inputs
    assert inputs is not None
    assert others is not None
    low, high = inputs.min(axis=0), inputs.max(axis=0)
    width = np.where(high > low, high - low, 1.0)
    beyond = np.maximum(low - others.min(axis=0), others.max(axis=0) - high) / width
    column = int(beyond.argmax())
    if beyond[column] <= 0:
        return ""
    name = f"input {column + 1}" if inputs.shape[1] > 1 else "the input"
    return (
        f" ({name} was shown from {number(low[column])} to {number(high[column])}, and is asked "
        f"from {number(others[:, column].min())} to {number(others[:, column].max())})"
    )


def _shape_words(trace: Trace) -> str:
    """What the hidden activations do beyond the examples."""
    hidden = trace.facts.layers[:-1] if lie_apart(trace) else ()
    if hidden and all(np.isfinite(layer.low) and np.isfinite(layer.high) for layer in hidden):
        return f": {hidden[0].activation} units level off there"
    if hidden and all(layer.activation in _STRAIGHT for layer in hidden):
        return f": {hidden[0].activation} units go on as straight lines there"
    return ""

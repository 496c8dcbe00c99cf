"""The network is too small: no optimizer and no start gets it where the data lead.

What it sees
    A run whose network a strong optimizer does not fit much better, from any of several starts,
    although the data allow more.

Why it matters
    Each hidden unit adds one bend. With too few of them the best function that the network can draw
    is still wrong, and no setting of the training changes that.

Fires when
    The run did not learn, though its loss may still fall, the best fit of all starts keeps half of
    its loss or more, and that fit explains less of the targets than the data allow, by more than
    `gap`.

Silent when
    The run learned or diverged; its validation loss rises while its training loss falls: more units
    would learn still more by heart; a strong optimizer gets much further; there is no
    hidden layer, or one with `wide` units or more in every layer; all hidden layers are linear and
    none is narrower than inputs and outputs (see `no-nonlinearity`), or some layer has no biases
    (see `missing-biases`): then units are not what is missing; no reference fit was made.

Thresholds
    gap = 0.2: the estimate of what the data allow errs by 0.15; wide = 32: more
    units than the tasks that a minute's training can learn need.

Fixes
    More units in the hidden layers; another hidden layer.

Source
    Cybenko 1989, Approximation by superpositions of a sigmoidal function: enough units suffice.
    The thresholds are ours.
"""

from nndiag.bounds import Count, Share
from nndiag.detectors.contract import Findings, Stage, detector
from nndiag.detectors.held_out import turn_of
from nndiag.detectors.reference import reference_of
from nndiag.detectors.run_summary import course_of
from nndiag.detectors.underway import impairment
from nndiag.finding import Evidence, Finding, Outcome
from nndiag.trace import Trace

PROBLEM = "too-few-units"


@detector(
    PROBLEM,
    stage=Stage.CAPACITY,
    explained_by=Stage.LENGTH.and_earlier(),
    by_exclusion=True,
    facts=("layers", "baseline_loss"),
    ending=("reference_loss",),
)
def too_few_units(trace: Trace, *, gap: Share = 0.2, wide: Count = 32) -> Findings:
    """The network is too small: no optimizer and no start gets it where the data lead."""
    course, reference = course_of(trace), reference_of(trace)
    hidden, severity = trace.facts.layers[:-1], impairment(course)
    if severity is None or course.outcome is Outcome.DIVERGED or turn_of(trace) is not None:
        return []
    if not hidden or min(layer.units for layer in hidden) >= wide or _lacks_more(trace):
        return []
    if reference is None or reference.further or reference.r_squared is None:
        return []
    r_squared = reference.r_squared
    if course.attainable - r_squared <= gap:
        return []
    units = "-".join(str(layer.units) for layer in hidden)
    noun = "unit" if units == "1" else "units"
    return [
        Finding(
            PROBLEM,
            severity,
            f"in the work of a few such runs a strong optimizer fits this network ({units} hidden "
            f"{noun}) no better than to an R² of {r_squared:.2f}, from any of its starts; the data "
            f"allow about {course.attainable:.2f}",
            evidence=(
                Evidence("reference_loss", r_squared, course.attainable - gap, measure="r_squared"),
            ),
        )
    ]


def _lacks_more(trace: Trace) -> bool:
    """Whether the network misses something that no number of units stands for."""
    layers, inputs = trace.facts.layers, trace.facts.inputs
    if not all(layer.bias for layer in layers):
        return True
    if any(layer.activation != "linear" for layer in layers[:-1]):
        return False
    outer = min(layers[-1].units, inputs.shape[1] if inputs is not None else layers[-1].units)
    return min(layer.units for layer in layers[:-1]) >= outer

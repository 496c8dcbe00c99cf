"""Inputs are far from mean 0 and size 1.

What it sees
    Input columns as the network gets them: far too large or small, far off centre for their
    spread, or of very different sizes.

Why it matters
    Curvature grows with the square of the inputs: large ones force a small learning rate and drive
    sigmoids and tanhs to their flat ends; different sizes make some directions steep and others
    flat, so that no single rate suits.

Fires when
    In a run that did not learn, some column's root mean square exceeds `size` or is below its
    inverse squared, or its mean is more than `offset` of its std from 0, or the columns'
    std differ by more than `disparity`. Columns within 1 in size count as off centre only
    where half of all columns are: they make nothing steep, and the others tell the examples apart.

Silent when
    The run learned; columns are constant (no information) or hold two values (indicators) of
    ordinary size; the first layer has batch normalisation; a single layer has come to the minimum
    of its loss, which is no lower for scaled columns; columns are a little off, and a strong
    optimizer gets the network no further from any start. Columns that seldom differ from 0, as
    pixels do, are in the unit of the largest range.

Thresholds
    size = 3, offset = 3, disparity = 30: ours. Standardised columns have size 1; the range from
    −π to π has 1.8, which trains well; 0 to 15 has 8.7, which does not.

Fixes
    Standardised inputs; min-max scaling; inputs divided by their std, not their variance.

Source
    LeCun et al. 1998, Efficient BackProp, sec. 4.3.
"""

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.bounds import Positive
from nndiag.detectors.contract import Findings, Stage, detector
from nndiag.detectors.reference import reference_of
from nndiag.detectors.run_summary import course_of
from nndiag.detectors.settings import first_is_normalised
from nndiag.detectors.underway import shortness
from nndiag.finding import Evidence, Finding, Outcome, Skipped
from nndiag.formatting import number, rough
from nndiag.trace import Trace

PROBLEM = "unscaled-inputs"
_INDICATOR = 30.0  # largest size of a column of two values that is taken as an indicator
_RANGE = 6.0  # deviations; a column that seldom differs from 0 has the unit of its range
_SELDOM = 0.5  # share of zeros
_RARE = 0.05  # share of columns that may be nearly constant, as at the edge of a picture
_MILD = 10.0  # size or offset of inputs that networks learn, if slowly; ours
_STEEPER, _STEEPER_IF_MILD = 10.0, 0.5  # ours: deep networks on scaled inputs reach 6
"""By this factor, times the square of their size, inputs lower the largest stable rate.

λ_max grows with the square of the inputs, times what deep networks add to it, and with less than
the square where they are only a little off scale: then other layers are as steep as the first.
"""


@detector(PROBLEM, stage=Stage.SCALE, facts=("inputs",))
def unscaled_inputs(
    trace: Trace, *, size: Positive = 3.0, offset: Positive = 3.0, disparity: Positive = 30.0
) -> Findings:
    """Inputs are far from mean 0 and size 1."""
    course, inputs = course_of(trace), trace.facts.inputs
    severity = shortness(course)
    if first_is_normalised(trace):
        return Skipped(PROBLEM, "the first layer is normalised, whatever the size of its inputs")
    if inputs is None or severity is None or not np.isfinite(inputs).all():
        return []
    fault = scale_fault(inputs, size=size, offset=offset, disparity=disparity)
    if fault is None:
        return []
    message, evidence = fault
    mild = evidence.limit is not None and evidence.limit < evidence.observed <= _MILD
    if course.outcome is Outcome.CONVERGED and (_is_single(trace) or (mild and _is_fitted(trace))):
        return []
    steeper = _STEEPER_IF_MILD if mild else _STEEPER
    return [
        Finding(
            PROBLEM,
            severity,
            message,
            evidence=(evidence,),
            mild=mild,
            explains_up_to=steeper * max(evidence.observed, 1 / evidence.observed) ** 2,
        )
    ]


def _is_single(trace: Trace) -> bool:
    return len(trace.facts.layers) == 1


def _is_fitted(trace: Trace) -> bool:
    """Whether a strong optimizer gets the network no further from any start."""
    reference = reference_of(trace)
    return reference is not None and not reference.further


def steeper_by_inputs(trace: Trace) -> float:
    """By which factor inputs that are off scale lower the largest stable rate, at most; else 1."""
    found = unscaled_inputs(trace)
    return 1.0 if isinstance(found, Skipped) or not found else max(found[0].explains_up_to, 1.0)


def scale_fault(
    inputs: FloatArray, *, size: float = 3.0, offset: float = 3.0, disparity: float = 30.0
) -> tuple[str, Evidence] | None:
    """What is wrong with the columns (B, D), in words and as a number; the gravest first."""
    columns = [c for c in inputs.T if len(np.unique(c)) > 2 or _is_far_off(c)]
    if not columns:
        return None
    sizes = np.array([np.sqrt(np.mean(c**2)) for c in columns])
    deviations = np.array([c.std() for c in columns])
    offsets = np.abs([c.mean() for c in columns]) / deviations
    if sizes.max() > size:
        message = f"inputs are large: root mean square {number(sizes.max())}"
        return message, Evidence("inputs", float(sizes.max()), size, measure="root mean square")
    if sizes.max() < size**-2:
        message = f"inputs are tiny: root mean square {rough(sizes.max())}"
        return message, Evidence("inputs", float(sizes.max()), size**-2, measure="root mean square")
    ranges = np.array([np.ptp(c) for c in columns])
    seldom = np.array([np.mean(c == 0) > _SELDOM for c in columns])  # one unit, as of pixels
    units = np.maximum(deviations, np.where(seldom, ranges.max(), ranges) / _RANGE)
    spread = float(units.max() / np.quantile(units, _RARE, method="lower"))
    if spread > disparity:
        message = f"the inputs' std differ by a factor of {number(spread)}"
        return message, Evidence("inputs", spread, disparity, measure="disparity")
    off = float(max(np.median(offsets), np.where(sizes > 1, offsets, 0.0).max()))
    if off > offset:
        message = f"the inputs' mean is {number(off)} std from 0"
        return message, Evidence("inputs", off, offset, measure="offset")
    return None


def _is_far_off(column: FloatArray) -> bool:
    """Whether a column of two values is too large or too small for an indicator."""
    size = float(np.sqrt(np.mean(column**2)))
    return bool(np.ptp(column) > 0) and not 1 / _INDICATOR <= size <= _INDICATOR

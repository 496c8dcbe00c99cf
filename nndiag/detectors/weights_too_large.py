"""The initial weights are far too large for the width of their layers.

What it sees
    A layer whose weights start with several times the root mean square that keeps signals at their
    size; or whose weights have so far one sign that they add up where others cancel, as numbers
    drawn from 0 to 1 do.

Why it matters
    Bounded units start at their flat ends and pass no gradient. In unbounded ones signals and
    gradients grow by a factor per layer, and the curvature with their square, so that an ordinary
    learning rate is above the stability limit.

Fires when
    In a run that did not learn, some layer's weights start above `ratio` × He's std, or their
    mean passes on above `ratio` × what such weights pass on of any signal. If the rate is above its
    stability limit, it is by no more than a quarter of the squared ratios, multiplied over the
    layers that are too large, and by what inputs that are off scale account for.

Silent when
    The run learned; all weights of a layer are equal (see `identical-units`); a rate that is
    further above the stability limit than the weights explain.

Thresholds
    ratio = 3: ours. He's are the largest of the usual weights; weights drawn uniformly from −1 to 1
    reach 3 at 50 inputs, from 0 to 1 in 16 units with 16 inputs. The curvature grows with the
    squared weights, at most; a quarter of that is what it does for one tanh layer of 10 to 100
    units. Weights of one sign behind rectified units, whose values have one sign too, raise it
    more: 0.7 of what they could pass on is taken for each such layer.

Fixes
    Glorot, LeCun or He weights.

Source
    Glorot and Bengio 2010; He et al. 2015, Delving deep into rectifiers, sec. 2.2.
"""

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.bounds import Positive
from nndiag.detectors.contract import Findings, Stage, detector
from nndiag.detectors.run_summary import course_of
from nndiag.detectors.starting_weights import (
    all_equal,
    common_part_over_he,
    mean_over_he,
    over_he,
)
from nndiag.detectors.underway import impairment
from nndiag.detectors.unscaled_inputs import steeper_by_inputs
from nndiag.finding import Evidence, Finding
from nndiag.formatting import number
from nndiag.trace import Trace

PROBLEM = "weights-too-large"
_SHARE_PASSED_ON = 0.7  # of what weights of one sign could pass on behind rectified units


@detector(PROBLEM, stage=Stage.START, facts=("initial_weights", "layers"))
def weights_too_large(trace: Trace, *, ratio: Positive = 3.0) -> Findings:
    """The initial weights are far too large for the width of their layers."""
    severity = impairment(course_of(trace))
    sizes, common = over_he(trace), common_part_over_he(trace)
    ratios = np.maximum(sizes, common)
    if severity is None or all_equal(trace) or not (ratios > ratio).any():
        return []
    column = int(np.argmax(ratios))
    observed, layer = float(ratios[column]), trace.facts.layers[column].name
    if _excess(trace) > steeper_by_inputs(trace) * _explained_excess(trace, ratios):
        return []
    weights = trace.facts.initial_weights[column]
    if common[column] > sizes[column]:
        start = f"with a mean of {number(weights.mean())} and add up to"
    else:
        start = f"at a size of {number(np.sqrt(np.mean(weights**2)))},"
    return [
        Finding(
            PROBLEM,
            severity,
            f"the weights of {layer} start {start} {number(observed)} × what suits "
            f"{weights.shape[1]} inputs",
            evidence=(
                Evidence("initial_weights", observed, ratio, layer, measure="relative size"),
            ),
            layer=layer,
        )
    ]


def _explained_excess(trace: Trace, ratios: FloatArray) -> float:
    """How far above its stability limit a rate can come by such weights (L,) alone; at least 1."""
    behind = [layer.low >= 0 and not np.isfinite(layer.high) for layer in trace.facts.layers[:-1]]
    aligned = np.where([False, *behind], _SHARE_PASSED_ON * mean_over_he(trace), 1.0)
    return max(0.25 * float(np.prod(np.maximum(np.maximum(ratios, aligned), 1.0) ** 2)), 1.0)


def _excess(trace: Trace) -> float:
    """The rate over its stability limit before the first step; 0 where that is not known."""
    rate, stability_limit = trace.facts.learning_rate, trace.facts.stability_limit
    return 0.0 if rate is None or not stability_limit else rate / stability_limit

"""The initial weights are far too large for the width of their layers.

What it sees
    A layer whose weights start with several times the root mean square that keeps signals at their
    size.

Why it matters
    Bounded units start at their flat ends and pass no gradient. In unbounded ones signals and
    gradients grow by a factor per layer, and the curvature with their square, so that an ordinary
    learning rate is above the ceiling.

Fires when
    In a run that did not learn, some layer's weights start above `ratio` × He's deviation. If the
    rate is above its ceiling, it is by no more than a quarter of the squared ratios, multiplied
    over the layers that are too large.

Silent when
    The run learned; all weights of a layer are equal (see `identical-units`); a rate that is
    further above the ceiling than the weights explain.

Thresholds
    ratio = 3: ours. He's are the largest of the usual weights; weights drawn uniformly from −1 to 1
    reach 3 at 50 inputs. The curvature grows with the squared weights, at most; a quarter of that
    is what it does for one tanh layer of 10 to 100 units.

Remedies
    Glorot, LeCun or He weights.

Source
    Glorot and Bengio 2010; He et al. 2015, Delving deep into rectifiers, sec. 2.2.
"""

import numpy as np

from nndiag.detectors.contract import Findings, detector
from nndiag.detectors.course import course_of
from nndiag.detectors.starting_weights import all_equal, over_he
from nndiag.detectors.underway import impairment
from nndiag.finding import Evidence, Finding
from nndiag.registry import Positive
from nndiag.trace import Trace

PROBLEM = "weights-too-large"


@detector(PROBLEM, facts=("initial_weights", "layers"))
def weights_too_large(trace: Trace, *, ratio: Positive = 3.0) -> Findings:
    """The initial weights are far too large for the width of their layers."""
    severity = impairment(course_of(trace))
    ratios = over_he(trace)
    if severity is None or all_equal(trace) or not (ratios > ratio).any():
        return []
    column = int(np.argmax(ratios))
    observed, layer = float(ratios[column]), trace.facts.layers[column].name
    explained = 0.25 * float(np.prod(np.maximum(ratios, 1.0) ** 2))
    if _excess(trace) > max(explained, 1.0):
        return []
    weights = trace.facts.initial_weights[column]
    size = float(np.sqrt(np.mean(weights**2)))
    return [
        Finding(
            PROBLEM,
            severity,
            f"the weights of {layer} start at a size of {size:.3g}, {observed:.3g} × what suits "
            f"{weights.shape[1]} inputs",
            evidence=(Evidence("initial_weights", observed, ratio, layer),),
            layer=layer,
            remedies=("network.initializer=glorot_uniform", "network.initializer=he_normal"),
        )
    ]


def _excess(trace: Trace) -> float:
    """The rate over its ceiling before the first step; 0 where that is not known."""
    rate, ceiling = trace.facts.learning_rate, trace.facts.stability_ceiling
    return 0.0 if rate is None or not ceiling else rate / ceiling

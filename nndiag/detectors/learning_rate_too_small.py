"""The learning rate is so small that the run has hardly left its start.

What it sees
    A rate, as configured or after decay, that is a tiny fraction of the largest stable one, or, for
    optimizers that scale their steps, steps that are a tiny fraction of the weights; and weights
    that have moved less than their own length.

Why it matters
    The loss looks flat because nothing moves. A run of the same length at an ordinary rate would
    have arrived.

Fires when
    The run ended far from what the data allow, its weights moved less than `moved` of their length
    (with a rate that decays: would have, had they moved all along as in the second half; where they
    start at zero: less than `moved` of a quadratic's way along its steepest direction), and the
    rate halfway through is below 1/`factor` of half the stability limit (times the share of the
    examples that a step sees, because small batches need smaller rates), or, without a stability
    limit, the typical step is below `step` of the weights. Where the rate has decayed to nothing by
    then, a run that ends only a little short of what the data allow is told of it, too.

Silent when
    The run learned or diverged, or its weights moved; no gradient reaches the weights, or most
    units of a layer, the last one included, are saturated from the start (then no rate helps).

Thresholds
    factor = 100: ours; healthy runs have rates from half the stability limit to a fiftieth of that.
    step = 1e-4: the lower end of what is usual. moved = 1: ours; random weights have to turn by
    about their own length to become others.

Fixes
    A rate near half the stability limit; `nndiag sweep-lr`.

Source
    LeCun et al. 1998, Efficient BackProp, sec. 5: the best rate is 1/λ_max. Step over weights:
    Karpathy 2015, CS231n, ratio of updates to weights.
"""

import numpy as np

from nndiag.bounds import Positive
from nndiag.detectors.contract import Findings, Stage, detector
from nndiag.detectors.movement import late_path, path, rates_at, step_per_rate
from nndiag.detectors.run_summary import course_of
from nndiag.detectors.underway import distance, shortness
from nndiag.detectors.unit_shares import begins_beyond
from nndiag.finding import Evidence, Finding
from nndiag.formatting import number, rough
from nndiag.trace import Trace

PROBLEM = "learning-rate-too-small"
_NOTHING = 1e-9  # of the configured rate: no weight moves any more
_DECAYED = 0.5  # of the configured rate halfway: what came before says little about the end


@detector(
    PROBLEM,
    stage=Stage.PACE,
    explained_by=(
        "loss-does-not-fit-output",
        "targets-outside-output-range",
        "unscaled-targets",
        "weights-too-large",
        "weights-too-small",
        "gradient-clipped-too-hard",
    ),
    series=("update_ratio",),
    facts=("learning_rate",),
)
def learning_rate_too_small(
    trace: Trace, *, factor: Positive = 100.0, step: Positive = 1e-4, moved: Positive = 1.0
) -> Findings:
    """The learning rate is so small that the run has hardly left its start."""
    severity, rate = distance(course_of(trace)), _halfway(trace)
    configured = trace.facts.learning_rate or 0.0
    if severity is None and rate < _NOTHING * configured:
        severity = shortness(course_of(trace))
    way = late_path(trace) if rate < _DECAYED * configured else path(trace)
    what = "move the weights by {} of their length"
    if np.isinf(way) and trace.facts.stability_limit:  # weights that start at zero
        way = 2 * trace.steps * rate / trace.facts.stability_limit
        what = "go {} of the way to the minimum, along the steepest direction"
    if (
        severity is None
        or not path(trace) > 0
        or not way < moved
        or begins_beyond(trace, "saturated_share")
    ):
        return []
    fault = _fault(trace, rate, factor=factor, step=step)
    if fault is None:
        return []
    message, evidence = fault
    return [
        Finding(
            PROBLEM,
            severity,
            f"{message}; {trace.steps:,} such steps {what.format(rough(way))}",
            evidence=(evidence, Evidence("path", observed=way, limit=moved)),
        )
    ]


def _fault(trace: Trace, rate: float, *, factor: float, step: float) -> tuple[str, Evidence] | None:
    """What is wrong with the rate halfway through, in words and as a number."""
    configured, stability_limit = trace.facts.learning_rate, trace.facts.stability_limit
    if configured is None:
        return None
    if rate < _NOTHING * configured:
        evidence = Evidence("learning_rate", observed=rate, limit=configured)
        message = f"the learning rate has decayed from {number(configured)} to next to nothing"
        return f"{message} by the middle of the run", evidence
    typical = step_per_rate(trace) * rate
    if not typical > 0:
        return None
    if stability_limit is not None:
        better = stability_limit / 2 * _seen(trace)
        evidence = Evidence("learning_rate", observed=rate, limit=better / factor)
        what = f"is far below half the stability limit, {number(stability_limit / 2)}"
        small = rate < better / factor
    else:
        evidence = Evidence("update_ratio", observed=typical, limit=step)
        what = f"moves the weights by {rough(typical)} of their length per step"
        small = typical < step
    name = f"learning rate {number(rate)}"
    if rate < _DECAYED * configured:
        name = f"the learning rate has decayed from {number(configured)} to {number(rate)}, which"
    return (f"{name} {what}", evidence) if small else None


def _halfway(trace: Trace) -> float:
    """The rate in force after half of the steps."""
    ends = trace.series["update_ratio"].steps[[0, -1]]
    return float(rates_at(trace, ends.mean(keepdims=True).astype(np.int64))[0])


def _seen(trace: Trace) -> float:
    """Share of the examples that a step sees; 1 where that is not known."""
    inputs, size = trace.facts.inputs, trace.facts.batch_size
    return 1.0 if inputs is None or not size else min(size / len(inputs), 1.0)

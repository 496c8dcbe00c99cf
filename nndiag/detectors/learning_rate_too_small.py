"""The learning rate is so small that the run has hardly left its start.

What it sees
    A rate, as configured or after decay, that is a tiny fraction of the largest stable one, or, for
    optimizers that scale their steps, steps that are a tiny fraction of the weights; and weights
    that have moved less than their own length.

Why it matters
    The loss looks flat because nothing moves. A run of the same length at an ordinary rate would
    have arrived.

Fires when
    The run ended far from what the data allow, its weights moved less than `moved` of their length,
    and the rate halfway through is below 1/`factor` of half the stability ceiling (times the share
    of the examples that a step sees, because small batches need smaller rates), or, without a
    ceiling, the typical step is below `step` of the weights.

Silent when
    The run learned or diverged, or its weights moved; no gradient reaches the weights (then no rate
    helps).

Thresholds
    factor = 100: ours; healthy runs have rates from half the ceiling to a fiftieth of that.
    step = 1e-4: the lower end of what is usual. moved = 1: ours; random weights have to turn by
    about their own length to become others.

Remedies
    A rate near half the ceiling; `nndiag sweep-lr`.

Source
    LeCun et al. 1998, Efficient BackProp, sec. 5: the best rate is 1/λ_max. Step over weights:
    Karpathy 2015, CS231n, ratio of updates to weights.
"""

import numpy as np

from nndiag.detectors.contract import Findings, detector
from nndiag.detectors.course import course_of
from nndiag.detectors.underway import distance, path, typical_step
from nndiag.finding import Evidence, Finding
from nndiag.registry import Positive
from nndiag.trace import Trace

PROBLEM = "learning-rate-too-small"


@detector(PROBLEM, series=("update_ratio",), facts=("learning_rate",))
def learning_rate_too_small(
    trace: Trace, *, factor: Positive = 100.0, step: Positive = 1e-4, moved: Positive = 1.0
) -> Findings:
    """The learning rate is so small that the run has hardly left its start."""
    severity = distance(course_of(trace))
    rate, ceiling = _halfway(trace), trace.facts.stability_ceiling
    way, typical = path(trace), typical_step(trace)
    if severity is None or rate is None or not 0 < way < moved or not typical > 0:
        return []
    if ceiling is not None:
        limit = ceiling / 2 * _seen(trace) / factor
        if rate >= limit:
            return []
        message = (
            f"learning rate {rate:g} is 1/{ceiling / 2 / rate:.2g} of half the stability ceiling"
        )
        evidence = Evidence("learning_rate", observed=rate, limit=limit)
        remedy = f"optimizer.learning_rate={ceiling / 2 * _seen(trace):.2g}"
    else:
        if typical >= step:
            return []
        message = (
            f"learning rate {rate:g} moves the weights by {typical:.1g} of their length per step"
        )
        evidence = Evidence("update_ratio", observed=typical, limit=step)
        remedy = f"optimizer.learning_rate={rate * 1e-2 / typical:.1g}"
    steps = f"in all {trace.steps:,} steps they moved by {way:.2g}"
    decayed = trace.facts.learning_rate is not None and rate < 0.5 * trace.facts.learning_rate
    decay = ("optimizer.decay=0",) if decayed else ()
    if ceiling is not None:
        steps = f"in all {trace.steps:,} steps the weights moved by {way:.2g} of their length"
    return [
        Finding(
            PROBLEM,
            severity,
            f"{message}; {steps}",
            evidence=(evidence, Evidence("path", observed=way, limit=moved)),
            remedies=(*decay, remedy, "optimizer.name=adam"),
        )
    ]


def _halfway(trace: Trace) -> float | None:
    """The rate in force after half of the steps; the configured one where that is not recorded."""
    rates = trace.series.get("learning_rate")
    if rates is None or not len(rates.steps) or not np.isfinite(rates.values).all():
        return trace.facts.learning_rate
    middle = (rates.steps[0] + rates.steps[-1]) / 2
    return float(np.interp(middle, rates.steps, rates.values))


def _seen(trace: Trace) -> float:
    """Share of the examples that a step sees; 1 where that is not known."""
    inputs, size = trace.facts.inputs, trace.facts.batch_size
    return 1.0 if inputs is None or not size else min(size / len(inputs), 1.0)

"""The network predicts the same for every input.

What it sees
    Predictions at the end of the run that hardly differ from example to example, while the targets
    do.

Why it matters
    A network that has learned only the mean of the targets does not use its inputs. Its loss looks
    settled, and is that of the mean baseline.

Fires when
    In a run that did not learn, the std of the predictions is below `spread` × that of the
    targets, in every output.

Silent when
    The run learned, or diverged; the predictions follow the inputs, however badly; the data allow
    nothing but the mean (see `nothing-to-learn`).

Thresholds
    spread = 0.02: ours; predictions that explain anything have a std of √share of the
    targets', so that these explain less than 0.04 %.

Fixes
    Whatever keeps the signal from the output: see the finding that explains it.

Source
    Ours; the mean baseline as a baseline: Karpathy 2019, A recipe for training neural networks.
"""

import numpy as np

from nndiag.bounds import Positive
from nndiag.detectors.contract import Findings, Stage, detector
from nndiag.detectors.run_summary import course_of
from nndiag.finding import Evidence, Finding, Outcome
from nndiag.formatting import number, percent
from nndiag.trace import Trace

PROBLEM = "constant-predictions"
_GRAIN = 1e-9  # of the targets' deviation, below which a mean is zero but for rounding
_SAME = 1e-6  # of it, below which predictions do not vary
_ANYTHING = 0.15  # share of the variance that the data must allow


@detector(
    PROBLEM,
    stage=Stage.OUTCOME,
    explained_by=Stage.REST.and_earlier(),
    facts=("targets",),
    ending=("predictions",),
)
def constant_predictions(trace: Trace, *, spread: Positive = 0.02) -> Findings:
    """The network predicts the same for every input."""
    course = course_of(trace)
    targets = trace.facts.targets
    predictions = trace.ending.predictions if trace.ending is not None else None
    if course.severity is None or course.outcome is Outcome.DIVERGED:
        return []
    if targets is None or predictions is None or predictions.shape != targets.shape:
        return []
    if course.attainable < _ANYTHING:
        return []
    varying = np.ptp(targets, axis=0) > 0 if len(targets) else np.zeros(0, bool)
    ratios = predictions.std(axis=0)[varying] / targets.std(axis=0)[varying]
    if not len(ratios) or not np.isfinite(ratios).all() or not ratios.max() < spread:
        return []
    grain = _GRAIN * float(targets[:, varying].std(axis=0).max())
    level, mean = (
        0.0 if abs(value) < grain else value
        for value in (float(predictions[:, varying].mean()), float(targets[:, varying].mean()))
    )
    share = float(ratios.max())
    spread_words = f"the std of its predictions is {percent(share)} of the targets'"
    return [
        Finding(
            PROBLEM,
            course.severity,
            f"the network predicts {number(level)} for every input (the targets' mean is "
            f"{number(mean)}): {'its predictions do not vary' if share < _SAME else spread_words}",
            evidence=(Evidence("prediction_deviation", share, spread),),
        )
    ]

"""The gradient is clipped to a small part of its length in nearly every step.

What it sees
    Gradients that are far longer than the norm to which they are clipped, all the time, in a run
    whose weights have hardly moved.

Why it matters
    Clipping is there for rare steps that are too long. Where it takes nearly all of each step, the
    run moves as if its learning rate were that much smaller.

Fires when
    The run ended far from what the data allow, its weights moved less than `moved` of their length,
    and the median gradient of the first half is more than `factor` × the norm it is clipped to.

Silent when
    The run learned or diverged; nothing is clipped; the optimizer scales its steps by the gradients
    themselves, so that clipping all of them alike changes nothing.

Thresholds
    factor = 10, moved = 1: ours; clipping norms in use lie near the usual gradient or above it.

Fixes
    No clipping, or a norm of the size of an ordinary gradient.

Source
    Pascanu, Mikolov and Bengio 2013, On the difficulty of training recurrent neural networks,
    sec. 3.2: the average norm is a good guide for the threshold.
"""

import numpy as np

from nndiag.bounds import Positive
from nndiag.detectors.contract import Findings, Stage, detector
from nndiag.detectors.movement import path
from nndiag.detectors.run_summary import course_of
from nndiag.detectors.settings import optimizer_setting
from nndiag.detectors.underway import distance
from nndiag.finding import Evidence, Finding, Skipped
from nndiag.formatting import chosen, rough
from nndiag.trace import Trace

PROBLEM = "gradient-clipped-too-hard"
_SCALING = frozenset({"adam", "rmsprop"})


@detector(
    PROBLEM,
    stage=Stage.RULE,
    series=("gradient_norm", "update_ratio"),
    facts=("settings", "optimizer"),
)
def gradient_clipped_too_hard(
    trace: Trace, *, factor: Positive = 10.0, moved: Positive = 1.0
) -> Findings:
    """The gradient is clipped to a small part of its length in nearly every step."""
    clip = optimizer_setting(trace, "clip_norm")
    if not clip:
        return Skipped(PROBLEM, "nothing is clipped")
    if trace.facts.optimizer in _SCALING:
        return Skipped(PROBLEM, f"{trace.facts.optimizer} scales its steps by the gradients")
    severity, norms = distance(course_of(trace)), trace.series["gradient_norm"].values
    early = np.linalg.norm(norms[: -(-len(norms) // 2)], axis=1)
    usual = float(np.median(early)) / clip if len(early) else 0.0
    if severity is None or not usual > factor or not path(trace) < moved:
        return []
    return [
        Finding(
            PROBLEM,
            severity,
            f"each step's gradient is clipped to {chosen(clip)}, typically 1/{rough(usual)} of its "
            f"length: the run moves as if its learning rate were {rough(usual)} times smaller",
            evidence=(Evidence("gradient_norm", observed=usual * clip, limit=factor * clip),),
        )
    ]

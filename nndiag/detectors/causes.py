"""What several problems have as their causes: problems, and whole stages of a run."""

from nndiag.detectors.contract import Stage

OUTSIZED = (Stage.SCALE, "sorted-examples", "weights-too-large")
"""What makes the curvature, and with it a step, too large."""

UNSTABLE = (
    *OUTSIZED,
    "loss-does-not-fit-output",
    "summed-loss",
    "dropout-too-strong",
    Stage.RATE,
)
"""What lets losses and gradients grow until they are no numbers."""

UNSETTLED = (
    "loss-does-not-fit-output",
    "mismatched-data",
    "no-nonlinearity",
    Stage.DATA,
    Stage.SCALE,
    Stage.START,
    "summed-loss",
    Stage.RATE,
    Stage.GROWTH,
)
"""What makes a loss go up and down instead of falling."""

LOST_UNITS = (
    *UNSTABLE,
    "targets-outside-output-range",
    "identical-units",
    "weights-too-small",
    "weight-decay-too-strong",
    Stage.CAPACITY,
    Stage.GROWTH,
    Stage.SWINGS,
    Stage.SIGNAL,
)
"""What leaves units dead or saturated."""

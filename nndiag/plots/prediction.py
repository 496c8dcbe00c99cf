"""What the network predicts at the end: the fitted curve, or predictions against targets."""

import numpy as np
from matplotlib.axes import Axes

from nndiag.plots.curves import COLOURS
from nndiag.trace import FloatArray, Trace

MOST_POINTS = 5000


def draw(trace: Trace, axes: Axes, *, onset: float | None = None) -> bool:
    """Draw the predictions of the last parameters for the training examples.

    Args:
        trace: The run.
        axes: Where to draw.
        onset: Not used: this picture has no steps.

    Returns:
        Whether the predictions are known and finite.
    """
    facts, ending = trace.facts, trace.ending
    if ending is None or ending.predictions is None or facts.targets is None:
        return False
    predictions, targets = ending.predictions, facts.targets
    if predictions.shape != targets.shape or not np.isfinite(predictions).all():
        return False
    inputs = facts.inputs if facts.raw_inputs is None else facts.raw_inputs
    if inputs is not None and inputs.shape[1] == 1:
        _curve(axes, inputs[:, 0], targets, predictions)
    else:
        _against_targets(axes, targets, predictions)
    return True


def _curve(axes: Axes, inputs: FloatArray, targets: FloatArray, predictions: FloatArray) -> None:
    """The fitted curve over the data."""
    order = np.argsort(inputs, kind="stable")
    for output in range(targets.shape[1]):
        suffix = "" if targets.shape[1] == 1 else f" {output}"
        axes.plot(
            inputs, targets[:, output], ".", color="#9a9a9a", markersize=4,
            label=f"target{suffix}",
        )  # fmt: skip
        axes.plot(
            inputs[order], predictions[order, output], color=COLOURS[output % len(COLOURS)],
            linewidth=2, label=f"network{suffix}",
        )  # fmt: skip
    axes.set(title="Prediction", xlabel="input")
    axes.legend(loc="best", fontsize="small")


def _against_targets(axes: Axes, targets: FloatArray, predictions: FloatArray) -> None:
    """Predictions over targets, with the line on which they agree."""
    chosen = np.linspace(0, len(targets) - 1, min(len(targets), MOST_POINTS)).astype(np.int64)
    for output in range(targets.shape[1]):
        axes.plot(
            targets[chosen, output], predictions[chosen, output], "o", alpha=0.5,
            markersize=4 if len(chosen) > 50 else 8, markeredgewidth=0,
            color=COLOURS[output % len(COLOURS)],
            label=f"output {output}" if targets.shape[1] > 1 else None,
        )  # fmt: skip
    both = np.concatenate([targets.ravel(), predictions.ravel()])
    ends = [float(both.min()), float(both.max())]
    axes.plot(ends, ends, color="#777777", linewidth=1, linestyle=":", label="equal")
    axes.set(title="Prediction against target", xlabel="target", ylabel="prediction")
    axes.legend(loc="best", fontsize="small")

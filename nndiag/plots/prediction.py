"""What the network predicts at the end: a fitted curve, classes in the plane, or any numbers."""

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from nndiag.arrays import FloatArray
from nndiag.plots.curves import COLOURS
from nndiag.plots.legend import explain
from nndiag.trace import Trace
from nndiag.trace.classes import Classes, classes_of, plane_of

MOST_POINTS = 5000

MOST_NAMED = 10
"""Outputs that have a name each in a legend."""


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
    classes = classes_of(targets, loss=facts.loss)
    if inputs is not None and inputs.shape[1] == 1:
        _curve(axes, inputs[:, 0], targets, predictions)
    elif inputs is not None and inputs.shape[1] == 2 and classes is not None:
        _regions(axes, trace, classes)
        _plane(axes, inputs, classes.labels, classes.of(predictions))
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
    explain(axes)


def _regions(axes: Axes, trace: Trace, classes: Classes) -> None:
    """What is predicted over the whole plane, behind the examples, where that was measured."""
    ending, scaled = trace.ending, trace.facts.inputs
    if ending is None or ending.plane_predictions is None or scaled is None:
        return
    points = plane_of(scaled)
    side = round(len(points) ** 0.5)
    raw = scaled if trace.facts.raw_inputs is None else trace.facts.raw_inputs
    for column in range(2):  # the scaling is a straight line
        slope, start = np.polyfit(scaled[:, column], raw[:, column], 1)
        points[:, column] = start + slope * points[:, column]
    grid = [points[:, column].reshape(side, side) for column in range(2)]
    for one in range(classes.count):  # each by itself: no other lies between two neighbours
        ahead = classes.ahead(ending.plane_predictions, one).reshape(side, side)
        if (ahead > 0).any():
            colour = COLOURS[one % len(COLOURS)]
            axes.contourf(*grid, ahead, levels=[0, np.inf], colors=[colour], alpha=0.15)


def _plane(
    axes: Axes, inputs: FloatArray, classes: NDArray[np.int64], predicted: NDArray[np.int64]
) -> None:
    """The examples in the plane of their inputs, in the colours of their classes."""
    chosen = _some(len(inputs))
    points, classes, predicted = inputs[chosen], classes[chosen], predicted[chosen]
    for one in np.unique(classes):
        axes.plot(
            *points[classes == one].T, "o", alpha=0.6, markersize=4 if len(chosen) > 50 else 8,
            markeredgewidth=0, color=COLOURS[one % len(COLOURS)], label=f"class {one}",
        )  # fmt: skip
    wrong = classes != predicted
    if wrong.any():
        label = f"wrong: {wrong.sum():,} of {len(chosen):,}"
        colour = mpl.rcParams["text.color"]  # of a page that is light or dark
        axes.plot(*points[wrong].T, "x", markersize=8, color=colour, label=label)
    title = "Prediction: some classes are wrong" if wrong.any() else "Prediction: all classes right"
    axes.set(title=title, xlabel="first input", ylabel="second input")
    explain(axes)


def _some(examples: int) -> NDArray[np.int64]:
    """The examples that are drawn: all, or some that are evenly spaced."""
    return np.linspace(0, examples - 1, min(examples, MOST_POINTS)).astype(np.int64)


def _against_targets(axes: Axes, targets: FloatArray, predictions: FloatArray) -> None:
    """Predictions over targets, with the line on which they agree."""
    chosen = _some(len(targets))
    for output in range(targets.shape[1]):
        axes.plot(
            targets[chosen, output], predictions[chosen, output], "o", alpha=0.5,
            markersize=4 if len(chosen) > 50 else 8, markeredgewidth=0,
            color=COLOURS[output % len(COLOURS)],
            label=_output_label(output, targets.shape[1]),
        )  # fmt: skip
    both = np.concatenate([targets.ravel(), predictions.ravel()])
    ends = [float(both.min()), float(both.max())]
    axes.plot(ends, ends, color="#777777", linewidth=1, linestyle=":", label="equal")
    axes.set(title="Prediction against target", xlabel="target", ylabel="prediction")
    explain(axes)


def _output_label(output: int, count: int) -> str | None:
    """The name of an output in the legend; of many one name for all."""
    if count <= MOST_NAMED:
        return f"output {output}" if count > 1 else None
    return f"{count:,} outputs" if output == 0 else None

"""The curves of a run as plain numbers, which the script of a page draws: to be zoomed and read."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nndiag.arrays import FloatArray
from nndiag.trace import Trace

_MOST_POINTS = 1500
_DIGITS = 5


@dataclass(frozen=True)
class Curve:
    """One line of a chart.

    Attributes:
        name: What it is.
        x: Steps.
        y: Values; None where there is none.
    """

    name: str
    x: list[int]
    y: list[float | None]


@dataclass(frozen=True)
class Chart:
    """Lines over the steps, on a logarithmic scale.

    Attributes:
        title: What is drawn.
        curves: The lines.
        levels: Name → value of lines across.
        onset: Step that is marked.
    """

    title: str
    curves: list[Curve]
    levels: dict[str, float]
    onset: int | None = None


def charts_of(trace: Trace, *, onset: float | None = None) -> dict[str, Chart]:
    """The charts of a run by the names of its pictures; without a value there is none.

    Args:
        trace: The run.
        onset: Step from which on the loss grew; marked.
    """
    marked = None if onset is None else int(onset)
    losses = [_curve("loss", trace.step, trace.loss)]
    every = trace.facts.exact_steps is not False  # then each step's loss is that of all examples
    for name, words in (
        ("training_loss", "all training examples"),
        ("validation_loss", "validation"),
    ):
        series = trace.series.get(name)
        if series is not None and not (every and name == "training_loss"):
            losses.append(_curve(words, series.steps, series.values))
    baseline = trace.facts.baseline_loss
    levels = {"mean baseline": baseline} if baseline is not None and baseline > 0 else {}
    found = {"loss": Chart("Loss", losses, levels, marked)}
    norms = trace.series.get("gradient_norm")
    if norms is not None:
        curves = [
            _curve(layer, norms.steps, norms.values[:, place])
            for place, layer in enumerate(trace.layers)
        ]
        found["gradient_norms"] = Chart("Gradient norm of each layer", curves, {}, marked)
    return {
        name: chart
        for name, chart in found.items()
        if any(y is not None for curve in chart.curves for y in curve.y)
    }


def _curve(name: str, steps: NDArray[Any], values: FloatArray) -> Curve:
    """A line of at most so many points; of a long one the smallest and largest of each stretch."""
    kept = np.arange(len(values))
    if len(values) > _MOST_POINTS:
        stretches = np.array_split(kept, _MOST_POINTS // 2)
        ends = [_ends(stretch, values) for stretch in stretches]
        kept = np.unique(np.concatenate([[0, len(values) - 1], *ends]))
    known = [value if np.isfinite(value) and value > 0 else None for value in values[kept]]
    y = [None if value is None else float(f"{value:.{_DIGITS}g}") for value in known]
    return Curve(name, [int(step) for step in steps[kept]], y)


def _ends(stretch: NDArray[Any], values: FloatArray) -> NDArray[Any]:
    """The places of the smallest and the largest value; NaN counts as neither."""
    piece = np.where(np.isnan(values[stretch]), -np.inf, values[stretch])
    return stretch[[int(np.argmin(piece)), int(np.argmax(piece))]]

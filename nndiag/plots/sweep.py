"""The final loss over the learning rate: a line per seed, the band, threshold and limit."""

from io import BytesIO

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from nndiag.formatting import number
from nndiag.plots.curves import COLOURS, FAINT, ONSET_COLOUR
from nndiag.plots.figures import STYLE
from nndiag.plots.legend import explain
from nndiag.training.lr_sweep import Sweep

_SEEDS = (COLOURS[0], COLOURS[1], COLOURS[4], COLOURS[3], COLOURS[5], COLOURS[6])
_GOOD = COLOURS[2]
_HIGHEST = 1e3  # times the mean baseline's loss: what ends above is drawn at the rim


def sweep_picture(result: Sweep) -> bytes:
    """The drawing as PNG."""
    with mpl.rc_context(STYLE), np.errstate(all="ignore"):
        figure = Figure(figsize=(6.4, 3.8), dpi=120, layout="constrained")
        FigureCanvasAgg(figure)
        draw(result, figure.add_subplot())
        packed = BytesIO()
        figure.savefig(packed, format="png")
    return packed.getvalue()


def draw(result: Sweep, axes: Axes) -> None:
    """Draw the final losses, with what was measured and what theory says.

    Both axes are log10 on a linear scale, because diverged losses are near the largest float.
    """
    limit_of_losses = _rim(result)
    for place, seed in enumerate(result.seeds):
        runs = [run for rate in result.rates for run in rate.runs if run.seed == seed]
        rates = np.log10([run.rate for run in runs])
        losses = np.array([run.final for run in runs])
        shown = np.log10(np.maximum(losses, 1e-300))
        lost = ~(shown <= limit_of_losses)
        colour = _SEEDS[place % len(_SEEDS)]
        axes.plot(rates, np.where(lost, np.nan, shown), ".-", color=colour, label=f"seed {seed}")
        axes.plot(
            rates[lost], np.full(lost.sum(), limit_of_losses), "x", color=colour, markersize=5
        )
    if result.band is not None:
        low, high = np.log10(result.band)
        axes.axvspan(low, high, color=_GOOD, alpha=0.10, linewidth=0, label="works")
    _line(
        axes,
        None if result.threshold is None else result.threshold.value,
        ONSET_COLOUR,
        "-",
        "divergence threshold (measured)",
    )
    theory = result.theory
    if theory is not None and not theory.start.adaptive:  # an adaptive one moves decades away
        _line(axes, theory.start.stability_limit, FAINT, "--", "stability limit (theory)")
    _line(axes, result.configured, "black", ":", "configured")
    _line(axes, result.recommended, _GOOD, "-.", "recommended")
    reference = result.rates[0].runs[0].reference if result.rates else 0.0
    if reference > 0:
        axes.axhline(float(np.log10(reference)), color=FAINT, linewidth=0.8, linestyle=":")
        axes.annotate(
            "start" if theory is None else "mean baseline",
            (0.005, float(np.log10(reference))), fontsize="x-small", color=FAINT,
            xycoords=("axes fraction", "data"), va="bottom",
        )  # fmt: skip
    _finish(axes, result)


def _line(axes: Axes, value: float | None, colour: str, style: str, label: str) -> None:
    if value is not None:
        axes.axvline(
            float(np.log10(value)), color=colour, linestyle=style, linewidth=1.1,
            label=f"{label} {number(value)}",
        )  # fmt: skip


def _rim(result: Sweep) -> float:
    """log10 of the loss at which lost runs are drawn: above all others."""
    losses = np.array([run.final for rate in result.rates for run in rate.runs])
    scale = max((run.reference for rate in result.rates for run in rate.runs), default=1.0)
    starts = [run.initial for rate in result.rates for run in rate.runs]
    highest = _HIGHEST * max(scale, *starts) if starts else 1.0
    within = losses[np.isfinite(losses) & (losses <= highest) & (losses > 0)]
    if not len(within):
        return float(np.log10(highest)) if highest > 0 else 0.0
    low, high = np.log10(within.min()), np.log10(within.max())
    return float(high + 0.08 * max(high - low, 1.0))


def _finish(axes: Axes, result: Sweep) -> None:
    power = FuncFormatter(lambda value, _: f"$10^{{{value:.0f}}}$")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10], integer=True))
        axis.set_major_formatter(power)
    steps = f"{result.steps:,} steps"
    axes.set(title=f"Loss after {steps}", xlabel="learning rate (× : diverged)")
    axes.margins(x=0.02)
    explain(axes)

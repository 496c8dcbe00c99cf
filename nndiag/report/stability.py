"""What theory says of the configured learning rate before the first step, in a line or two."""

from rich.text import Text

from nndiag.formatting import chosen, number
from nndiag.trace import Stability
from nndiag.trace.stability_course import StabilityCourse, StabilityTrend

_MOST_CHANGES = 3


def stability_view(stability: Stability | None, *, told: bool = False) -> Text | None:
    """The rate beside its stability limit, and what would raise it.

    Args:
        stability: What is known before the first step.
        told: Whether the rate and its stability limit are told already, so that the reasons are
        enough.

    Returns:
        None where nothing is known, and for an optimizer that gives each parameter its own rate:
        that stability limit moves with the gradients, and healthy runs are far above it, too.
    """
    if stability is None or stability.stability_limit is None or stability.adaptive:
        return None
    text = Text("before step 1 ", style="dim")
    sharpness = f"λ_max {number(stability.sharpness)}"
    if told:
        text.append(f"the stability limit is {stability.rule} with {sharpness}")
    else:
        text.append(stability_line(stability))
        text.append(f" ({stability.rule}, {sharpness})", style="dim")
    if stability.batch_limits is not None:
        low, high = map(number, stability.batch_limits)
        remark = (
            f"; that is for all examples: {_batches(stability.batch_size)} have limits from {low} "
            f"to {high}, and their noise lowers them further"
        )
        text.append(remark, style="dim")
    if stability.changes:
        changes = " · ".join(
            f"×{number(change.factor, digits=2)} with {change.override or change.title}"
            for change in stability.changes[:_MOST_CHANGES]
        )
        text.append("\nthe limit would be ", style="dim").append(changes)
    return text


def stability_line(stability: Stability) -> Text:
    """The rate beside its stability limit."""
    words = (
        f"learning rate {chosen(stability.learning_rate)} is {_side(stability.ratio or 0.0)} the "
        f"stability limit {number(stability.stability_limit)}"
    )
    return Text(words, style="red" if stability.above else "")


def course_view(course: StabilityCourse) -> Text:
    """What λ_max did in the run, in a line."""
    words = {
        StabilityTrend.SETTLED: "the run settled at the edge of stability",
        StabilityTrend.FLATTENED: "the run found a flatter place",
        StabilityTrend.THROWN: "the run was thrown over it",
        StabilityTrend.FELL: "the loss has become flatter",
        StabilityTrend.ROSE: "the loss has become steeper",
    }[course.course]
    text = Text(f"by step {course.step:,} ", style="dim").append(words)
    text.append(
        f": λ_max is {number(course.sharpness)}, the stability limit "
        f"{number(course.stability_limit)}",
        style="dim",
    )
    return text


def _side(ratio: float) -> str:
    """Where a rate is, over its stability limit: "above", "below"."""
    return "above" if ratio > 1 else "below"


def _batches(size: int | None) -> str:
    return "single examples" if size == 1 else f"batches of {size:,}"

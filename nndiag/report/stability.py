"""What theory says of the configured learning rate before the first step, in a line or two."""

from rich.text import Text

from nndiag.report.numbers import number
from nndiag.trace import Stability
from nndiag.trace.stability_course import Course, StabilityCourse

_MOST_CHANGES = 3


def stability_view(stability: Stability | None) -> Text | None:
    """The rate beside its ceiling, and what would raise it; None where nothing is known."""
    if stability is None or None in (stability.ceiling, stability.sharpness):
        return None
    text = Text()
    text.append("before step 1 ", style="dim")
    text.append(_comparison(stability), style="red" if stability.above else "")
    text.append(f" ({stability.rule}, λ_max {number(stability.sharpness)})", style="dim")
    remark = _remark(stability)
    if remark is not None:
        text.append(f"; {remark}", style="dim")
    if stability.changes:
        told = " · ".join(
            f"÷{number(change.factor, digits=2)} by {change.override or change.title}"
            for change in stability.changes[:_MOST_CHANGES]
        )
        text.append("\nλ_max would be ", style="dim").append(told)
    return text


def course_view(course: StabilityCourse) -> Text:
    """What λ_max did in the run, in a line."""
    apart = f"{number(course.ratio)} × above"
    if course.ratio <= 1:
        apart = f"{number(1 / course.ratio)} × below"
    words = {
        Course.SETTLED: "the run settled at the edge of stability",
        Course.FLATTENED: "the run found a flatter place",
        Course.THROWN: "the run was thrown over it",
        Course.FELL: "the loss has become flatter",
        Course.ROSE: "the loss has become steeper",
    }[course.course]
    text = Text(f"by step {course.step:,} ", style="dim").append(words)
    text.append(f": λ_max is {number(course.sharpness)}, the rate {apart} its ceiling", style="dim")
    return text


def _comparison(stability: Stability) -> str:
    rate, ceiling = number(stability.learning_rate), number(stability.ceiling)
    ratio = stability.ratio or 0.0
    if ratio > 1:
        apart = f"{number(ratio)} × above"
    else:
        apart = f"{number(1 / ratio, digits=2)} × below" if ratio > 0 else "below"
    if stability.adaptive:
        return f"the stability ceiling is {ceiling}; learning rate {rate} is {apart} it"
    return f"learning rate {rate} is {apart} the stability ceiling {ceiling}"


def _remark(stability: Stability) -> str | None:
    """What the ceiling means where it does not hold as it is."""
    if stability.adaptive:
        return (
            "each parameter has its own rate, so this ceiling moves with the gradients and a rate "
            "above it need not be too large"
        )
    if stability.batch_ceilings is not None:
        low, high = map(number, stability.batch_ceilings)
        return (
            f"that is for all examples; a step sees {stability.batch_size:,} of them, whose "
            f"ceilings go from {low} to {high}, and their noise lowers it further"
        )
    return None

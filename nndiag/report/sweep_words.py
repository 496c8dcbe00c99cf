"""The sentences of a sweep's report."""

from nndiag.numbers import count, number, percent
from nndiag.training.lr_sweep import Edge, SweepResult
from nndiag.training.sweep_failure import Failure, Reason
from nndiag.training.sweep_theory import Reading, Theory
from nndiag.training.sweep_verdict import Fate


def headline(result: SweepResult) -> str:
    """Where the configured rate is."""
    if result.failure is not None:
        return "No learning rate learns"
    rate = f"Learning rate {number(result.configured)}"
    if result.best is None:
        return "No learning rate was found before the interruption"
    if result.place == "above-edge" and result.edge is not None:
        return f"{rate} is {factor(result.configured / result.edge.value)} × above the edge"
    best = result.best
    apart = max(result.configured / best, best / result.configured)
    if apart < 1.5:
        return f"{rate} is as good as the best"
    side = "below" if result.configured < best else "above"
    inside = {"in-band": "works; it is", "below-band": "is too small:", "above-band": "is large:"}
    return f"{rate} {inside[result.place]} {factor(apart)} × {side} the best"


def factor(value: float) -> str:
    """A factor with two digits: "15", "1.8"."""
    return number(value, digits=2)


def edge_words(edge: Edge, *, seeds: int) -> str:
    """The edge, and what happens beyond it."""
    words = number(edge.value)
    if seeds > 1 and edge.high > 1.02 * edge.low:
        words += f" (in other seeds up to {number(edge.high)})"
    words += f"; beyond, a run {beyond(edge)}"
    return words


def edge_unknown(result: SweepResult) -> str:
    """What is known of the edge where it was not found."""
    unstable = [rate for rate in result.rates if rate.fate.unstable]
    if unstable:
        return f"below {number(unstable[0].value)}, where a run {_verb(unstable[0].fate)}"
    top = max((rate.value for rate in result.rates), default=result.configured)
    words = f"none up to {number(top)}"
    if result.band is not None and top > 1.5 * result.band[1]:
        words += f"; above {number(result.band[1])} runs learn less"
    return words


def beyond(edge: Edge) -> str:
    """What happens beyond the edge."""
    if edge.fate is Fate.DIVERGES and edge.steps is not None:
        first, last = edge.steps
        steps = count(first, "step") if first == last else f"{first:,} to {last:,} steps"
        return f"diverges within {steps}"
    words = _verb(edge.fate)
    if edge.fate is Fate.SATURATED and edge.flat_share is not None:
        words += f", {percent(edge.flat_share)} of its units saturated or dead"
    return words


def _verb(fate: Fate) -> str:
    return {
        Fate.OSCILLATES: "swings from step to step and no longer learns",
        Fate.STUCK: "no longer learns",
        Fate.SATURATED: "blows up and then sits there",
        Fate.BLOWS_UP: "blows up and stays there",
    }.get(fate, str(fate))


def theory_words(theory: Theory) -> str:
    """The ceiling, beside the edge."""
    start = theory.start
    if start.sharpness is None:
        return "the curvature at the start is not finite"
    if start.ceiling is None or theory.ceilings is None:
        return "nothing curves upwards at the start, so no ceiling is known"
    low, high = theory.ceilings
    span = number(low) if high < 1.02 * low else f"{number(low)} to {number(high)}"
    words = f"ceiling {start.rule} = {span} at the start (λ_max {number(start.sharpness)})"
    if start.adaptive and theory.settled is not None:
        words += f", {number(theory.settled)} at the end of a run at the edge"
    if theory.ratio is not None:
        apart = factor(theory.ratio)
        words += "; the edge is the same" if apart == "1" else f"; the edge is {apart} × that"
    return words


def reading_words(theory: Theory) -> str | None:
    """Which of edge and ceiling to believe."""
    start, settled = theory.start, number(theory.settled)
    batches = ""
    if start.batch_ceilings is not None:
        low, high = start.batch_ceilings
        batches = f" Single batches have ceilings from {number(low)} to {number(high)}."
    words = {
        None: None,
        Reading.AGREE: "Both agree: either can be believed.",
        Reading.FLATTENS: f"Believe the edge: runs above the ceiling first climb, then find a "
        f"flatter place (where the ceiling is {settled}).",
        Reading.SHARPENS: f"Believe the edge: the loss gets steeper on the way (at the end of a "
        f"run the ceiling is {settled}).",
        Reading.NOISE: "Believe the edge: the ceiling is that of all examples, and the noise of "
        "mini-batches lowers it.",
        Reading.MOVES: "Believe the edge: this ceiling moves with the gradients' size.",
        Reading.CLIPPED: "Believe the edge: a clipped gradient obeys no ceiling.",
        Reading.UNEXPLAINED: "Believe the edge: it was measured. The loss is no quadratic, and why "
        "it differs here is not known.",
    }[theory.reading]
    return None if words is None else words + batches


def failure_words(failure: Failure) -> str:
    """What it means that no rate learns."""
    return {
        Reason.NOTHING_TO_LEARN: f"There is nothing to learn: the start has loss "
        f"{number(failure.initial)}, the best constant {number(failure.reference)}.",
        Reason.NO_GRADIENT: f"The gradient at the start is {number(failure.gradient_norm)}: it "
        "leads nowhere. Start from other weights.",
        Reason.FLAT_UNITS: f"{percent(failure.flat_share or 0.0)} of the units of a hidden layer "
        "are saturated or dead at the start: their gradient vanishes. Scale the inputs or start "
        "from smaller weights.",
        Reason.ALWAYS_LOST: "Every rate diverges, however small: a step along the gradient leads "
        "uphill. Check the gradient.",
        Reason.NOT_DOWNHILL: f"No rate makes the program's steps lower its loss: it starts at "
        f"{number(failure.initial)}, and the lowest that was reached is {number(failure.lowest)}. "
        "The step is not downhill. Check the gradient.",
        Reason.CHANCE: "At every rate, runs from most seeds learn nothing, while some learn: the "
        "start decides, not the rate. Start from other weights.",
        Reason.UNEXPLAINED: f"The lowest loss is {number(failure.lowest)}, the best constant's "
        f"{number(failure.reference)}. The rate is not what is wrong: longer runs may show more, "
        "or the network cannot draw this target.",
    }[failure.reason]

"""The sentences of a sweep's report."""

from nndiag.formatting import count, number, percent
from nndiag.training.lr_sweep import Sweep, Threshold
from nndiag.training.sweep_failure import Failure, Reason
from nndiag.training.sweep_theory import Reading, Theory
from nndiag.training.sweep_verdict import Fate


def headline(result: Sweep) -> str:
    """Where the configured rate is."""
    if result.failure is not None:
        return "No learning rate learns"
    if result.best is None:
        return f"Cut short: none of {count(len(result.rates), 'rate')} works so far"
    if result.interrupted:
        return (
            f"Cut short: of {count(len(result.rates), 'rate')} so far {number(result.best)} is best"
        )
    rate = f"Learning rate {number(result.configured)}"
    if result.place == "above-threshold" and result.threshold is not None:
        return f"{rate} is above the divergence threshold {number(result.threshold.value)}"
    best = result.best
    apart = max(result.configured / best, best / result.configured)
    if apart < 1.5:
        return f"{rate} is as good as the best"
    inside = {"in-band": "works", "below-band": "is too small", "above-band": "is large"}
    return f"{rate} {inside[result.place]}; the best is {number(best)}"


def factor(value: float) -> str:
    """A factor with two digits: "15", "1.8"."""
    return number(value, digits=2)


def threshold_words(threshold: Threshold, *, seeds: int) -> str:
    """The divergence threshold, and what happens beyond it."""
    words = number(threshold.value)
    if seeds > 1 and threshold.high > 1.02 * threshold.low:
        words += f" (in other seeds up to {number(threshold.high)})"
    words += f"; beyond, a run {beyond(threshold)}"
    return words


def threshold_unknown(result: Sweep) -> str:
    """What is known of the divergence threshold where it was not found."""
    unstable = [rate for rate in result.rates if rate.fate.unstable]
    if unstable:
        return f"below {number(unstable[0].value)}, where a run {_verb(unstable[0].fate)}"
    top = max((rate.value for rate in result.rates), default=result.configured)
    words = f"none up to {number(top)}"
    if result.band is not None and top > 1.5 * result.band[1]:
        words += f"; above {number(result.band[1])} runs learn less"
    return words


def beyond(threshold: Threshold) -> str:
    """What happens beyond the divergence threshold."""
    if threshold.fate is Fate.DIVERGES and threshold.steps is not None:
        first, last = threshold.steps
        steps = count(first, "step") if first == last else f"{first:,} to {last:,} steps"
        return f"diverges within {steps}"
    words = _verb(threshold.fate)
    if threshold.fate is Fate.SATURATED and threshold.flat_share is not None:
        words += f", {percent(threshold.flat_share)} of its units saturated or dead"
    return words


def _verb(fate: Fate) -> str:
    return {
        Fate.OSCILLATES: "swings from step to step and no longer learns",
        Fate.STUCK: "no longer learns",
        Fate.SATURATED: "blows up and then sits there",
        Fate.BLOWS_UP: "blows up and stays there",
    }.get(fate, str(fate))


def theory_words(theory: Theory) -> str:
    """The stability limit, beside the divergence threshold."""
    start = theory.start
    if start.sharpness is None:
        return "the curvature that steps meet at the start is not known"
    if start.stability_limit is None or theory.stability_limits is None:
        return "nothing curves upwards at the start, so no stability limit is known"
    low, high = theory.stability_limits
    span = number(low) if high < 1.02 * low else f"{number(low)} to {number(high)}"
    words = f"stability limit {start.rule} = {span} at the start (λ_max {number(start.sharpness)})"
    if start.adaptive and theory.settled is not None:
        words += f", {number(theory.settled)} at the end of a run at the divergence threshold"
    if theory.ratio is not None:
        apart = factor(theory.ratio)
        words += "; measured: the same" if apart == "1" else f"; measured: {apart} × that"
    return words


def reading_words(theory: Theory) -> str | None:
    """Why theory and measurement differ, and which of them holds."""
    start, settled = theory.start, number(theory.settled)
    batches = ""
    if start.batch_limits is not None:
        low, high = start.batch_limits
        batches = f" Single batches have stability limits from {number(low)} to {number(high)}."
    words = {
        None: None,
        Reading.AGREE: "Theory and measurement agree within a factor of 2.",
        Reading.FLATTENS: "The measurement holds: runs above the stability limit first climb, then "
        f"find a flatter place (where the limit is {settled}).",
        Reading.SHARPENS: "The measurement holds: the loss gets steeper during the run (at its end "
        f"the stability limit is {settled}).",
        Reading.NOISE: "The measurement holds: the stability limit is computed for all examples, "
        "and the noise of mini-batches lowers it.",
        Reading.MOVES: "The measurement holds: this stability limit moves with the gradients.",
        Reading.CLIPPED: "The measurement holds: clipped gradients have no stability limit.",
        Reading.UNEXPLAINED: "The measurement holds: the loss is not quadratic, and why the limit "
        "differs here is not known.",
    }[theory.reading]
    return None if words is None else words + batches


def failure_words(failure: Failure) -> str:
    """What it means that no rate learns."""
    return {
        Reason.NOTHING_TO_LEARN: f"There is nothing to learn: the loss starts at "
        f"{number(failure.initial)}, and the mean baseline's is {number(failure.reference)}.",
        Reason.NO_GRADIENT: f"The gradient at the start is {number(failure.gradient_norm)}: it "
        "leads nowhere. Start from other weights.",
        Reason.FLAT_UNITS: f"{percent(failure.flat_share or 0.0)} of the units of a hidden layer "
        "are saturated or dead at the start: their gradient vanishes. Scale the inputs or start "
        "from smaller weights.",
        Reason.ALWAYS_LOST: "Every rate diverges, however small: steps against the gradient raise "
        "the loss. Check the gradient.",
        Reason.NOT_DOWNHILL: "No rate makes the program's steps lower its loss: it starts at "
        f"{number(failure.initial)}, and the lowest that was reached is {number(failure.lowest)}. "
        "The step does not lower the loss at any size: check the gradient.",
        Reason.NOT_LOWERED: "No rate lowers the program's loss in its own number of iterations: it "
        f"starts at {number(failure.initial)}, and the lowest that was reached is "
        f"{number(failure.lowest)}. Its gradient is right: something else than the rate is wrong.",
        Reason.UNBOUNDED: f"The loss falls to {number(failure.lowest)}: it has no lower bound, so "
        "that a lower one does not tell a better rate.",
        Reason.CHANCE: "At every rate, runs from most seeds learn nothing, while some learn: the "
        "start decides, not the rate. Start from other weights.",
        Reason.UNEXPLAINED: f"The lowest loss is {number(failure.lowest)}, the mean baseline's "
        f"{number(failure.reference)}. The rate is not the cause: longer runs may show more, "
        "or the network cannot represent this target.",
    }[failure.reason]

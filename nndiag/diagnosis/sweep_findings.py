"""What a sweep says about the configured learning rate, as findings."""

from nndiag.finding import Evidence, Finding, Severity
from nndiag.formatting import chosen, number
from nndiag.training.lr_sweep import Sweep

FASTER = 10.0
"""A rate is too small where another one that works gets as far in a tenth of the steps."""


def sweep_findings(result: Sweep) -> tuple[Finding, ...]:
    """The configured rate is above the divergence threshold, or another is far faster."""
    rate, recommended = result.configured, result.recommended
    if recommended is None or result.advice is None:
        return ()
    remedy = (result.advice,)
    configured = result.configured_rate
    if result.place == "above-threshold" and result.threshold is not None:
        learns = configured is not None and configured.works
        return (
            Finding(
                "learning-rate-above-stability-limit",
                Severity.NOTE if learns else Severity.ERROR,
                f"learning rate {chosen(rate)} is {number(rate / result.threshold.value)} × the "
                f"divergence threshold {number(result.threshold.value)}",
                evidence=(Evidence("learning_rate", observed=rate, limit=result.threshold.value),),
                remedies=remedy,
            ),
        )
    speed_up = result.speed_up
    if rate < recommended and speed_up is not None and speed_up >= FASTER:
        works = configured is not None and configured.works
        return (
            Finding(
                "learning-rate-too-small",
                Severity.NOTE if works else Severity.WARNING,
                f"learning rate {chosen(recommended)} gets as far as {chosen(rate)} in "
                f"1/{speed_up:.0f} of the steps",
                evidence=(Evidence("speed_up", observed=speed_up, limit=FASTER),),
                remedies=remedy,
            ),
        )
    return ()

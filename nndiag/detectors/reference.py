"""What the reference fit says of a run: whether its network gets materially further than it did.

A strong optimizer fits the same network from the run's start, its end and elsewhere. Where it does
not come below half of the run's loss, the network is at its limit; whatever else is said of such a
run has to be about the network or the data, not about how it was trained.
"""

from dataclasses import dataclass

from nndiag.trace import Trace

FURTHER = 0.5
"""Share of a run's loss below which a fit has to come to be further; ours.

The fits are bounded in work and may stop a little early.
"""


@dataclass(frozen=True)
class Reference:
    """The reference fit beside the run's end.

    Attributes:
        loss: Its smallest loss.
        kept: Share of the run's loss that the fit keeps, from the best of all starts.
        kept_from_end: The same from where the run ended; None where it was not fitted from there.
        r_squared: 1 − loss / loss of the mean baseline; None without one.
    """

    loss: float
    kept: float
    kept_from_end: float | None
    r_squared: float | None

    @property
    def further(self) -> bool:
        """Whether the same network reaches materially less than the run did."""
        return self.kept < FURTHER


def reference_of(trace: Trace, *, loss: float | None = None) -> Reference | None:
    """The reference fit of a run; None where none was made, or nothing is left of the loss.

    Args:
        trace: The run.
        loss: At which it ended; the ending's by default.
    """
    ending, baseline = trace.ending, trace.facts.baseline_loss
    if ending is None or ending.reference_loss is None:
        return None
    own = ending.loss if loss is None else loss
    if not own > 0:
        return None
    end = ending.reference_loss_from_end
    return Reference(
        ending.reference_loss,
        kept=ending.reference_loss / own,
        kept_from_end=None if end is None else end / own,
        r_squared=1 - ending.reference_loss / baseline if baseline else None,
    )

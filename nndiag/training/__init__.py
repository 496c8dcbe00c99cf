"""THE RUN: trains a network, measures it on the way, and writes the trace.

Probes measure and never judge. May import `analysis`, `experiment`, `nn` and `trace`.

To record a new quantity: describe it in `trace.series.SERIES` and measure it in `probes`.
"""

from nndiag.training.trainer import Progress, TrainingResult, train

__all__ = ["Progress", "TrainingResult", "train"]

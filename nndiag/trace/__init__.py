"""THE RECORD: what a run left behind, and the only thing that detectors, plots and reports read.

Producers (the trainer, a user's loop, a log file of another program) write a `Trace`; everything
that judges, draws or tells reads one. May import `finding` and `errors`; never `nn`.

To record a new quantity: describe it in `series.SERIES`, measure it in `training.probes`.
"""

from nndiag.arrays import FloatArray
from nndiag.trace.files import TraceWriter
from nndiag.trace.reader import read_trace
from nndiag.trace.recorder import TraceRecorder
from nndiag.trace.series import SERIES, SeriesKind
from nndiag.trace.stability import SharpnessChange, Stability
from nndiag.trace.trace import Ending, Facts, LayerFacts, Series, Trace

__all__ = [
    "SERIES",
    "Ending",
    "Facts",
    "FloatArray",
    "LayerFacts",
    "Series",
    "SeriesKind",
    "SharpnessChange",
    "Stability",
    "Trace",
    "TraceRecorder",
    "TraceWriter",
    "read_trace",
]

"""THE PROOF: a failing config, its remedies tried, and the smallest change that cures.

`measure` trains and scores, `trial` judges a change, `bench` makes trials within a `budget`,
`ahead` makes some beside one another, `ranking` and `search` decide what is tried next, `procedure`
runs it all, `confirmation` carries the result back into the diagnosis, `writing` writes the cured
config.
May import `diagnosis`, `remedies` and what lies below them.
"""

from nndiag.fixing.confirmation import confirmed
from nndiag.fixing.measure import Run, measured, run_of
from nndiag.fixing.procedure import Fix, Reference, confirm, fix, reference_of
from nndiag.fixing.search import Winner
from nndiag.fixing.trial import Trial, TrialOutcome
from nndiag.fixing.writing import write_cured

__all__ = [
    "Fix",
    "Reference",
    "Run",
    "Trial",
    "TrialOutcome",
    "Winner",
    "confirm",
    "confirmed",
    "fix",
    "measured",
    "reference_of",
    "run_of",
    "write_cured",
]

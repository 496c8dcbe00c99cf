"""THE RULES: one file per problem of a run, named after the problem.

A detector reads a trace and says what it sees: findings, nothing (clean), or `Skipped` with the
reason. May import `trace`, `registry`, `finding` and `errors`; never `nn` or `training`.

To add one: a file `<problem>.py` with a function under `@detector("<problem>")`, whose module
docstring is the page that `nndiag explain <problem>` prints (sections: `contract.SECTIONS`). Say in
the decorator at which stage of a run it begins, which problems or stages can bring it about, and
which series, facts and measurements it needs; make each threshold a keyword-only parameter with
bounds. Add `configs/broken/<problem>.yaml` and `tests/detectors/test_<problem>.py`.

What several detectors read is in modules of its own: `contract` (what a detector is), `curve` (the
loss curve), `attainable` (what the data allow), `course` (how the run went, from which every
detector knows how much a symptom matters), `movement` (how far the weights have come), `underway`
(how far a run is from its end), `order` (whether steps go through sorted examples), `jumps`,
`starting_weights`, `unit_shares` and `settings`.
"""

import importlib
import pkgutil

from nndiag.detectors.contract import (
    DETECTORS,
    Declared,
    Stage,
    checked_thresholds,
    declared,
    detector,
    page,
    run,
)
from nndiag.detectors.run_summary import RunSummary, course_of

__all__ = [
    "DETECTORS",
    "Declared",
    "RunSummary",
    "Stage",
    "checked_thresholds",
    "course_of",
    "declared",
    "detector",
    "page",
    "run",
]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

"""THE CURES: one function per remedy, from an experiment to the keys of its config that it changes.

A remedy looks at the config, the data and what is known before the first step, never at a run;
`advice` says which come first against the findings of one.
May import `training`, `detectors` and what lies below them.

To add one: a function under `@remedy("<name>", cures=[…])` in the file of its kind, whose docstring
has the title as its first line and ends with `Source:`. It returns the changed keys, nested as in a
config, or None where it does not apply. `price` says what the change costs, `group` which others it
cannot be put together with, `last` that it is worked out after them. `task` and `change` hold what
several of them, and their users, need.
"""

import importlib

from nndiag.remedies.change import changed, smallest_changes
from nndiag.remedies.contract import REMEDIES, Case, Changes, Remedy, remedies, remedy_of

__all__ = [
    "REMEDIES",
    "Case",
    "Changes",
    "Remedy",
    "changed",
    "remedies",
    "remedy_of",
    "smallest_changes",
]

# in the order in which changes are put together
for _kind in ("data", "network", "start", "losses", "training", "optimizer"):
    importlib.import_module(f"{__name__}.{_kind}")

"""nndiag: why does this small network not train, and what exactly would make it train?

    import nndiag

    result = nndiag.train("configs/broken/exploding_sine.yaml")
    result.outcome, result.cause          # frozen; print(result) is the report
    recorder = nndiag.Recorder("runs/mine")   # three lines in a loop of your own

The verbs are those of the command line. Importing the package is cheap: each name is loaded when
it is first used.
"""

import importlib

TYPE_CHECKING = False  # as typing has it, whose import takes longer than all of this
if TYPE_CHECKING:
    from typing import Any

    from nndiag.api import diagnose as diagnose
    from nndiag.api import doctor as doctor
    from nndiag.api import fix as fix
    from nndiag.api import gradcheck as gradcheck
    from nndiag.api import load_experiment as load_experiment
    from nndiag.api import sweep_lr as sweep_lr
    from nndiag.api import train as train
    from nndiag.loop import Recorder as Recorder
    from nndiag.results import RunResult as RunResult

__version__ = "0.1.0"

_HOMES = {
    "Recorder": "nndiag.loop",
    "RunResult": "nndiag.results",
    "diagnose": "nndiag.api",
    "doctor": "nndiag.api",
    "fix": "nndiag.api",
    "gradcheck": "nndiag.api",
    "load_experiment": "nndiag.api",
    "sweep_lr": "nndiag.api",
    "train": "nndiag.api",
}
"""Public name → the module it lives in."""

__all__ = [
    "Recorder",
    "RunResult",
    "__version__",
    "diagnose",
    "doctor",
    "fix",
    "gradcheck",
    "load_experiment",
    "sweep_lr",
    "train",
]


def __getattr__(name: str) -> "Any":
    if name == "testing":
        return importlib.import_module("nndiag.testing")
    if name not in _HOMES:
        raise AttributeError(f"module 'nndiag' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})

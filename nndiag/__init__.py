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

    from nndiag.loop import Recorder as Recorder
    from nndiag.loop.notebook import load_ipython_extension as load_ipython_extension
    from nndiag.loop.notebook import watch as watch
    from nndiag.verbs.compare import compare as compare
    from nndiag.verbs.demo import demo as demo
    from nndiag.verbs.diagnose import diagnose as diagnose
    from nndiag.verbs.doctor import doctor as doctor
    from nndiag.verbs.explain import explain as explain
    from nndiag.verbs.fix import fix as fix
    from nndiag.verbs.gradcheck import gradcheck as gradcheck
    from nndiag.verbs.grade import grade as grade
    from nndiag.verbs.init import init as init
    from nndiag.verbs.run import RunResult as RunResult
    from nndiag.verbs.schema import schema as schema
    from nndiag.verbs.sweep_lr import sweep_lr as sweep_lr
    from nndiag.verbs.target import load_experiment as load_experiment
    from nndiag.verbs.train import train as train

__version__ = "0.2.0"

_HOMES = {
    "Recorder": "nndiag.loop",
    "RunResult": "nndiag.verbs.run",
    "compare": "nndiag.verbs.compare",
    "demo": "nndiag.verbs.demo",
    "diagnose": "nndiag.verbs.diagnose",
    "doctor": "nndiag.verbs.doctor",
    "explain": "nndiag.verbs.explain",
    "fix": "nndiag.verbs.fix",
    "gradcheck": "nndiag.verbs.gradcheck",
    "grade": "nndiag.verbs.grade",
    "init": "nndiag.verbs.init",
    "load_experiment": "nndiag.verbs.target",
    "load_ipython_extension": "nndiag.loop.notebook",
    "schema": "nndiag.verbs.schema",
    "sweep_lr": "nndiag.verbs.sweep_lr",
    "train": "nndiag.verbs.train",
    "watch": "nndiag.loop.notebook",
}
"""Public name → the module it lives in."""

__all__ = [
    "Recorder",
    "RunResult",
    "__version__",
    "compare",
    "demo",
    "diagnose",
    "doctor",
    "explain",
    "fix",
    "gradcheck",
    "grade",
    "init",
    "load_experiment",
    "load_ipython_extension",
    "schema",
    "sweep_lr",
    "train",
    "watch",
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

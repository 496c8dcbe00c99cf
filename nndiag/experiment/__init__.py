"""The description: a config file, checked to the last key, and what is built from it.

May import `nn`, `finding`, `registry` and `errors`. A new component needs nothing here: its
options become keys by its function's signature. A new key of any other kind is a field in
`config`.
"""

from nndiag.experiment.config import Config
from nndiag.experiment.loading import (
    Experiment,
    ProgramExperiment,
    experiment_of,
    load_experiment,
    load_program,
    resolved_yaml,
    yaml_of,
)

__all__ = [
    "Config",
    "Experiment",
    "ProgramExperiment",
    "experiment_of",
    "load_experiment",
    "load_program",
    "resolved_yaml",
    "yaml_of",
]

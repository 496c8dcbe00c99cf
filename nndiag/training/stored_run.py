"""A run's folder: what is stored before its first step and after its last one."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from warnings import catch_warnings

import numpy as np
from numpy.typing import NDArray

from nndiag import __version__
from nndiag.archive import ArchiveError, arrays_in, names_in
from nndiag.arrays import FloatArray
from nndiag.errors import NndiagWarning, RunError, warn
from nndiag.experiment import Experiment, resolved_yaml
from nndiag.experiment.building import Built
from nndiag.trace import TraceRecorder, TraceWriter
from nndiag.trace.reader import LARGEST_DATA, read_trace
from nndiag.trace.run_folder import (
    claim_folder,
    create_run_folder,
    write_environment,
    write_file,
    write_parameters,
)
from nndiag.training.trainer import TrainingResult


def new_run(experiment: Experiment, runs: Path) -> Path:
    """A new folder below `runs`, with all that is known of a run before it starts.

    Raises:
        RunError: It cannot be written.
    """
    folder = create_run_folder(runs, name=experiment.config.name, time=datetime.now())
    _begin(folder, experiment)
    return folder


def _begin(folder: Path, experiment: Experiment) -> None:
    """Write down what is trained, and what with."""
    write_file(folder / "config.yaml", resolved_yaml(experiment).encode())
    write_environment(folder, seed=experiment.config.seed)


def recorder_of(
    experiment: Experiment, built: Built, wanted: Path | None
) -> tuple[TraceRecorder, Path | None]:
    """A recorder that writes into a new folder, and that folder; in memory only where that fails.

    Args:
        experiment: What is trained.
        built: The same, built.
        wanted: The folder, with a number behind it where it is taken; None for memory only.
    """
    if wanted is None:
        return TraceRecorder(layers=built.layer_names), None
    try:
        folder = claim_folder(wanted)
        _begin(folder, experiment)
        sink = TraceWriter(folder, layers=built.layer_names)
    except RunError as error:
        warn(f"the run is not recorded: {error}")
        return TraceRecorder(layers=built.layer_names), None
    return TraceRecorder(layers=built.layer_names, sink=sink), folder


def recorded(experiment: Experiment, built: Built, wanted: Path) -> TrainingResult | None:
    """A whole training of this experiment that this version has recorded; None where none is.

    What is damaged is none: judged without what is lost, it would be another run.

    Args:
        experiment: What is trained.
        built: The same, built.
        wanted: Its folder, or that with a number behind it.
    """
    own = resolved_yaml(experiment).encode()
    for folder in sorted(wanted.parent.glob(f"{wanted.name}*")):
        try:
            same = (folder / "config.yaml").read_bytes() == own
            version = json.loads((folder / "environment.json").read_bytes())["nndiag"]
            if same and version == __version__:
                parameters = _flat(built, (folder / "parameters.npz").read_bytes())
                with catch_warnings(action="error", category=NndiagWarning):
                    return TrainingResult(read_trace(folder), parameters)
        except (OSError, ValueError, LookupError, TypeError, ArchiveError, RunError, NndiagWarning):
            continue  # cut off, damaged, or not ours
    return None


def recorded_seconds(result: TrainingResult) -> float:
    """Time that a recorded training took, by its files."""
    folder = Path(result.trace.source)
    begun, ended = (folder / name for name in ("config.yaml", "ending.json"))
    return ended.stat().st_mtime - begun.stat().st_mtime


def keep_parameters(folder: Path, parameters: Mapping[str, FloatArray]) -> None:
    """Store the last parameters by name; where they cannot be written that is a warning."""
    try:
        write_parameters(folder, parameters)
    except RunError as error:
        warn(f"the parameters could not be stored: {error}")


def _flat(built: Built, archive: bytes) -> FloatArray:
    """Stored parameters, shape (P,).

    Raises:
        ArchiveError, LookupError, ValueError: They are not those of the network.
    """
    flat = np.empty(built.shape.size)
    places = named_parameters(built, flat)  # views
    arrays = arrays_in(archive, names_in(archive, largest=LARGEST_DATA))
    for name, place in places.items():
        place[...] = arrays[name]
    return flat


def named_parameters(
    built: Built, parameters: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """Weights (units, inputs) and biases (units,) by name: "layer1.weights", "layer1.biases".

    Args:
        built: The experiment.
        parameters: Shape (P,).
    """
    arrays = {}
    parts = built.shape.weights_and_biases(parameters)
    for name, (weights, biases) in zip(built.layer_names, parts, strict=True):
        arrays[f"{name}.weights"] = weights
        if biases is not None:
            arrays[f"{name}.biases"] = biases
    return arrays

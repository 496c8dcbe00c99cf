"""A run's folder: what is stored before its first step and after its last one."""

from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nndiag.errors import RunError, warn
from nndiag.experiment import Experiment, resolved_yaml
from nndiag.experiment.building import Built
from nndiag.trace import TraceRecorder, TraceWriter
from nndiag.trace.run_folder import (
    claim_folder,
    create_run_folder,
    write_environment,
    write_file,
)


def new_run(experiment: Experiment, runs: Path) -> Path:
    """A new folder below `runs`, with all that is known of a run before it starts.

    Raises:
        RunError: It cannot be written.
    """
    config = experiment.config
    folder = create_run_folder(runs, name=config.name, time=datetime.now())
    write_file(folder / "config.yaml", resolved_yaml(experiment).encode())
    write_environment(folder, seed=config.seed)
    return folder


def recorder_of(experiment: Experiment, built: Built, wanted: Path | None) -> TraceRecorder:
    """A recorder that writes into a new folder of that path; in memory only where that fails.

    Args:
        experiment: What is trained.
        built: The same, built.
        wanted: The folder, with a number behind it where it is taken; None for memory only.
    """
    if wanted is None:
        return TraceRecorder(layers=built.layer_names)
    try:
        folder = claim_folder(wanted)
        write_file(folder / "config.yaml", resolved_yaml(experiment).encode())
        sink = TraceWriter(folder, layers=built.layer_names)
    except RunError as error:
        warn(f"the run is not recorded: {error}")
        return TraceRecorder(layers=built.layer_names)
    return TraceRecorder(layers=built.layer_names, sink=sink)


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

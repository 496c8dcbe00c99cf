"""`train`: train, record, diagnose, store."""

import time
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nndiag.errors import RunError, warn
from nndiag.plain import json_text
from nndiag.trace.run_folder import write_file, write_parameters
from nndiag.verbs.run import RunResult, judged
from nndiag.verbs.target import (
    ExperimentLike,
    Kind,
    Overrides,
    kind_of,
    load_experiment,
    program_of,
    words_of,
)
from nndiag.verbs.train_program import train_program
from nndiag.verbs.wanted import Thresholds, check_diagnosis_section, wanted

if TYPE_CHECKING:
    from nndiag.experiment import Experiment
    from nndiag.experiment.building import Built
    from nndiag.trace import Facts, Recorder
    from nndiag.training import Progress, TrainingResult


def train(
    config: ExperimentLike,
    overrides: Overrides = (),
    *,
    runs: str | Path | None = None,
    plots: bool = True,
    thresholds: Thresholds | None = None,
    ignore: Collection[str] | None = None,
    select: Collection[str] | None = None,
    confirm: bool = False,
    progress: "Callable[[Progress], None] | None" = None,
    notice: Callable[[str], None] | None = None,
    started: "Callable[[Facts], None] | None" = None,
    steps: int | None = None,
    seconds: float | None = None,
    python: str | None = None,
) -> RunResult:
    """Train the network of a config, or a program as it stands, and say what is wrong with it.

    Args:
        config: As `load_experiment` takes it, or a program: `"net.py"`, `"net.py:Class"`,
            `"net.ipynb"`. A program is run, with your rights, to the end of its training.
        overrides: As `load_experiment` takes them; for a program what is what in it.
        runs: Where to store the run, in a new folder; None keeps it in memory.
        plots: Whether to draw pictures into that folder.
        thresholds: Problem → threshold → value; they go before the config's own.
        ignore: Problems that are not looked at, besides those that the config ignores.
        select: The only problems that are looked at.
        confirm: Whether to try remedies afterwards, to confirm or to doubt the cause.
        progress: Called about ten times a second.
        notice: Told what is tried to confirm the cause.
        started: Told what is known before the first step.
        steps: For a program: steps after which it is stopped.
        seconds: For a program: time after which its training is stopped.
        python: For a program: the Python that runs it; by default that of the active environment,
            else `python` on the path.

    Raises:
        NndiagError: The config or the program cannot be used, or no folder can be made.
        KeyboardInterrupt: Ctrl-C before the first step.
    """
    from nndiag.experiment.building import build  # noqa: PLC0415 (only what a verb needs)
    from nndiag.training.facts import facts_of  # noqa: PLC0415
    from nndiag.training.stored_run import named_parameters, new_run  # noqa: PLC0415

    looked_for: dict[str, Any] = {"thresholds": thresholds, "ignore": ignore, "select": select}
    program = program_of(config, overrides) if kind_of(str(config)) is Kind.PROGRAM else None
    if program is not None:
        result: RunResult = train_program(
            program,
            config=words_of(config, overrides) or "",
            runs=None if runs is None else Path(runs),
            steps=steps,
            seconds=seconds,
            python=python,
            notice=notice,
            **looked_for,
        )
        if plots:
            result.draw()
        return result
    experiment = load_experiment(config, overrides)
    check_diagnosis_section(experiment)
    wanted(experiment.resolved, **looked_for)  # what does not exist is told before the training
    built = build(experiment)
    facts = facts_of(built, explained=True)
    if started is not None:
        started(facts)
    folder = None if runs is None else new_run(experiment, Path(runs))
    start = time.monotonic()
    trained = _trained(built, folder, facts=facts, progress=progress)
    seconds = time.monotonic() - start
    if not trained.trace.steps:
        place = "" if folder is None else f"; nothing was recorded in {folder}"
        raise KeyboardInterrupt(f"interrupted before the first step{place}")
    result = judged(
        trained.trace,
        **looked_for,
        name=built.name,
        run=folder,
        config=words_of(config, overrides),
        parameters=named_parameters(built, trained.parameters),
        command="train",
    )
    if confirm:
        result = _confirmed(result, experiment, built, trained, seconds=seconds, notice=notice)
    if folder is not None:
        _store(result, folder)
    if plots:
        result.draw()
    return result


def _trained(
    built: "Built",
    folder: Path | None,
    *,
    facts: "Facts",
    progress: "Callable[[Progress], None] | None",
) -> "TrainingResult":
    """The training, recorded on disk where there is a folder."""
    from nndiag.training import train as take_steps  # noqa: PLC0415 (only what a verb needs)
    from nndiag.training.reference import REFERENCE_SECONDS  # noqa: PLC0415

    recorder = _recorder(built.layer_names, folder)
    try:
        return take_steps(
            built, recorder, facts=facts, progress=progress, reference_seconds=REFERENCE_SECONDS
        )
    finally:
        recorder.close()
        if recorder.sink_error is not None:
            warn(f"the run could not be recorded to its end: {recorder.sink_error}")


def _recorder(layers: tuple[str, ...], folder: Path | None) -> "Recorder":
    from nndiag.trace import Recorder, TraceWriter  # noqa: PLC0415 (only what a verb needs)

    sink = None if folder is None else TraceWriter(folder, layers=layers)
    return Recorder(layers=layers, sink=sink)


def _confirmed(
    result: RunResult,
    experiment: "Experiment",
    built: "Built",
    trained: "TrainingResult",
    *,
    seconds: float,
    notice: Callable[[str], None] | None,
) -> RunResult:
    """The result with its cause confirmed or demoted by trying the remedies against it."""
    from nndiag.fixing import confirm, run_of  # noqa: PLC0415 (only where it is asked for)

    run = run_of(experiment, built, trained, result.diagnosis, seconds=seconds)
    try:
        diagnosis = confirm(run, notice=notice or (lambda text: None)).diagnosis
    except KeyboardInterrupt:
        warn("interrupted: the cause is as it was before the trials")
        return result
    return replace(result, diagnosis=diagnosis)


def _store(result: RunResult, folder: Path) -> None:
    """Write the parameters and the diagnosis; what cannot be written is a warning."""
    try:
        write_parameters(folder, result.parameters)
    except RunError as error:
        warn(f"the parameters could not be stored: {error}")
    try:
        write_file(folder / "diagnosis.json", json_text(result.to_dict()).encode())
    except RunError as error:
        warn(f"the diagnosis could not be stored: {error}")

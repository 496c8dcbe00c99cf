"""`train`: train, record, diagnose, store."""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nndiag.errors import RunError, warn
from nndiag.plain import json_text
from nndiag.trace.run_folder import write_file
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
from nndiag.verbs.wanted import Thresholds, check_diagnosis_section, wanted

if TYPE_CHECKING:
    from nndiag.experiment import Experiment
    from nndiag.experiment.building import Built
    from nndiag.program import CodeSettings
    from nndiag.trace import Facts, TraceRecorder
    from nndiag.training import Progress, TrainingResult
    from nndiag.verbs.live import Watch


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
    watch: "Watch | None" = None,
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
        notice: Told of the reference fit, and what is tried to confirm the cause.
        started: Told what is known before the first step.
        steps: For a program: steps after which it is stopped.
        seconds: For a program: time after which its training is stopped.
        python: For a program: the Python that runs it; the user's own by default.
        watch: Called a few times a second while it trains, with a function that gives the run until
            now.

    Raises:
        NndiagError: The config or the program cannot be used, or no folder can be made.
        KeyboardInterrupt: Ctrl-C before the first step.
    """
    looked_for: dict[str, Any] = {"thresholds": thresholds, "ignore": ignore, "select": select}
    folder = None if runs is None else Path(runs)
    program = program_of(config, overrides) if kind_of(str(config)) is Kind.PROGRAM else None
    result: RunResult
    if program is not None:
        words = words_of(config, overrides) or ""
        limits: dict[str, Any] = {"steps": steps, "seconds": seconds, "python": python}
        limits |= looked_for | {"notice": notice, "watch": watch}
        result = _program_trained(program, config=words, runs=folder, **limits)
    else:
        told = _Told(started, progress, notice, watch)
        own = words_of(config, overrides)
        run = _taken(load_experiment(config, overrides), folder, looked_for, told)
        result = _stored(run, looked_for, config=own, confirmed=confirm, notice=notice)
    if plots:
        result.draw()
    return result


def _program_trained(program: "CodeSettings", **about: Any) -> RunResult:
    from nndiag.verbs.train_program import train_program  # noqa: PLC0415 (only for programs)

    return train_program(program, **about)


@dataclass(frozen=True)
class _Told:
    """Who is told before the first step, while it trains, and what else is done."""

    started: "Callable[[Facts], None] | None"
    progress: "Callable[[Progress], None] | None"
    notice: Callable[[str], None] | None
    watch: "Watch | None" = None


@dataclass(frozen=True, eq=False)
class _Taken:
    """A training that was made: of what, into which folder, in how many seconds."""

    experiment: "Experiment"
    built: "Built"
    folder: Path | None
    trained: "TrainingResult"
    seconds: float


def _taken(
    experiment: "Experiment",
    runs: Path | None,
    looked_for: Mapping[str, Any],
    told: _Told,
) -> _Taken:
    """The training of a config's network.

    Args:
        experiment: What is trained.
        runs: Where to store it, in a new folder.
        looked_for: What does not exist of it is told before the training.
        told: Who is told of it.
    """
    from nndiag.experiment.building import build  # noqa: PLC0415 (only what a verb needs)
    from nndiag.training.facts import facts_of  # noqa: PLC0415
    from nndiag.training.stored_run import new_run  # noqa: PLC0415

    check_diagnosis_section(experiment)
    wanted(experiment.resolved, **looked_for)
    built = build(experiment)
    facts = facts_of(built, explained=True)
    if told.started is not None:
        told.started(facts)
    folder = None if runs is None else new_run(experiment, runs)
    start = time.monotonic()
    trained = _trained(built, folder, facts=facts, told=told)
    if not trained.trace.steps:
        place = "" if folder is None else f"; nothing was recorded in {folder}"
        raise KeyboardInterrupt(f"interrupted before the first step{place}")
    return _Taken(experiment, built, folder, trained, time.monotonic() - start)


def _stored(
    run: _Taken,
    looked_for: Mapping[str, Any],
    *,
    config: str | None,
    confirmed: bool,
    notice: Callable[[str], None] | None,
) -> RunResult:
    """The run with what is said about it, in its folder where it has one."""
    result = _judged(run, looked_for, config=config)
    if confirmed:
        result = _confirmed(result, run, notice=notice)
    if run.folder is not None:
        _store(result, run.folder)
    return result


def _judged(run: _Taken, looked_for: Mapping[str, Any], *, config: str | None) -> RunResult:
    """The run with what is said about it."""
    from nndiag.training.stored_run import named_parameters  # noqa: PLC0415 (what a verb needs)

    return judged(
        run.trained.trace,
        **looked_for,
        name=run.built.name,
        run=run.folder,
        config=config,
        parameters=named_parameters(run.built, run.trained.parameters),
        command="train",
    )


def _trained(
    built: "Built",
    folder: Path | None,
    *,
    facts: "Facts",
    told: _Told,
) -> "TrainingResult":
    """The training, recorded on disk where there is a folder."""
    from nndiag.training import train as take_steps  # noqa: PLC0415 (only what a verb needs)
    from nndiag.training.reference import REFERENCE_SECONDS  # noqa: PLC0415

    recorder = _recorder(built.layer_names, folder)
    try:
        return take_steps(
            built,
            recorder,
            facts=facts,
            progress=_seen(recorder, told),
            reference_seconds=REFERENCE_SECONDS,
            notice=told.notice or (lambda text: None),
        )
    finally:
        recorder.close()
        if recorder.sink_error is not None:
            warn(f"the run could not be recorded to its end: {recorder.sink_error}")


def _seen(recorder: "TraceRecorder", told: _Told) -> "Callable[[Progress], None] | None":
    """Tells of the progress, and hands on what is recorded until then."""
    watch = told.watch
    if watch is None:
        return told.progress

    def seen(progress: "Progress") -> None:
        if told.progress is not None:
            told.progress(progress)
        watch(recorder.trace)

    return seen


def _recorder(layers: tuple[str, ...], folder: Path | None) -> "TraceRecorder":
    from nndiag.trace import TraceRecorder, TraceWriter  # noqa: PLC0415 (only what a verb needs)

    sink = None if folder is None else TraceWriter(folder, layers=layers)
    return TraceRecorder(layers=layers, sink=sink)


def _confirmed(
    result: RunResult, run: _Taken, *, notice: Callable[[str], None] | None
) -> RunResult:
    """The result with its cause confirmed or demoted by trying the remedies against it."""
    from nndiag.fixing import confirm, run_of  # noqa: PLC0415 (only where it is asked for)

    failing = run_of(run.experiment, run.built, run.trained, result.diagnosis, seconds=run.seconds)
    try:
        diagnosis = confirm(failing, notice=notice or (lambda text: None)).diagnosis
    except KeyboardInterrupt:
        warn("interrupted: the cause is as it was before the trials")
        return result
    return replace(result, diagnosis=diagnosis)


def _store(result: RunResult, folder: Path) -> None:
    """Write the parameters and the diagnosis; what cannot be written is a warning."""
    from nndiag.training.stored_run import keep_parameters  # noqa: PLC0415 (what a verb needs)

    keep_parameters(folder, result.parameters)
    try:
        write_file(folder / "diagnosis.json", json_text(result.to_dict()).encode())
    except RunError as error:
        warn(f"the diagnosis could not be stored: {error}")

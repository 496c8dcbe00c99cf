"""The verbs of the command line as functions: they return frozen results and print nothing.

Each result has `repr` for a line, `str` or `print` for the report, `to_dict()` for the JSON object,
and shows itself in a notebook. What a verb needs is imported when it is called.
"""

import json
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from nndiag.experiment import Experiment, experiment_of
from nndiag.experiment import load_experiment as _load
from nndiag.results import RunResult, judged
from nndiag.trace import Trace

if TYPE_CHECKING:
    from nndiag.program import CodeSettings
    from nndiag.results.checkup import CheckupResult
    from nndiag.results.fix import FixResult
    from nndiag.results.gradcheck import NetworkCheckResult, ProgramCheckResult
    from nndiag.results.run import Thresholds
    from nndiag.results.sweep import SweepResult
    from nndiag.training import Progress

Overrides: TypeAlias = Mapping[str, Any] | Sequence[str]
_PROGRAMS = (".py", ".ipynb")
ExperimentLike: TypeAlias = Experiment | Mapping[str, Any] | str | Path


def load_experiment(config: ExperimentLike, overrides: Overrides = ()) -> Experiment:
    """A config, read and checked.

    Args:
        config: A file, the settings of one as a dict, or an experiment.
        overrides: Settings that replace those of the config: `{"optimizer.learning_rate": 0.01}`
            or `["optimizer.learning_rate=0.01"]`.

    Raises:
        ConfigError: Anything that is wrong with it, all problems at once.
    """
    texts = _override_texts(overrides)
    if isinstance(config, str | Path):
        return _load(config, texts)
    settings = config.resolved if isinstance(config, Experiment) else config
    if isinstance(config, Experiment) and not texts:
        return config
    return experiment_of(settings, overrides=texts)


def train(
    config: ExperimentLike,
    overrides: Overrides = (),
    *,
    runs: str | Path | None = None,
    progress: "Callable[[Progress], None] | None" = None,
    thresholds: "Thresholds | None" = None,
    ignore: Collection[str] = (),
    select: Collection[str] | None = None,
    confirm: bool = False,
) -> RunResult:
    """Train the network of a config and say what is wrong with it.

    Args:
        config: As `load_experiment` takes it.
        overrides: As `load_experiment` takes them.
        runs: Where to store the run, in a new folder; None keeps it in memory.
        progress: Called about ten times a second.
        thresholds: Problem → threshold → value; they go before the config's own.
        ignore: Problems that are not looked at, besides those that the config ignores.
        select: The only problems that are looked at.
        confirm: Whether to try remedies afterwards, to confirm or to doubt the cause.

    Raises:
        NndiagError: The config cannot be used, or the run cannot be stored.
    """
    from nndiag.experiment.building import build  # noqa: PLC0415 (only what a verb needs)
    from nndiag.trace.run_folder import write_parameters  # noqa: PLC0415
    from nndiag.training import train as take_steps  # noqa: PLC0415
    from nndiag.training.facts import facts_of  # noqa: PLC0415
    from nndiag.training.reference import REFERENCE_SECONDS  # noqa: PLC0415
    from nndiag.training.stored_run import named_parameters, new_run  # noqa: PLC0415

    experiment = load_experiment(config, overrides)
    built = build(experiment)
    folder = None if runs is None else new_run(experiment, Path(runs))
    recorder = _recorder(built.layer_names, folder)
    start = time.monotonic()
    try:
        result = take_steps(
            built,
            recorder,
            facts=facts_of(built, explained=True),
            progress=progress,
            reference_seconds=REFERENCE_SECONDS,
        )
    finally:
        recorder.close()
    seconds = time.monotonic() - start
    parameters = named_parameters(built, result.parameters)
    if folder is not None:
        if recorder.sink_error is not None:
            raise recorder.sink_error
        write_parameters(folder, parameters)
    found = judged(
        result.trace,
        name=built.name,
        run=folder,
        config=None if experiment.source is None else str(experiment.source),
        parameters=parameters,
        **_wanted(experiment.resolved, thresholds=thresholds, ignore=ignore, select=select),
    )
    if not confirm:
        return found
    from nndiag.fixing import confirm as tried  # noqa: PLC0415 (only where it is asked for)
    from nndiag.fixing import run_of  # noqa: PLC0415

    run = run_of(experiment, built, result, found.diagnosis, seconds=seconds)
    return replace(found, diagnosis=tried(run).diagnosis)


def diagnose(
    run: RunResult | Trace | str | Path,
    *,
    thresholds: "Thresholds | None" = None,
    ignore: Collection[str] = (),
    select: Collection[str] | None = None,
) -> RunResult:
    """What is to be said about a run; nothing is trained.

    Args:
        run: A run's folder, a log of another program (CSV or JSON), a trace, or a result.
        thresholds: Problem → threshold → value; they go before the config's own.
        ignore: Problems that are not looked at, besides those that the config ignores.
        select: The only problems that are looked at.

    Raises:
        RunError: There is no run, or it cannot be read.
        ConfigError, UnknownNameError: A threshold or a problem does not exist.
    """
    from nndiag.trace.foreign import read_run  # noqa: PLC0415 (only what a verb needs)

    known = run if isinstance(run, RunResult) else None
    if isinstance(run, str | Path):
        folder: Path | None = Path(run)
        trace = read_run(Path(run))
    else:
        folder = None if known is None else known.run
        trace = run if isinstance(run, Trace) else run.trace
    settings = trace.facts.settings
    source = Path(trace.source).name or "run"
    return judged(
        trace,
        name=str(settings.get("name", source)) if known is None else known.name,
        run=folder,
        config=None if known is None else known.config,
        parameters=None if known is None else known.parameters,
        **_wanted(settings, thresholds=thresholds, ignore=ignore, select=select),
    )


def gradcheck(
    target: ExperimentLike,
    overrides: Overrides = (),
    *,
    seconds: float = 10.0,
    loss: str | None = None,
    parameters: Sequence[str] = (),
    learning_rate: str | float | None = None,
    gradients: Mapping[str, str] | None = None,
    functions: str | None = None,
) -> "NetworkCheckResult | ProgramCheckResult":
    """Whether a gradient is right, and if not, which bug it is.

    Args:
        target: A config as `load_experiment` takes it, or a program: `"net.py"`, `"net.py:Class"`,
            `"net.ipynb"`. A program is run, with your rights, as far as its training loop.
        overrides: For a config: as `load_experiment` takes them.
        seconds: Time for searches and experiments.
        loss: For a program: the expression of its loss, where it cannot be found.
        parameters: For a program: the names of its parameters, where they cannot be found.
        learning_rate: For a program: the expression of its rate, where it cannot be found.
        gradients: For a program: parameter → the expression of its gradient.
        functions: For a program without a loop: the statements that make one step.

    Raises:
        NndiagError: The config cannot be used, or the program cannot be run or understood.
    """
    from nndiag.results.gradcheck import (  # noqa: PLC0415 (only what a verb needs)
        NetworkCheckResult,
        ProgramCheckResult,
    )
    from nndiag.results.shown import shown_as  # noqa: PLC0415

    code = _program(target, overrides)
    if code is None:
        from nndiag.analysis.network_check import check_network  # noqa: PLC0415
        from nndiag.experiment.building import build  # noqa: PLC0415

        check = check_network(build(load_experiment(target, overrides)), seconds=seconds)
        return shown_as(NetworkCheckResult, check)
    from nndiag.program import check_program  # noqa: PLC0415

    said: dict[str, Any] = {
        "loss": loss,
        "parameters": tuple(parameters),
        "learning_rate": None if learning_rate is None else str(learning_rate),
        "gradients": dict(gradients or {}),
        "functions": functions,
    }
    code = replace(code, **{key: value for key, value in said.items() if value})
    return shown_as(ProgramCheckResult, check_program(code, seconds=seconds))


def sweep_lr(
    config: ExperimentLike,
    overrides: Overrides = (),
    *,
    seeds: int = 3,
    rates: int | None = None,
    steps: int | None = None,
    low: float | None = None,
    high: float | None = None,
    progress: Callable[[int], None] | None = None,
) -> "SweepResult":
    """Which learning rates work, where the edge is, and what theory says.

    Args:
        config: As `load_experiment` takes it, or a program as `gradcheck` takes it; a program has
            its own steps and rates, and the options below are for configs.
        overrides: As `load_experiment` takes them.
        seeds: Seeds per rate.
        rates: Number of rates; four per decade by default.
        steps: Steps of each run; as many as are affordable by default.
        low: Smallest rate; found by default.
        high: Largest rate; found by default.
        progress: Called with the number of runs that have just ended.

    Raises:
        NndiagError: The config cannot be used.
    """
    from nndiag.results.shown import shown_as  # noqa: PLC0415 (only what a verb needs)
    from nndiag.results.sweep import SweepResult  # noqa: PLC0415
    from nndiag.training.lr_sweep import sweep_learning_rates  # noqa: PLC0415

    code = _named_program(config)
    if code is not None:
        from nndiag.diagnosis.program_sweep import sweep_program  # noqa: PLC0415

        return shown_as(SweepResult, sweep_program(code, progress=progress))
    found = sweep_learning_rates(
        load_experiment(config, overrides),
        seeds=seeds,
        rates=rates,
        steps=steps,
        low=low,
        high=high,
        progress=progress,
    )
    return shown_as(SweepResult, found)


def fix(
    config: ExperimentLike,
    overrides: Overrides = (),
    *,
    seconds: float | None = None,
    notice: Callable[[str], None] | None = None,
    write: bool = False,
) -> "FixResult":
    """Try the remedies on a config that does not train, and find the smallest change that cures it.

    Args:
        config: As `load_experiment` takes it.
        overrides: As `load_experiment` takes them.
        seconds: Time for the trials; by default the work of 16 trainings is the limit.
        notice: Told what is being tried.
        write: Whether to write the cured config beside the config's file.

    Raises:
        NndiagError: The config cannot be used, or the cured one cannot be written.
    """
    from nndiag.fixing import fix as search  # noqa: PLC0415 (only what a verb needs)
    from nndiag.fixing import write_cured  # noqa: PLC0415
    from nndiag.results.fix import FixResult  # noqa: PLC0415
    from nndiag.results.shown import shown_as  # noqa: PLC0415

    experiment = load_experiment(config, overrides)
    found = search(experiment, seconds=seconds, notice=notice or (lambda text: None))
    result = shown_as(FixResult, found)
    if write and result.fixed is not None and experiment.source is not None:
        write_cured(experiment.source, result.fixed, comment="What cures it, found by nndiag.fix")
    return result


def doctor(config: ExperimentLike, overrides: Overrides = ()) -> "CheckupResult":
    """What is worth checking before any training, checked.

    Args:
        config: As `load_experiment` takes it.
        overrides: As `load_experiment` takes them.

    Raises:
        NndiagError: The config cannot be used.
    """
    from nndiag.checkup import checkup  # noqa: PLC0415 (only what a verb needs)
    from nndiag.results.checkup import CheckupResult  # noqa: PLC0415
    from nndiag.results.shown import shown_as  # noqa: PLC0415

    return shown_as(CheckupResult, checkup(load_experiment(config, overrides)))


def _named_program(target: ExperimentLike) -> "CodeSettings | None":
    """The program of a path such as "net.py" or "net.py:Class"; None for a config."""
    file, colon, class_name = str(target).rpartition(":")
    with_class = bool(colon) and class_name.isidentifier() and file.endswith(_PROGRAMS)
    if not isinstance(target, str | Path) or not (with_class or str(target).endswith(_PROGRAMS)):
        return None
    from nndiag.program import CodeSettings  # noqa: PLC0415 (only what a verb needs)

    text = str(target)
    return CodeSettings(class_name=text) if with_class else CodeSettings(script=text)


def _program(target: ExperimentLike, overrides: Overrides) -> "CodeSettings | None":
    """Which program is meant; None where it is a config of a network."""
    named = _named_program(target)
    if named is not None or not isinstance(target, str | Path):
        return named
    from nndiag.experiment import load_program  # noqa: PLC0415 (only what a verb needs)
    from nndiag.program import CodeSettings  # noqa: PLC0415

    program = load_program(target, _override_texts(overrides))
    if program is None:
        return None
    code = program.config.code
    functions = code.functions
    rate = code.learning_rate
    return CodeSettings(
        script=None if code.script is None else str(code.script),
        class_name=code.class_,
        functions="\n".join(functions) if isinstance(functions, list) else functions,
        loss=code.loss,
        parameters=tuple(code.parameters or ()),
        learning_rate=None if rate is None else str(rate),
        gradients=dict(code.gradients or {}),
    )


def _override_texts(overrides: Overrides) -> list[str]:
    """`key=value` each, as a config file would have the values."""
    if isinstance(overrides, str):
        return [overrides]
    if isinstance(overrides, Mapping):
        return [f"{key}={_yaml_value(value)}" for key, value in overrides.items()]
    return list(overrides)


def _yaml_value(value: Any) -> str:
    if isinstance(value, str):
        return value
    if hasattr(value, "tolist"):
        value = value.tolist()
    return json.dumps(value, default=str)


def _recorder(layers: tuple[str, ...], folder: Path | None) -> Any:
    from nndiag.trace import Recorder, TraceWriter  # noqa: PLC0415

    sink = None if folder is None else TraceWriter(folder, layers=layers)
    return Recorder(layers=layers, sink=sink)


def _wanted(
    settings: Mapping[str, Any],
    *,
    thresholds: "Thresholds | None",
    ignore: Collection[str],
    select: Collection[str] | None,
) -> dict[str, Any]:
    """What a config and a caller ask for together."""
    section = settings.get("diagnosis") or {}
    merged = {
        problem: dict(values) for problem, values in (section.get("thresholds") or {}).items()
    }
    for problem, values in (thresholds or {}).items():
        merged.setdefault(problem, {}).update(values)
    ignored = (*(section.get("ignore") or ()), *ignore)
    return {"thresholds": merged, "ignore": ignored, "select": select}

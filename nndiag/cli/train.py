"""`nndiag train CONFIG`: train, record, diagnose, report, plot."""

import shlex
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from nndiag.cli.options import (
    ConfigArgument,
    ConfirmOption,
    FailOn,
    FailOnOption,
    HtmlOption,
    IgnoreOption,
    JsonOption,
    OverridesArgument,
    PlotsOption,
    QuietOption,
    RunsOption,
    SelectOption,
    exit_code,
)
from nndiag.cli.streams import complain, notice, warn
from nndiag.errors import ExitCode, RunError

if TYPE_CHECKING:
    from nndiag.experiment.building import Built
    from nndiag.finding import Diagnosis
    from nndiag.fixing import Run
    from nndiag.trace import Facts
    from nndiag.training import TrainingResult


def train(
    config: ConfigArgument,
    overrides: OverridesArgument = None,
    *,
    json: JsonOption = False,
    plots: PlotsOption = True,
    runs: RunsOption = Path("runs"),
    quiet: QuietOption = False,
    fail_on: FailOnOption = FailOn.ERROR,
    ignore: IgnoreOption = None,
    select: SelectOption = None,
    confirm: ConfirmOption = False,
    html: HtmlOption = None,
) -> None:
    """Train a network and say what is wrong with it."""
    from nndiag.cli.diagnosis_section import check_diagnosis_section  # noqa: PLC0415
    from nndiag.cli.judging import Wanted, draw, judge, store, tell  # noqa: PLC0415
    from nndiag.experiment import load_experiment  # noqa: PLC0415
    from nndiag.experiment.building import build  # noqa: PLC0415
    from nndiag.training.facts import facts_of  # noqa: PLC0415
    from nndiag.training.stored_run import new_run  # noqa: PLC0415

    experiment = load_experiment(config, overrides or ())
    check_diagnosis_section(experiment)
    wanted = Wanted.of_settings(experiment.resolved, ignore=ignore, select=select)
    built = build(experiment)
    facts = facts_of(built, explained=True)
    if not (json or quiet):
        _warn_of_instability(facts)
    folder = new_run(experiment, runs)
    start = time.monotonic()
    result = _trained(built, folder, facts=facts, quiet=quiet)
    seconds = time.monotonic() - start
    if not result.trace.steps:
        complain(f"interrupted before the first step; nothing was recorded in {folder}")
        raise typer.Exit(ExitCode.INTERRUPTED)
    judged = judge(
        result.trace,
        wanted,
        command="train",
        name=built.name,
        config=shlex.join([str(config), *(overrides or ())]),
    )
    if confirm:
        from nndiag.fixing import run_of  # noqa: PLC0415

        run = run_of(experiment, built, result, judged.diagnosis, seconds=seconds)
        judged = replace(judged, diagnosis=_confirmed(run, quiet=quiet))
    _store_parameters(built, result, folder)
    store(judged, folder)
    tell(judged, run=str(folder), as_json=json, quiet=quiet)
    if plots:
        draw(judged, folder)
    if html is not None:
        from nndiag.cli.pages import write_run_page  # noqa: PLC0415

        write_run_page(html, judged, run=str(folder))
    ending = result.trace.ending
    if ending is not None and ending.reason == "interrupted":
        raise typer.Exit(ExitCode.INTERRUPTED)
    raise typer.Exit(exit_code(judged.diagnosis, fail_on=fail_on))


def _warn_of_instability(facts: "Facts") -> None:
    """On a terminal, tell before the first step that the rate is above its stability ceiling."""
    if facts.stability is None or not facts.stability.above or not sys.stderr.isatty():
        return
    from nndiag.report.stability import stability_line  # noqa: PLC0415

    notice(stability_line(facts.stability))


def _trained(built: "Built", folder: Path, *, facts: "Facts", quiet: bool) -> "TrainingResult":
    """Train with the record on disk and the progress on the terminal."""
    from nndiag.cli.live_line import LiveLine  # noqa: PLC0415
    from nndiag.trace import Recorder, TraceWriter  # noqa: PLC0415
    from nndiag.training import train as take_steps  # noqa: PLC0415
    from nndiag.training.reference import REFERENCE_SECONDS  # noqa: PLC0415

    writer = TraceWriter(folder, layers=built.layer_names)
    recorder = Recorder(layers=built.layer_names, sink=writer)
    line = LiveLine(enabled=not quiet)
    try:
        result = take_steps(
            built, recorder, facts=facts, progress=line, reference_seconds=REFERENCE_SECONDS
        )
    finally:
        recorder.close()
        line.clear()
    if recorder.sink_error is not None:
        warn(f"the run could not be recorded to its end: {recorder.sink_error}")
    return result


def _confirmed(run: "Run", *, quiet: bool) -> "Diagnosis":
    """The diagnosis with its cause confirmed or demoted by trying the remedies against it."""
    from nndiag.cli.live_line import LiveLine  # noqa: PLC0415
    from nndiag.fixing import confirm  # noqa: PLC0415

    line = LiveLine(enabled=not quiet)
    try:
        return confirm(run, notice=line.say).diagnosis
    except KeyboardInterrupt:
        warn("interrupted: the cause is as it was before the trials")
        return run.diagnosis
    finally:
        line.clear()


def _store_parameters(built: "Built", result: "TrainingResult", folder: Path) -> None:
    from nndiag.trace.run_folder import write_parameters  # noqa: PLC0415
    from nndiag.training.stored_run import named_parameters  # noqa: PLC0415

    try:
        write_parameters(folder, named_parameters(built, result.parameters))
    except RunError as error:
        warn(f"the parameters could not be stored: {error}")

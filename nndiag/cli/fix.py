"""`nndiag fix CONFIG`: try the remedies, show which one cures the run, write the cured config."""

import shlex
from collections.abc import Mapping
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nndiag.cli.options import (
    ConfigArgument,
    FailOn,
    FailOnOption,
    HtmlOption,
    IgnoreOption,
    JsonOption,
    OverridesArgument,
    QuietOption,
    SelectOption,
    ignored_by,
)
from nndiag.cli.streams import complain, emit, emit_text, warn
from nndiag.errors import ConfigError, ExitCode

if TYPE_CHECKING:
    from nndiag.experiment import Experiment
    from nndiag.fixing import Fix

SecondsOption = Annotated[
    float | None,
    typer.Option(
        "--seconds",
        min=0.0,
        help="Time for the trials. Default: no time, but the work of 16 trainings.",
        show_default=False,
    ),
]
WriteOption = Annotated[
    bool, typer.Option("--write/--no-write", help="Write the cured config beside the config.")
]


def fix(
    config: ConfigArgument,
    overrides: OverridesArgument = None,
    *,
    json: JsonOption = False,
    quiet: QuietOption = False,
    seconds: SecondsOption = None,
    write: WriteOption = True,
    fail_on: FailOnOption = FailOn.ERROR,
    ignore: IgnoreOption = None,
    select: SelectOption = None,
    html: HtmlOption = None,
) -> None:
    """Try remedies, and write the config that is cured."""
    from nndiag.cli.live_line import LiveLine  # noqa: PLC0415
    from nndiag.experiment import load_experiment  # noqa: PLC0415
    from nndiag.fixing import fix as search  # noqa: PLC0415

    own = load_experiment(config, overrides or ())
    experiment = own
    if ignore or select:
        ignored = ignored_by(select, ignore, config=own.config.diagnosis.ignore)
        narrowed = [*(overrides or ()), f"diagnosis.ignore={dumps(ignored)}"]
        experiment = load_experiment(config, narrowed)
    line = LiveLine(enabled=not quiet)
    try:
        found = search(
            experiment,
            seconds=seconds,
            notice=lambda text: line.say(f"trying: {text}"),
            progress=line,
        )
    except KeyboardInterrupt:
        complain("interrupted before the config was trained once")
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    finally:
        line.clear()
    path = _written(found, config, own) if write and found.winner is not None else None
    _tell(found, config, path, as_json=json, quiet=quiet, overrides=overrides or [], html=html)
    if found.interrupted:
        raise typer.Exit(ExitCode.INTERRUPTED)
    left = found.winner is None and not found.healthy
    grave = fail_on is FailOn.WARNING or not found.in_the_data or found.diagnosis.failing
    if left and grave and fail_on is not FailOn.NEVER:
        raise typer.Exit(ExitCode.FINDING)


def _written(found: "Fix", config: Path, own: "Experiment") -> Path | None:
    """The cured config's file; a folder that cannot be written is a warning.

    Args:
        found: What cures.
        config: The failing config's file.
        own: Its experiment, whose problems to look for the cured config keeps.
    """
    from nndiag.experiment import experiment_of  # noqa: PLC0415
    from nndiag.fixing import write_cured  # noqa: PLC0415
    from nndiag.remedies import remedy_of  # noqa: PLC0415

    if found.winner is None or found.winner.trial.run is None:
        return None
    trial, cured = found.winner.trial, found.winner.trial.run.experiment
    titles = [remedy_of(name).title for name in trial.remedies]
    cured = experiment_of({**cured.resolved, "diagnosis": own.resolved["diagnosis"]})
    comment = "\n".join([f"What cures {config.name}, found by nndiag fix:", *titles])
    try:
        return write_cured(config, cured, comment=comment)
    except ConfigError as error:
        warn(str(error))
        return None


def _tell(
    found: "Fix",
    config: Path,
    path: Path | None,
    *,
    as_json: bool,
    quiet: bool,
    overrides: list[str],
    html: Path | None,
) -> None:
    """Print the report, or the JSON object, or the result alone."""
    from nndiag.report.fix import fix_document, fix_line, fix_report  # noqa: PLC0415
    from nndiag.trace.plain import json_text  # noqa: PLC0415

    name = found.experiment.config.name
    fixed = None if path is None else str(path)
    advice = _next(found, shlex.join([str(config), *overrides]), fixed)
    report = fix_report(found, name=name, fixed=fixed, next_command=advice)
    if as_json:
        emit_text(json_text(fix_document(found, config=name, fixed=fixed)))
    elif quiet:
        emit_text(f"{name}: {fix_line(found)}\n")
    else:
        emit(report)
    if html is not None:
        from nndiag.cli.pages import write_report  # noqa: PLC0415
        from nndiag.plots.vector import vector_losses  # noqa: PLC0415

        title = f"{name}: {fix_line(found)}"
        write_report(html, title, report, pictures=vector_losses(found.traces))


def _next(found: "Fix", config: str, fixed: str | None) -> str:
    """The command to try next."""
    if fixed is not None:
        return f"nndiag train {shlex.quote(fixed)}"
    if found.healthy:
        return f"nndiag gradcheck {config}"
    if found.winner is not None or found.interrupted:
        words = None if found.winner is None else _overrides(found.winner.trial.changes)
        again = f"nndiag fix {config}"
        return again if words is None else f"nndiag train {config} {shlex.join(words)}"
    if found.in_the_data and found.diagnosis.cause is not None:
        return f"nndiag explain {found.diagnosis.cause.finding.problem}"
    if any(trial.run is None for trial in found.trials):
        return f"nndiag fix {config} --seconds {max(10, round(4 * found.budget))}"
    return f"nndiag sweep-lr {config}"


def _overrides(changes: Mapping[str, Any], section: str = "") -> list[str] | None:
    """Changed keys as `key=value` of a command line; None where layers change."""
    words: list[str] = []
    for key, value in changes.items():
        if isinstance(value, list):
            return None
        path = f"{section}{key}"
        inner = [f"{path}={value if isinstance(value, str) else dumps(value)}"]
        if isinstance(value, Mapping):
            below = _overrides(value, f"{path}.")
            if below is None:
                return None
            inner = below
        words += inner
    return words

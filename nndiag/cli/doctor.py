"""`nndiag doctor CONFIG`: what is worth looking at before any training, as a ticked list."""

import shlex

import typer

from nndiag.cli.options import (
    ConfigArgument,
    FailOn,
    FailOnOption,
    HtmlOption,
    JsonOption,
    OverridesArgument,
    QuietOption,
)
from nndiag.cli.streams import emit, emit_text
from nndiag.errors import ExitCode


def doctor(
    config: ConfigArgument,
    overrides: OverridesArgument = None,
    *,
    json: JsonOption = False,
    quiet: QuietOption = False,
    fail_on: FailOnOption = FailOn.ERROR,
    html: HtmlOption = None,
) -> None:
    """Check what is worth checking before any training."""
    from nndiag.checkup import checkup  # noqa: PLC0415
    from nndiag.cli.live_line import LiveLine  # noqa: PLC0415
    from nndiag.experiment import load_experiment  # noqa: PLC0415
    from nndiag.report.doctor import doctor_document, doctor_line, doctor_report  # noqa: PLC0415
    from nndiag.trace.plain import json_text  # noqa: PLC0415

    experiment = load_experiment(config, overrides or ())
    line = LiveLine(enabled=not quiet)
    try:
        found = checkup(experiment, notice=line.say)
    finally:
        line.clear()
    arguments = shlex.join([str(config), *(overrides or ())])
    verb = "fix" if found.failed else "train"
    report = doctor_report(found, next_command=f"nndiag {verb} {arguments}")
    if html is not None:
        from nndiag.cli.pages import write_report  # noqa: PLC0415

        write_report(html, f"{found.name}: {doctor_line(found)}", report)
    if json:
        emit_text(json_text(doctor_document(found)))
    elif quiet:
        emit_text(f"{found.name}: {doctor_line(found)}\n")
    else:
        emit(report)
    grave = found.failed if fail_on is FailOn.ERROR else (*found.failed, *found.warnings)
    failing = bool(grave) and fail_on is not FailOn.NEVER
    raise typer.Exit(ExitCode.FINDING if failing else ExitCode.HEALTHY)

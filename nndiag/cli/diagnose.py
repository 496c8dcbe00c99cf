"""`nndiag diagnose RUN`: judge a stored run again."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from nndiag.cli.options import (
    FailOn,
    FailOnOption,
    HtmlOption,
    IgnoreOption,
    JsonOption,
    QuietOption,
    SelectOption,
    exit_code,
)
from nndiag.cli.streams import warn


def diagnose(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN",
            help="Folder of a run, or of runs: the newest; or a log, CSV or JSON.",
            show_default=False,
        ),
    ],
    thresholds: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PROBLEM.THRESHOLD=VALUE",
            help="Other thresholds: vanishing-gradients.ratio=1e-4",
            show_default=False,
        ),
    ] = None,
    *,
    json: JsonOption = False,
    quiet: QuietOption = False,
    fail_on: FailOnOption = FailOn.ERROR,
    ignore: IgnoreOption = None,
    select: SelectOption = None,
    html: HtmlOption = None,
) -> None:
    """Judge a stored run again."""
    from nndiag.cli.judging import Wanted, judge, tell  # noqa: PLC0415
    from nndiag.trace.foreign import read_run  # noqa: PLC0415
    from nndiag.trace.stored import runs_in  # noqa: PLC0415

    run = (runs_in(run) or [run])[-1]
    trace = read_run(run)
    settings = trace.facts.settings
    wanted = Wanted.of_settings(settings, ignore=ignore, select=select, thresholds=thresholds or ())
    config = run / "config.yaml"
    judged = judge(
        trace,
        wanted,
        command="diagnose",
        name=str(settings.get("name", run.resolve().name)),
        config=shlex.quote(str(config)) if config.exists() else None,
    )
    tell(judged, run=str(run), as_json=json, quiet=quiet)
    if html is not None:
        from nndiag.cli.pages import write_run_page  # noqa: PLC0415

        write_run_page(html, judged, run=str(run))
    unused = settings.get("columns_not_used")
    if unused and not quiet:
        warn(f"columns that were not used: {', '.join(map(str, unused[:10]))}")
    raise typer.Exit(exit_code(judged.diagnosis, fail_on=fail_on))

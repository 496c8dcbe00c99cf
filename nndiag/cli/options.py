"""Arguments and options that several commands share, as decorators."""

from pathlib import Path

import click

from nndiag.cli.completion import problems

FAILING: dict[str, tuple[str, ...]] = {
    "error": ("error",),
    "warning": ("error", "warning"),
    "never": (),
}
"""What `--fail-on` takes → the severities that make the exit code 1."""

PATH = click.Path(path_type=Path)

config_argument = click.argument("config", metavar="CONFIG", help="The config, a YAML file.")
trained_argument = click.argument(
    "config",
    metavar="CONFIG|PROGRAM",
    help="A config, or a program of your own: my_net.py, my_net.py:Network, my_net.ipynb. "
    "The program is run, with your rights, to the end of its training.",
)
overrides_argument = click.argument(
    "overrides",
    metavar="[KEY=VALUE]...",
    nargs=-1,
    help="Settings that replace those of the config: optimizer.learning_rate=0.01",
)
runs_option = click.option(
    "--runs",
    metavar="DIR",
    type=PATH,
    default=Path("runs"),
    show_default=True,
    help="Where runs are stored.",
)
plots_option = click.option(
    "--plots/--no-plots",
    default=True,
    show_default=True,
    help="Draw pictures into the run's folder.",
)
python_option = click.option(
    "--python",
    metavar="PATH",
    help="The Python that runs a program: that of the active environment, or `python` on the "
    "path, if none is given.",
)
workers_option = click.option(
    "--workers",
    metavar="N|dask://HOST:PORT",
    help="Processes that share the work, or a cluster of dask: as many as there are processors, "
    "if not given.",
)
ignore_option = click.option(
    "--ignore",
    metavar="PROBLEM",
    multiple=True,
    help="Do not look for this problem. Repeatable.",
    shell_complete=problems,
)
select_option = click.option(
    "--select",
    metavar="PROBLEM",
    multiple=True,
    help="Look only for this problem. Repeatable.",
    shell_complete=problems,
)

SHARED = {
    "json": click.option("--json", is_flag=True, help="Print one JSON object instead."),
    "quiet": click.option(
        "--quiet", "-q", is_flag=True, help="Print the verdict alone, in one line."
    ),
    "fail_on": click.option(
        "--fail-on",
        type=click.Choice(list(FAILING)),
        default="error",
        show_default=True,
        help="The least severity that makes the exit code 1.",
    ),
    "output_format": click.option(
        "--output-format",
        type=click.Choice(["text", "github", "sarif", "junit"]),
        default="text",
        show_default=True,
        help="Print what was found as other tools read it.",
    ),
    "html": click.option(
        "--html",
        metavar="FILE",
        type=PATH,
        help="Write the report with its pictures as one self-contained page too.",
    ),
}
"""The options that all commands share, by the name of their parameter."""

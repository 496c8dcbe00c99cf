"""`nndiag schema [OF]`: the JSON Schema of the config, or of what `--json` prints."""

import click

from nndiag.cli.command import command
from nndiag.cli.streams import emit_text


@command("schema", rank=11, without=("json", "quiet", "fail_on", "html", "output_format"))
@click.argument(
    "of",
    metavar="[config|report]",
    type=click.Choice(["config", "report"]),
    default="config",
    help="A config, or what --json prints; a config if not said.",
)
def schema(of: str) -> None:
    """Print the JSON Schema of a config, or of what --json prints."""
    from nndiag.plain import json_text  # noqa: PLC0415
    from nndiag.verbs.schema import schema as schema_of  # noqa: PLC0415

    emit_text(json_text(schema_of(of)))
